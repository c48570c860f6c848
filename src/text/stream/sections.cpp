// DeepSeek V3, R1 and V3.1, Kimi K2: a section of calls, each a header, a separator and arguments.
#include <optional>

#include "text/stream/family.h"

namespace jamsu::text {
namespace {

struct Words {
  std::string_view section, section_end, call, separator, call_end, end_of_sequence;
};
constexpr Words kDeepSeek{"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>",
                          "<｜tool▁sep｜>",         "<｜tool▁call▁end｜>",  "<｜end▁of▁sentence｜>"};
constexpr Words kKimi{"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>",
                      "<|tool_call_argument_begin|>", "<|tool_call_end|>",          "<|im_end|>"};

// functions.get_weather:0 -> get_weather
std::string_view kimi_name(std::string_view id) {
  constexpr std::string_view kPrefix = "functions.";
  if (id.starts_with(kPrefix)) id.remove_prefix(kPrefix.size());
  const size_t digits = id.find_last_not_of("0123456789");
  if (digits != std::string_view::npos && digits + 1 < id.size() && id[digits] == ':') id = id.substr(0, digits);
  return id;
}

class SectionFamily final : public ThinkFamily {
 public:
  // Lenient: a call may stand without its section's marks, as Kimi's often do.
  SectionFamily(StreamFormat format, const Words& words, const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(sink, options,
                    {.sections = options.lenient ? std::vector{words.section, words.call} : std::vector{words.section},
                     .ends = {words.end_of_sequence}}),
        format_(format),
        section_(words.section) {
    between_ = {{kCall, words.call}, {kEnd, words.section_end}};
    add_ends(between_);
    inside_ = between_;
    inside_.push_back({kCallEnd, words.call_end});
    header_markers_ = inside_;
    header_markers_.push_back({kSeparator, words.separator});
  }

 private:
  enum Own : int { kCall = kOwn, kEnd, kCallEnd, kSeparator };
  enum class Where : uint8_t { between, header, name, arguments };  // name: V3 alone, up to the end of its line

  bool drops_pieces() const override { return lenient() && in_section() && where_ == Where::arguments; }

  void section_begin(std::string_view /*before*/, std::string_view mark) override {
    alone_ = mark != section_;
    if (alone_) where_ = Where::header;
  }

  std::span<const Marker> section_markers() const override {
    if (where_ == Where::between) return between_;
    if (where_ == Where::header) return header_markers_;
    return inside_;
  }

  size_t section_text(std::string_view s) override {
    if (where_ == Where::between) {
      if (!alone_ || trim_left(s).empty()) return s.size();
      leave_section();
      return 0;
    }
    if (where_ == Where::arguments) {
      arguments_->push(s);
      return s.size();
    }
    const size_t line = where_ == Where::name ? s.find('\n') : std::string_view::npos;
    const std::string_view part = s.substr(0, line);
    if (header_.size() + part.size() > kMostHeader) {
      close(false);
      return s.size();
    }
    header_ += part;
    if (line == std::string_view::npos) return s.size();
    begin_call();
    return line + 1;
  }

  void section_marker(const Marker& m) override {
    if (m.id == kSeparator) {
      if (format_ != StreamFormat::deepseek_v3) return begin_call();
      type_ = trim(header_);
      header_.clear();
      where_ = Where::name;
      return;
    }
    close(m.id == kCallEnd);
    if (m.id == kCall) where_ = Where::header;
    if (m.id == kEnd) leave_section();
  }

  void section_end_of_text() override {
    if (lenient() && where_ == Where::arguments) {  // Kimi leaves the end marks out
      where_ = Where::between;
      if (!arguments_->finish_at_end() || !alone_) truncate();
      return;
    }
    const bool between = where_ == Where::between;
    close(false);
    if (!alone_ || !between) truncate();
  }

  void begin_call() {
    StreamCall call;
    call.name = trim(header_);
    if (format_ == StreamFormat::kimi_k2) {
      call.id = call.name;
      call.name = kimi_name(call.id);
    }
    if (format_ == StreamFormat::deepseek_v3) call.type = type_;
    if (call.name.empty()) return close(false);
    where_ = Where::arguments;
    sink_.call_begin(call);
    arguments_.emplace(sink_, format_ == StreamFormat::deepseek_v3, lenient());
  }

  // The call, if one has begun: without its whole header it is dropped.
  void close(bool complete) {
    if (where_ == Where::arguments && lenient() && !complete) {
      arguments_->finish_at_end();
    } else if (where_ == Where::arguments) {
      arguments_->finish(complete);
    } else if (where_ != Where::between) {
      drop();
    }
    where_ = Where::between;
    header_.clear();
  }

  StreamFormat format_;
  std::string_view section_;
  bool alone_ = false;  // no section's mark began this
  Where where_ = Where::between;
  std::string header_, type_;
  std::optional<Arguments> arguments_;
  std::vector<Marker> between_, inside_, header_markers_;
};

}  // namespace

FamilyPtr make_sections(StreamFormat format, const StreamOptions& options, StreamSink& sink) {
  const Words& words = format == StreamFormat::kimi_k2 ? kKimi : kDeepSeek;
  return std::make_unique<SectionFamily>(format, words, options, sink);
}

}  // namespace jamsu::text

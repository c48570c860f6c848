// DeepSeek V3, R1 and V3.1, Kimi K2, Solar Open: a section of calls, each a header, a separator and arguments.
#include <optional>

#include "text/stream/family.h"

namespace jamsu::text {
namespace {

struct Words {
  std::string_view section, section_end, call;
  std::string_view id_end = {};  // before the name
  std::string_view separator, call_end, end_of_sequence;
  std::string_view think = "<think>", think_end = "</think>";
  bool think_again = false;  // ThinkFamily::Tags, as is passed
  std::array<std::string_view, 3> passed = {};
};
constexpr Words kDeepSeek{.section = "<｜tool▁calls▁begin｜>",
                          .section_end = "<｜tool▁calls▁end｜>",
                          .call = "<｜tool▁call▁begin｜>",
                          .separator = "<｜tool▁sep｜>",
                          .call_end = "<｜tool▁call▁end｜>",
                          .end_of_sequence = "<｜end▁of▁sentence｜>"};
constexpr Words kKimi{.section = "<|tool_calls_section_begin|>",
                      .section_end = "<|tool_calls_section_end|>",
                      .call = "<|tool_call_begin|>",
                      .separator = "<|tool_call_argument_begin|>",
                      .call_end = "<|tool_call_end|>",
                      .end_of_sequence = "<|im_end|>"};
// Each part is a message of its own, and the end of any is the end of reasoning.
constexpr Words kSolar{.section = "<|tool_calls|>",
                       .section_end = "<|calls|>",
                       .call = "<|tool_call:begin|>",
                       .id_end = "<|tool_call:name|>",
                       .separator = "<|tool_call:args|>",
                       .call_end = "<|tool_call:end|>",
                       .end_of_sequence = "<|flush|>",
                       .think = "<|think|>",
                       .think_end = "<|end|>",
                       .think_again = true,
                       .passed = {"<|begin|>assistant", "<|content|>", "<|end|>"}};

const Words& words_of(StreamFormat format) {
  if (format == StreamFormat::solar_open) return kSolar;
  return format == StreamFormat::kimi_k2 ? kKimi : kDeepSeek;
}

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
                    {.think = {words.think},
                     .think_end = words.think_end,
                     .think_again = words.think_again,
                     .sections = options.lenient ? std::vector{words.section, words.call} : std::vector{words.section},
                     .ends = {words.end_of_sequence},
                     .passed = filled(words.passed)}),
        format_(format),
        section_(words.section) {
    between_ = {{kCall, words.call}, {kEnd, words.section_end}};
    add_ends(between_);
    inside_ = between_;
    inside_.push_back({kCallEnd, words.call_end});
    header_markers_ = inside_;
    header_markers_.push_back({kSeparator, words.separator});
    if (!words.id_end.empty()) header_markers_.push_back({kIdEnd, words.id_end});
  }

 private:
  enum Own : int { kCall = kOwn, kEnd, kCallEnd, kSeparator, kIdEnd };
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
      const size_t blank = s.size() - trim_left(s).size();
      if (alone_ && blank < s.size()) leave_section();
      return alone_ ? blank : s.size();
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
    if (m.id == kIdEnd) {
      id_ = trim(header_);
      header_.clear();
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
    call.id = id_;
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
    id_.clear();
  }

  StreamFormat format_;
  std::string_view section_;
  bool alone_ = false;  // no section's mark began this
  Where where_ = Where::between;
  std::string header_, type_, id_;
  std::optional<Arguments> arguments_;
  std::vector<Marker> between_, inside_, header_markers_;
};

}  // namespace

FamilyPtr make_sections(StreamFormat format, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<SectionFamily>(format, words_of(format), options, sink);
}

}  // namespace jamsu::text

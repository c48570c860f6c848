// DeepSeek V3.2 and V4: invoke and parameter tags; their values become the members of a JSON object.
#include <optional>

#include "text/stream/family.h"

namespace jamsu::text {
namespace {

constexpr std::string_view kInvokeTag = "<｜DSML｜invoke", kInvokeEndTag = "</｜DSML｜invoke>",
                           kParameterTag = "<｜DSML｜parameter", kParameterEndTag = "</｜DSML｜parameter>";

// Takes ` name="value"` from the start of s.
std::optional<std::string_view> take_attribute(std::string_view& s, std::string_view name) {
  std::string_view rest = trim_left(s);
  if (rest.size() == s.size() || !rest.starts_with(name)) return std::nullopt;
  rest.remove_prefix(name.size());
  if (!rest.starts_with("=\"")) return std::nullopt;
  rest.remove_prefix(2);
  const size_t end = rest.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  s = rest.substr(end + 1);
  return rest.substr(0, end);
}

class DsmlFamily final : public ThinkFamily {
 public:
  DsmlFamily(StreamFormat format, const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(
            sink, options,
            {.sections = {format == StreamFormat::dsml_v32 ? "<｜DSML｜function_calls>" : "<｜DSML｜tool_calls>"},
             .ends = {"<｜end▁of▁sentence｜>"},
             .before = HeldTail::Kind::line_feeds,
             .most_before = 2}) {
    const Marker end{kEnd, format == StreamFormat::dsml_v32 ? "</｜DSML｜function_calls>" : "</｜DSML｜tool_calls>"};
    between_ = {{kInvoke, kInvokeTag}, end};
    invoke_ = {{kInvoke, kInvokeTag}, {kInvokeEnd, kInvokeEndTag}, {kParameter, kParameterTag}, end};
    parameter_ = {{kInvoke, kInvokeTag}, {kInvokeEnd, kInvokeEndTag}, {kParameterEnd, kParameterEndTag}, end};
    for (std::vector<Marker>* markers : {&between_, &invoke_, &parameter_}) add_ends(*markers);
  }

 private:
  enum Own : int { kInvoke = kOwn, kInvokeEnd, kParameter, kParameterEnd, kEnd };
  enum class Where : uint8_t { between, invoke_tag, invoke, parameter_tag, value };

  std::span<const Marker> section_markers() const override {
    if (where_ == Where::between) return between_;
    if (where_ == Where::parameter_tag || where_ == Where::value) return parameter_;
    return invoke_;
  }

  size_t section_text(std::string_view s) override {
    if (where_ == Where::between || where_ == Where::invoke) return s.size();
    if (where_ == Where::value) {
      if (value_.size() + s.size() > kMostBody) {
        drop();
        where_ = Where::invoke;
      } else {
        value_ += s;
      }
      return s.size();
    }
    return tag_text(s);
  }

  // Up to the '>' that is not in quotes.
  size_t tag_text(std::string_view s) {
    size_t at = 0;
    for (; at < s.size() && (quoted_ || s[at] != '>'); ++at)
      if (s[at] == '"') quoted_ = !quoted_;
    if (tag_.size() + at > kMostHeader) {
      bad_tag();
      return s.size();
    }
    tag_ += s.substr(0, at);
    if (at == s.size()) return at;
    if (where_ == Where::invoke_tag) {
      end_invoke_tag();
    } else {
      end_parameter_tag();
    }
    return at + 1;
  }

  void bad_tag() {
    drop();
    where_ = where_ == Where::invoke_tag ? Where::between : Where::invoke;
  }

  void begin_tag(Where where) {
    where_ = where;
    tag_.clear();
    quoted_ = false;
  }

  void end_invoke_tag() {
    std::string_view rest = tag_;
    const auto name = take_attribute(rest, "name");
    if (!name || trim(*name).empty() || !trim(rest).empty()) return bad_tag();
    StreamCall call;
    call.name = trim(*name);
    sink_.call_begin(call);
    members_ = 0;
    judge_ = {};
    where_ = Where::invoke;
  }

  void end_parameter_tag() {
    std::string_view rest = tag_;
    const auto name = take_attribute(rest, "name");
    const auto string = name ? take_attribute(rest, "string") : std::nullopt;
    if (!string || (*string != "true" && *string != "false") || !trim(rest).empty()) return bad_tag();
    name_ = *name;
    string_ = *string == "true";
    value_.clear();
    where_ = Where::value;
  }

  void emit(std::string_view s) {
    sink_.call_arguments(s);
    judge_.push(s);
  }

  void end_value() {
    std::string member = members_++ == 0 ? "{" : ", ";
    member += json_quoted(name_) + ": ";
    member += string_ ? json_quoted(value_) : value_;
    emit(member);
    where_ = Where::invoke;
  }

  void close(bool complete) {
    if (where_ == Where::invoke_tag) {
      drop();
    } else if (where_ != Where::between) {
      // A parameter that its invoke's end cuts off; an invoke cut off shows what is missing itself.
      if (complete && where_ != Where::invoke) drop();
      if (complete) emit(members_ == 0 ? "{}" : "}");
      sink_.call_end(complete, judge_.finish());
    }
    where_ = Where::between;
  }

  void section_marker(const Marker& m) override {
    if (m.id == kParameter) {
      if (where_ == Where::invoke_tag) return close(false);
      return begin_tag(Where::parameter_tag);
    }
    if (m.id == kParameterEnd) return where_ == Where::value ? end_value() : bad_tag();
    close(m.id == kInvokeEnd);
    if (m.id == kInvoke) begin_tag(Where::invoke_tag);
    if (m.id == kEnd) leave_section();
  }

  void section_end_of_text() override {
    close(false);
    truncate();
  }

  Where where_ = Where::between;
  bool quoted_ = false, string_ = false;
  uint32_t members_ = 0;
  std::string tag_, name_, value_;
  JsonJudge judge_;
  std::vector<Marker> between_, invoke_, parameter_;
};

}  // namespace

FamilyPtr make_dsml(StreamFormat format, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<DsmlFamily>(format, options, sink);
}

}  // namespace jamsu::text

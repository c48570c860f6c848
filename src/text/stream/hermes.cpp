// Hermes, Qwen, QwQ: <tool_call> around a JSON object. The block ends at the first end tag behind a whole object, so
// that an end tag inside a string does no harm;
// a block that cannot become one stays in the content up to its first end tag.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>

#include "text/stream/family.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

constexpr std::string_view kOpen = "<tool_call>", kClose = "</tool_call>";

// The text of the last member `key`. REQUIRES: `object` is a JSON object that was parsed without an error.
std::optional<std::string_view> member_text(std::string_view object, std::string_view key) {
  std::optional<std::string_view> found;
  std::string_view name;
  size_t depth = 0, value = 0;
  for (size_t at = 0; at < object.size(); ++at) {
    const char c = object[at];
    const size_t begin = at;
    if (c == '"') {
      for (++at; object[at] != '"'; ++at)
        if (object[at] == '\\') ++at;
      if (depth == 1 && value == 0) name = object.substr(begin, at + 1 - begin);
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == ':' && depth == 1) {
      value = at + 1;
    } else if (c == '}' || c == ']' || c == ',') {
      if (depth == 1 && value > 0) {
        if (json::parse(json::string_view(name.data(), name.size())).as_string() ==
            json::string_view(key.data(), key.size()))
          found = trim(object.substr(value, at - value));
        value = 0;
      }
      if (c != ',') --depth;
    }
  }
  return found;
}

class HermesFamily final : public ThinkFamily {
 public:
  HermesFamily(const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(sink, options,
                    {.sections = {kOpen},
                     .ends = {"<|im_end|>"},
                     .section_in_reasoning = false,
                     .before = HeldTail::Kind::white_space,
                     .most_before = kMostWhiteSpace}),
        markers_{{kCloseTag, kClose}} {
    add_ends(markers_);
  }

 private:
  enum Own : int { kCloseTag = kOwn };
  enum class Phase : uint8_t { before, object, after, text };  // text: the block is content
  static constexpr size_t kNone = std::string::npos;

  std::span<const Marker> section_markers() const override { return markers_; }

  void section_begin(std::string_view before, std::string_view /*mark*/) override {
    before_ = before;
    body_.clear();
    first_end_ = kNone;
    phase_ = Phase::before;
    depth_ = 0;
    in_string_ = escaped_ = false;
  }

  size_t section_text(std::string_view s) override {
    if (phase_ == Phase::text) {
      sink_.content(s);
      return s.size();
    }
    const size_t size = fitting(body_.size(), s, kMostBody);
    const bool too_long = size < s.size();
    s = s.substr(0, size);
    for (size_t at = 0; at < s.size(); ++at) {
      if (phase_ != Phase::object) {
        at = s.size() - trim_left(s.substr(at)).size();
        if (at == s.size()) break;
        if (phase_ == Phase::after || s[at] != '{') return refuse(s.substr(0, at));
        phase_ = Phase::object;
      }
      if (!step(s[at])) return refuse(s.substr(0, at));
      if (phase_ == Phase::after && !judge(s.substr(0, at + 1))) return refuse(s.substr(0, at + 1));
    }
    if (too_long) return refuse(s);
    body_ += s;
    return s.size();
  }

  // One character of the object; only its brackets and strings are followed. False: this is no JSON.
  bool step(char c) {
    if (in_string_) {
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (!escaped_ && c == '"') in_string_ = false;
      escaped_ = !escaped_ && c == '\\';
      return true;
    }
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      return ++depth_ <= kMostJsonDepth;
    } else if (c == '}' || c == ']') {
      if (--depth_ == 0) phase_ = Phase::after;
    } else {
      return std::string_view(" \t\r\n,:+-.0123456789eEtrufalsn").find(c) != std::string_view::npos;
    }
    return true;
  }

  // The object is whole: body_ and `last`.
  bool judge(std::string_view last) {
    const std::string whole = body_ + std::string(last);
    const std::string_view object = trim(whole);
    json::parse_options options;
    options.max_depth = kMostJsonDepth;
    json::error_code error;
    const json::value parsed = json::parse(json::string_view(object.data(), object.size()), error, {}, options);
    if (error || !parsed.is_object()) return false;
    const json::value* name = parsed.as_object().if_contains("name");
    if (!name || !name->is_string()) return false;
    call_name_ = trim(std::string_view(name->as_string()));
    const json::value* arguments = parsed.as_object().if_contains("arguments");
    if (!arguments) {
      arguments_ = "{}";
    } else if (arguments->is_string()) {
      arguments_ = std::string_view(arguments->as_string());
    } else {
      arguments_ = member_text(object, "arguments").value_or("");
    }
    return true;
  }

  // The block is text, up to its first end tag; what was read behind that is read again. `s` is taken from the text.
  size_t refuse(std::string_view s) {
    drop();
    body_ += s;
    sink_.content(before_ + std::string(kOpen) + body_.substr(0, first_end_));
    phase_ = Phase::text;
    if (first_end_ != kNone) {
      again(std::string_view(body_).substr(first_end_));
      leave_section();
    }
    return s.size();
  }

  void end_call() {
    StreamCall call;
    call.name = call_name_;
    sink_.call_begin(call);
    Arguments arguments(sink_, false, lenient());
    arguments.push(arguments_);
    arguments.finish(true);
    leave_section();
  }

  void section_marker(const Marker& m) override {
    if (phase_ == Phase::text) {
      sink_.content(m.text);
      leave_section();
    } else if (phase_ == Phase::after) {
      end_call();
    } else {
      body_ += m.text;
      if (first_end_ == kNone) first_end_ = body_.size();
      if (!in_string_) refuse({});
    }
  }

  void section_end_of_text() override {
    if (phase_ == Phase::after) return end_call();
    if (phase_ != Phase::text) refuse({});
    if (in_section()) truncate();
  }

  std::vector<Marker> markers_;
  std::string before_, body_, call_name_, arguments_;
  size_t first_end_ = kNone;  // behind the first end tag in body_
  Phase phase_ = Phase::before;
  uint32_t depth_ = 0;
  bool in_string_ = false, escaped_ = false;
};

}  // namespace

FamilyPtr make_hermes(StreamFormat /*format*/, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<HermesFamily>(options, sink);
}

}  // namespace jamsu::text

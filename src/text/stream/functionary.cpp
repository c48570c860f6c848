// Functionary 3.2: parts that each begin with >>>, a recipient and a line feed: `all` for content, else a function and
// its arguments as JSON. The prompt ends behind the first >>>. What follows another >>> and does not look so is content.
#include <algorithm>
#include <optional>
#include <string>

#include "text/stream/family.h"
#include "text/stream/schema.h"

namespace jamsu::text {
namespace {

class FunctionaryFamily final : public ThinkFamily {
 public:
  FunctionaryFamily(const StreamOptions& options, StreamSink& sink)
      : ThinkFamily(sink, options,
                    {.sections = {kPart},
                     .ends = {"<|eot_id|>", "<|eom_id|>"},
                     .section_in_reasoning = false,
                     .before = HeldTail::Kind::white_space,
                     .most_before = kMostWhiteSpace}),
        schemas_(options.tools) {
    add_ends(ends_);
    parts_ = {{kNext, kPart}};
    add_ends(parts_);
  }

 private:
  static constexpr std::string_view kPart = ">>>", kAll = "all", kPython = "python";
  enum Own : int { kNext = kOwn };
  // first: between the recipient's line and what follows it. code: Python instead of JSON, up to the next part.
  enum class Where : uint8_t { recipient, first, arguments, code, after };

  std::span<const Marker> section_markers() const override {
    return where_ == Where::arguments || where_ == Where::recipient || where_ == Where::first ? ends_ : parts_;
  }

  bool drops_pieces() const override {
    return lenient() && in_section() && (where_ == Where::arguments || where_ == Where::code);
  }

  // The first part has its mark in the prompt.
  bool section_of_content(std::string_view /*first*/) override { return true; }

  void section_begin(std::string_view before, std::string_view mark) override {
    where_ = Where::recipient;
    read_ = std::string(before) + std::string(mark);
    name_.clear();
  }

  size_t section_text(std::string_view s) override {
    switch (where_) {
      case Where::recipient:
        return recipient(s);
      case Where::first:
        return first(s);
      case Where::arguments: {
        const size_t size = object_.take(s);
        arguments_->push(s.substr(0, size));
        if (!object_.whole()) return size;
        arguments_->finish(true);
        where_ = Where::after;
        return size;
      }
      case Where::code: {
        const size_t size = fitting(code_.size(), s, kMostBody);
        code_ += s.substr(0, size);
        if (size < s.size()) close(false);
        return size;
      }
      case Where::after:
        break;
    }
    const std::string_view rest = trim_left(s);
    if (!rest.empty()) leave_section();
    return s.size() - rest.size();
  }

  // Without tools a name has the letters and the length that chat APIs allow.
  bool may_begin_name(std::string_view name) const {
    if (!is_name(name)) return false;
    if (kAll.starts_with(name) || schemas_.has_beginning(name)) return true;
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '.';
    };
    return schemas_.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), fits);
  }
  bool knows(std::string_view name) const { return !name.empty() && (schemas_.empty() || schemas_.has(name)); }

  // Up to the line feed. What cannot become a name is content at once.
  size_t recipient(std::string_view s) {
    const size_t line = s.find('\n');
    const std::string_view part = s.substr(0, line);
    for (size_t i = 1; i <= part.size(); ++i) {
      if (may_begin_name(name_ + std::string(part.substr(0, i)))) continue;
      refuse();
      return 0;
    }
    name_ += part;
    read_ += part;
    if (line == std::string_view::npos) return s.size();
    if (name_ == kAll) {
      leave_section();
      return line + 1;
    }
    if (!knows(name_)) {
      refuse();
      return line;
    }
    read_ += '\n';
    where_ = Where::first;
    return line + 1;
  }

  size_t first(std::string_view s) {
    const std::string_view rest = trim_left(s);
    const std::string_view blank = s.substr(0, s.size() - rest.size());
    if (read_.size() + blank.size() > kMostHeader) {
      refuse();
      return 0;
    }
    read_ += blank;
    if (rest.empty()) return s.size();
    const bool object = rest[0] == '{';
    if (!object && name_ != kPython) {
      refuse();
      return blank.size();
    }
    sink_.call_begin({.name = name_});
    where_ = object ? Where::arguments : Where::code;
    object_ = {};
    code_.clear();
    if (object) arguments_.emplace(sink_, false, lenient());
    return blank.size();
  }

  void refuse() {
    if (where_ == Where::first && schemas_.has(name_)) drop();
    if (!read_.empty()) sink_.content(read_);
    leave_section();
  }

  // The code, if the call is one.
  void close(bool complete) {
    if (where_ != Where::code) return;
    if (complete) sink_.call_arguments("{\"code\": " + json_quoted(trim_right(code_)) + "}");
    if (!complete) drop();
    sink_.call_end(complete, complete);
    where_ = Where::after;
  }

  void section_marker(const Marker& m) override {
    close(true);
    section_begin({}, m.text);
  }

  // A reply's end is that of its last call too.
  void section_end_of_text() override {
    if (where_ == Where::arguments) {
      if (!arguments_->finish_at_end()) truncate();
    } else if (where_ == Where::recipient || where_ == Where::first) {
      const bool call = where_ == Where::first;
      refuse();
      if (call) truncate();
      return;
    }
    close(true);
    leave_section();
  }

  ToolSchemas schemas_;
  std::vector<Marker> ends_, parts_;
  Where where_ = Where::recipient;
  std::string read_;  // since the part began
  std::string name_, code_;
  JsonEnd object_;
  std::optional<Arguments> arguments_;
};

}  // namespace

FamilyPtr make_functionary(StreamFormat /*format*/, const StreamOptions& options, StreamSink& sink) {
  return std::make_unique<FunctionaryFamily>(options, sink);
}

}  // namespace jamsu::text

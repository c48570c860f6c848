#include "formats/json_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "formats/strict_json.h"

namespace jamsu::formats {
namespace {

namespace json = boost::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Reads from `at_` on and knows its line.
class Records {
 public:
  Records(std::string_view text, const std::string& file, UseRecord use) : text_(text), file_(file), use_(use) {}

  Result<int64_t> all() {
    pass_blanks();
    const Status s = at_ < text_.size() && text_[at_] == '[' ? array() : objects();
    if (!s) return s.error();
    return taken_;
  }

 private:
  std::string where() const { return fmt::format("{}:{}", file_, line_); }

  void advance(size_t bytes) {
    const std::string_view passed = text_.substr(at_, bytes);
    line_ += std::count(passed.begin(), passed.end(), '\n');
    at_ += bytes;
  }

  // Blank lines, and the byte order mark of a file that was joined to this one.
  void pass_blanks() {
    for (;;) {
      const size_t next = text_.find_first_not_of(" \t\r\n\f\v", at_);
      advance((next == std::string_view::npos ? text_.size() : next) - at_);
      if (!text_.substr(at_).starts_with(kByteOrderMark)) return;
      advance(kByteOrderMark.size());
    }
  }

  Status take(const json::value& value) {
    if (!value.is_object()) return Error{where() + ": is no JSON object."};
    ++taken_;
    return use_(value.get_object(), where());
  }

  // An object a line; one that a line does not hold may go on behind it.
  Status objects() {
    for (; at_ < text_.size(); pass_blanks()) {
      const std::string_view line = text_.substr(at_, std::min(text_.find('\n', at_), text_.size()) - at_);
      bool unfinished = false;
      auto first = parse_first_json(line, where(), &unfinished);
      if (!first && unfinished && line.size() < text_.size() - at_) {
        auto longer = parse_first_json(text_.substr(at_), where());
        if (longer) first = std::move(longer);
      }
      if (!first) return first.error();
      const std::string_view value = text_.substr(at_, first->size);
      const size_t end = value.find_last_not_of(" \t\r\n") + 1;
      const std::string_view behind = text_.substr(at_ + end);
      const size_t next = behind.find_first_not_of(" \t\f\v");
      if (next != std::string_view::npos && behind[next] != '\n' && behind[next] != '\r')
        return Error{fmt::format("{}: byte {}: something follows the JSON value.", where(), end + next)};
      if (auto s = take(first->value); !s) return s;
      advance(end);
    }
    return {};
  }

  Status array() {
    advance(1);
    pass_blanks();
    if (at_ < text_.size() && text_[at_] == ']') return end_of_array();
    for (;;) {
      pass_blanks();
      const auto element = parse_first_json(text_.substr(at_), where());
      if (!element) return element.error();
      if (auto s = take(element->value); !s) return s;
      advance(element->size);
      pass_blanks();
      const char next = at_ < text_.size() ? text_[at_] : '\0';
      if (next == ']') return end_of_array();
      if (next != ',') return Error{where() + ": the list of objects does not go on with \",\" or \"]\"."};
      advance(1);
    }
  }

  Status end_of_array() {
    advance(1);
    pass_blanks();
    if (at_ < text_.size()) return Error{where() + ": something follows the list of objects."};
    return {};
  }

  std::string_view text_;
  const std::string& file_;
  UseRecord use_;
  size_t at_ = 0;
  int64_t line_ = 1, taken_ = 0;
};

}  // namespace

Result<int64_t> for_each_record(std::string_view text, const std::string& file, UseRecord use) {
  return Records(text, file, use).all();
}

}  // namespace jamsu::formats

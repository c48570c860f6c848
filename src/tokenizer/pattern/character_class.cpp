#include "tokenizer/pattern/character_class.h"

#include <algorithm>

#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

// One member at `at`; moves `at` behind it. None where the class uses more of the syntax than this reads.
std::optional<char32_t> read_member(std::string_view body, size_t& at) {
  const unicode::Decoded d = unicode::decode_valid(body.data() + at);
  at += d.bytes;
  if (d.c == '[' || d.c == ']' || d.c == '&') return {};
  if (d.c != '\\') return d.c;
  if (at == body.size()) return {};
  switch (const char c = body[at++]) {
    case 'r':
      return U'\r';
    case 'n':
      return U'\n';
    case 't':
      return U'\t';
    case '\\':
    case '[':
    case ']':
    case '-':
    case '^':
      return static_cast<char32_t>(c);
    default:
      return {};
  }
}

}  // namespace

std::optional<CharacterClass> CharacterClass::parse(std::string_view pattern) {
  if (pattern.size() < 3 || pattern.front() != '[' || pattern.back() != ']' || pattern[1] == '^' ||
      !unicode::is_valid_utf8(pattern))
    return {};
  const std::string_view body = pattern.substr(1, pattern.size() - 2);
  std::vector<Range> ranges;
  for (size_t at = 0; at < body.size();) {
    if (body[at] == '-') return {};  // a bare hyphen at an end: legal, but not worth its rules here
    const auto first = read_member(body, at);
    if (!first) return {};
    auto last = first;
    if (at + 1 < body.size() && body[at] == '-') {
      ++at;
      last = read_member(body, at);
      if (!last || *last < *first) return {};
    }
    ranges.push_back({*first, *last});
  }
  std::sort(ranges.begin(), ranges.end(), [](Range a, Range b) { return a.first < b.first; });
  CharacterClass set;
  for (const Range r : ranges) {
    if (!set.ranges_.empty() && r.first <= set.ranges_.back().last + 1) {
      set.ranges_.back().last = std::max(set.ranges_.back().last, r.last);
    } else {
      set.ranges_.push_back(r);
    }
  }
  for (char32_t c = 0; c < 128; ++c)
    set.ascii_[c] =
        std::any_of(set.ranges_.begin(), set.ranges_.end(), [c](Range r) { return r.first <= c && c <= r.last; });
  return set;
}

}  // namespace jamsu::tokenizer

#include "unicode/categories.h"

#include <algorithm>
#include <iterator>

#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::unicode {
namespace {

bool is_in(CategorySet set, char32_t c) {
  return (set >> static_cast<int>(category(c)) & 1) != 0;
}
bool is_newer_than_8(char32_t c) {
  return in_ranges(kNewerThan8Ranges, c);
}

}  // namespace

bool in_ranges(std::span<const CodePointRange> ranges, char32_t c) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c,
                                      [](char32_t value, const CodePointRange& r) { return value < r.first; });
  return after != ranges.begin() && c <= std::prev(after)->last;
}

bool is_newer_than_9(char32_t c) {
  return in_ranges(kNewerThan9Ranges, c);
}
// Code points whose category has changed since stand in each by name (measured with tokenizers 0.23.3).
bool is_combining_mark_9(char32_t c) {
  if (c < 0x300 || c == 0x111C9) return false;
  return (is_in(kMark, c) && !is_newer_than_9(c)) || c == 0x1CF2 || c == 0x1CF3;
}
bool is_nonspacing_mark_8(char32_t c) {
  if (c < 0x300 || c == 0x1885 || c == 0x1886 || c == 0xA9BD || c == 0x111C9) return false;
  return (category(c) == Category::Mn && !is_newer_than_8(c)) || c == 0x1734 || c == 0x1171E;
}
bool is_other_8(char32_t c) {
  return is_in(category_set(Category::Cc, Category::Cf, Category::Co), c) && (c < 0x80 || !is_newer_than_8(c));
}
bool is_punctuation_8(char32_t c) {
  if (c < 0x80) return is_in(kPunctuation | kSymbol, c);
  return (is_in(kPunctuation, c) && !is_newer_than_8(c)) || c == 0x166D || c == 0x111C9;
}
bool is_numeric_17(char32_t c) {
  return is_in(kNumber, c) || (c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6);
}

size_t leading_space(std::string_view s) {
  size_t i = 0;
  while (i < s.size()) {
    const Decoded d = decode_valid(s.data() + i);
    if (!is_space(d.c)) break;
    i += d.bytes;
  }
  return i;
}

size_t without_trailing_space(std::string_view s) {
  size_t end = s.size();
  while (end > 0) {
    size_t i = end - 1;
    while (is_utf8_continuation(s[i])) --i;
    if (!is_space(decode_valid(s.data() + i).c)) break;
    end = i;
  }
  return end;
}

}  // namespace jamsu::unicode

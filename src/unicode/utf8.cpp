#include "unicode/utf8.h"

#include <cstring>

namespace jamsu::unicode {
namespace {

// Length of the leading part of s that holds no byte above 0x7F, looked at in words.
size_t ascii_prefix(std::string_view s) {
  size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, s.data() + i, 8);
    if (word & 0x8080808080808080ULL) break;
  }
  while (i < s.size() && static_cast<unsigned char>(s[i]) < 0x80) ++i;
  return i;
}

// Length of the leading part of s that is characters of three bytes with lead E1 to EC or EE, EF, whose other bytes
// have no rule of their own: most of Hangul, Han and Kana.
size_t three_byte_prefix(std::string_view s) {
  const auto at = [s](size_t i) { return static_cast<unsigned char>(s[i]); };
  size_t i = 0;
  while (i + 3 <= s.size() && (at(i) & 0xF0) == 0xE0 && at(i) != 0xE0 && at(i) != 0xED && (at(i + 1) & 0xC0) == 0x80 &&
         (at(i + 2) & 0xC0) == 0x80)
    i += 3;
  return i;
}

}  // namespace

Utf8Step utf8_step(std::string_view s) {
  const auto at = [s](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {1, Utf8Step::valid};
  if (lead < 0xC2 || lead > 0xF4) return {1, Utf8Step::invalid};
  const uint32_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // Table 3-7 of the Unicode standard: the second byte alone decides about shortest form, surrogates and the upper end.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (uint32_t i = 1; i < length; ++i) {
    if (i == s.size()) return {i, Utf8Step::incomplete};
    if (i == 1 ? (at(1) < low || at(1) > high) : (at(i) < 0x80 || at(i) > 0xBF)) return {i, Utf8Step::invalid};
  }
  return {length, Utf8Step::valid};
}

bool is_valid_utf8(std::string_view s) {
  while (true) {
    s.remove_prefix(ascii_prefix(s));
    s.remove_prefix(three_byte_prefix(s));
    if (s.empty()) return true;
    const Utf8Step step = utf8_step(s);
    if (step.kind != Utf8Step::valid) return false;
    s.remove_prefix(step.bytes);
  }
}

std::string to_valid_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size() + 8);
  while (true) {
    const size_t ascii = ascii_prefix(s);
    out.append(s.substr(0, ascii));
    s.remove_prefix(ascii);
    if (s.empty()) return out;
    const Utf8Step step = utf8_step(s);
    if (step.kind == Utf8Step::valid) {
      out.append(s.substr(0, step.bytes));
    } else {
      append_utf8(out, kReplacement);
    }
    s.remove_prefix(step.bytes);
  }
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  }
}

}  // namespace jamsu::unicode

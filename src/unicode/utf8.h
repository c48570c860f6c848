#pragma once
// UTF-8 as in RFC 3629: no surrogates, nothing above U+10FFFF, shortest forms only.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace jamsu::unicode {

inline constexpr char32_t kReplacement = 0xFFFD;

// The code point at s[at] and its length. REQUIRES: at < s.size(), s is valid UTF-8 and at is the start of a character.
struct Decoded {
  char32_t c;
  uint32_t bytes;
};
inline Decoded decode_valid(const char* p) {
  const auto b = [p](int i) { return static_cast<char32_t>(static_cast<unsigned char>(p[i])); };
  if (b(0) < 0x80) return {b(0), 1};
  if (b(0) < 0xE0) return {(b(0) & 0x1F) << 6 | (b(1) & 0x3F), 2};
  if (b(0) < 0xF0) return {(b(0) & 0x0F) << 12 | (b(1) & 0x3F) << 6 | (b(2) & 0x3F), 3};
  return {(b(0) & 0x07) << 18 | (b(1) & 0x3F) << 12 | (b(2) & 0x3F) << 6 | (b(3) & 0x3F), 4};
}

// REQUIRES: valid UTF-8.
inline bool is_one_character(std::string_view s) {
  return !s.empty() && decode_valid(s.data()).bytes == s.size();
}

// Looks at the start of `s` (not empty). `bytes`: length of the character, or of the maximal invalid part (WHATWG: at
// least 1). incomplete: s ends inside a character that is right so far; bytes == s.size() then.
struct Utf8Step {
  uint32_t bytes;
  enum Kind : uint8_t { valid, invalid, incomplete } kind;
};
Utf8Step utf8_step(std::string_view s);

bool is_valid_utf8(std::string_view s);
// Each maximal invalid part becomes one U+FFFD (Rust from_utf8_lossy, Python's errors="replace").
std::string to_valid_utf8(std::string_view s);

void append_utf8(std::string& out, char32_t c);  // REQUIRES: c is a scalar value
inline bool is_utf8_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace jamsu::unicode

#include "base/printable.h"

#include <fmt/format.h>

#include <cstdint>

namespace jamsu {
namespace {

struct Character {
  uint32_t code;
  size_t bytes;  // 0: no UTF-8 begins here
};

// RFC 3629: no surrogates, nothing above U+10FFFF, shortest forms only. (unicode/utf8.h is a layer above.)
Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  if (byte(0) < 0x80) return {byte(0), 1};
  static constexpr struct {
    uint32_t first, last, bits, low, high;
  } kForms[] = {
      {0xC2, 0xDF, 0x1F, 0x80, 0x7FF}, {0xE0, 0xEF, 0x0F, 0x800, 0xFFFF}, {0xF0, 0xF4, 0x07, 0x10000, 0x10FFFF}};
  for (size_t form = 0; form < std::size(kForms); ++form) {
    const auto& f = kForms[form];
    if (byte(0) < f.first || byte(0) > f.last || text.size() < form + 2) continue;
    uint32_t code = byte(0) & f.bits;
    for (size_t i = 1; i < form + 2; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return {0, 0};
      code = code << 6 | (byte(i) & 0x3F);
    }
    if (code < f.low || code > f.high || (code >= 0xD800 && code <= 0xDFFF)) return {0, 0};
    return {code, form + 2};
  }
  return {0, 0};
}

bool steers(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

std::string shown(std::string_view text, bool lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_character(text);
    const size_t bytes = c.bytes == 0 ? 1 : c.bytes;
    if (c.bytes == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    else if (!steers(c.code) || (lines && (c.code == '\n' || c.code == '\t')))
      out.append(text, 0, bytes);
    else
      out += c.code < 0x80 ? fmt::format("\\x{:02x}", c.code) : fmt::format("\\u{:04x}", c.code);
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  return shown(text, false);
}

std::string printable_lines(std::string_view text) {
  return shown(text, true);
}

}  // namespace jamsu

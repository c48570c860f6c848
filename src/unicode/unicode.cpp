#include "unicode/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/check.h"
#include "unicode/categories.h"
#include "unicode/unicode_tables.h"
#include "unicode/utf8.h"

namespace jamsu::unicode {
namespace {

constexpr uint8_t kFlagNfcActive = 0x80;

std::vector<uint8_t> build_properties() {
  std::vector<uint8_t> table(0x110000, static_cast<uint8_t>(Category::Cn));
  for (const CategoryRange& r : kCategoryRanges)
    for (uint32_t c = r.first; c <= r.last; ++c) table[c] = r.category;
  const auto flag = [&table](uint32_t first, uint32_t last, uint8_t bit) {
    for (uint32_t c = first; c <= last; ++c) table[c] = static_cast<uint8_t>(table[c] | bit);
  };
  for (const CodePointRange& r : kHanRanges) flag(r.first, r.last, kFlagHan);
  for (const CodePointRange& r : kNfcActiveRanges) flag(r.first, r.last, kFlagNfcActive);
  for (const CodePointRange& r : kSpaceRanges) flag(r.first, r.last, kFlagSpace);
  return table;
}

// `options` of utf8proc_map, UTF8PROC_STABLE aside.
void append_mapped(std::string& out, std::string_view s, unsigned options) {
  utf8proc_uint8_t* result = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(s.data()), static_cast<utf8proc_ssize_t>(s.size()),
                   &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  JAMSU_CHECK(size >= 0);  // valid UTF-8 was required; lengths are far from its limits
  out.append(reinterpret_cast<const char*>(result), static_cast<size_t>(size));
}

// Other_Alphabetic outside M (circled and squared letters).
bool is_other_alphabetic(char32_t c) {
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
         (c >= 0x1F170 && c <= 0x1F189);
}

}  // namespace

const uint8_t* unicode_properties() {
  static const std::vector<uint8_t> table = build_properties();
  return table.data();
}

bool is_word_of_oniguruma(char32_t c) {
  constexpr CategorySet set = kLetter | kMark | category_set(Category::Nd, Category::Nl, Category::Pc);
  return (set >> static_cast<int>(category(c)) & 1) != 0 || is_other_alphabetic(c);
}
bool is_word(char32_t c) {
  return is_word_of_oniguruma(c) || c == 0x200C || c == 0x200D;  // Join_Control
}

bool may_change_in_nfc(std::string_view s) {
  const uint8_t* table = unicode_properties();
  for (size_t i = 0; i < s.size();) {
    if (static_cast<unsigned char>(s[i]) < 0xCC) {  // U+0300, the first active one, starts with byte CC
      ++i;
      continue;
    }
    const Decoded d = decode_valid(s.data() + i);
    if (table[d.c] & kFlagNfcActive) return true;
    i += d.bytes;
  }
  return false;
}

// An inactive code point has ccc = 0 and composes with nothing before it, so the text may be cut in front of it. A run
// to normalise is therefore one inactive code point followed by active ones; everything else is copied.
std::string to_nfc(std::string_view s) {
  if (!may_change_in_nfc(s)) return std::string(s);
  const uint8_t* table = unicode_properties();
  std::string out;
  out.reserve(s.size() + 16);
  size_t copied = 0, previous = 0;  // previous: where the code point before i starts
  for (size_t i = 0; i < s.size();) {
    const Decoded d = decode_valid(s.data() + i);
    if (!(table[d.c] & kFlagNfcActive)) {
      previous = i;
      i += d.bytes;
      continue;
    }
    size_t begin = i;
    // What is newer than Unicode 9 is inert in its NFC, whatever utf8proc knows of it.
    if (previous < i && previous >= copied && !is_newer_than_9(decode_valid(s.data() + previous).c)) begin = previous;
    size_t end = i;
    while (end < s.size()) {
      const Decoded next = decode_valid(s.data() + end);
      if (!(table[next.c] & kFlagNfcActive)) break;
      end += next.bytes;
    }
    out.append(s.substr(copied, begin - copied));
    append_mapped(out, s.substr(begin, end - begin), UTF8PROC_COMPOSE);
    copied = previous = i = end;
  }
  out.append(s.substr(copied));
  return out;
}

namespace {

// Beside the letters and marks of is_newer_than_9: newer digits and symbols with a compatibility decomposition.
bool decomposes_since_9(char32_t c) {
  return c == 0x32FF || c == 0x1F16C || (c >= 0x1CCD6 && c <= 0x1CCF9) || (c >= 0x1FBF0 && c <= 0x1FBF9);
}

bool is_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// A newer code point has ccc = 0 and is no part of a pair in Unicode 9, so the text is cut around it.
std::string mapped(std::string_view s, unsigned options) {
  if (is_ascii(s)) return std::string(s);
  std::string out;
  out.reserve(s.size() + 16);
  size_t begin = 0;
  for (size_t i = 0; i < s.size();) {
    const Decoded d = decode_valid(s.data() + i);
    if (is_newer_than_9(d.c) || decomposes_since_9(d.c)) {
      if (begin < i) append_mapped(out, s.substr(begin, i - begin), options);
      out.append(s.substr(i, d.bytes));
      begin = i + d.bytes;
    }
    i += d.bytes;
  }
  if (begin < s.size()) append_mapped(out, s.substr(begin), options);
  return out;
}

}  // namespace

std::string to_nfkc(std::string_view s) {
  return mapped(s, UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
}
std::string to_nfd(std::string_view s) {
  return mapped(s, UTF8PROC_DECOMPOSE);
}
std::string to_nfkd(std::string_view s) {
  return mapped(s, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
}

void append_lowercase(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return;
  }
  constexpr char32_t kCapitalIWithDot = 0x130;
  if (c == kCapitalIWithDot) {
    out += "i\u0307";
    return;
  }
  // Capitals of Unicode 16 and 17, which utf8proc may not know: those whose small letters follow at a fixed distance.
  struct Newer {
    char32_t first, last, to;
  };
  constexpr Newer kNewer[] = {{0x1C89, 0x1C89, 0x1C8A},   {0xA7CB, 0xA7CB, 0x264},  {0xA7CC, 0xA7CC, 0xA7CD},
                              {0xA7CE, 0xA7CE, 0xA7CF},   {0xA7D2, 0xA7D2, 0xA7D3}, {0xA7D4, 0xA7D4, 0xA7D5},
                              {0xA7DA, 0xA7DA, 0xA7DB},   {0xA7DC, 0xA7DC, 0x19B},  {0x10D50, 0x10D65, 0x10D70},
                              {0x16EA0, 0x16EB8, 0x16EBB}};
  for (const Newer& n : kNewer)
    if (n.first <= c && c <= n.last) return append_utf8(out, n.to + (c - n.first));
  append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

size_t grapheme_end(std::string_view s, size_t at) {
  Decoded d = decode_valid(s.data() + at);
  utf8proc_int32_t state = 0;
  for (at += d.bytes; at < s.size(); at += d.bytes) {
    const auto before = static_cast<utf8proc_int32_t>(d.c);
    d = decode_valid(s.data() + at);
    if (utf8proc_grapheme_break_stateful(before, static_cast<utf8proc_int32_t>(d.c), &state)) break;
  }
  return at;
}

}  // namespace jamsu::unicode

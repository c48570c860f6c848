// Upper, lower and title case as Python's str has them.
#include <utf8proc.h>

#include <algorithm>

#include "jinja/strings.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

struct FullMapping {
  char32_t c;
  const char *upper, *title;
};

// Characters that become several (SpecialCasing.txt); written by Python 3.11.
constexpr FullMapping kFull[] = {{0xDF, "SS", "Ss"},
                                 {0x149, "\u02BCN", "\u02BCN"},
                                 {0x1F0, "J\u030C", "J\u030C"},
                                 {0x390, "\u0399\u0308\u0301", "\u0399\u0308\u0301"},
                                 {0x3B0, "\u03A5\u0308\u0301", "\u03A5\u0308\u0301"},
                                 {0x587, "\u0535\u0552", "\u0535\u0582"},
                                 {0x1E96, "H\u0331", "H\u0331"},
                                 {0x1E97, "T\u0308", "T\u0308"},
                                 {0x1E98, "W\u030A", "W\u030A"},
                                 {0x1E99, "Y\u030A", "Y\u030A"},
                                 {0x1E9A, "A\u02BE", "A\u02BE"},
                                 {0x1F50, "\u03A5\u0313", "\u03A5\u0313"},
                                 {0x1F52, "\u03A5\u0313\u0300", "\u03A5\u0313\u0300"},
                                 {0x1F54, "\u03A5\u0313\u0301", "\u03A5\u0313\u0301"},
                                 {0x1F56, "\u03A5\u0313\u0342", "\u03A5\u0313\u0342"},
                                 {0x1F80, "\u1F08\u0399", "\u1F88"},
                                 {0x1F81, "\u1F09\u0399", "\u1F89"},
                                 {0x1F82, "\u1F0A\u0399", "\u1F8A"},
                                 {0x1F83, "\u1F0B\u0399", "\u1F8B"},
                                 {0x1F84, "\u1F0C\u0399", "\u1F8C"},
                                 {0x1F85, "\u1F0D\u0399", "\u1F8D"},
                                 {0x1F86, "\u1F0E\u0399", "\u1F8E"},
                                 {0x1F87, "\u1F0F\u0399", "\u1F8F"},
                                 {0x1F88, "\u1F08\u0399", "\u1F88"},
                                 {0x1F89, "\u1F09\u0399", "\u1F89"},
                                 {0x1F8A, "\u1F0A\u0399", "\u1F8A"},
                                 {0x1F8B, "\u1F0B\u0399", "\u1F8B"},
                                 {0x1F8C, "\u1F0C\u0399", "\u1F8C"},
                                 {0x1F8D, "\u1F0D\u0399", "\u1F8D"},
                                 {0x1F8E, "\u1F0E\u0399", "\u1F8E"},
                                 {0x1F8F, "\u1F0F\u0399", "\u1F8F"},
                                 {0x1F90, "\u1F28\u0399", "\u1F98"},
                                 {0x1F91, "\u1F29\u0399", "\u1F99"},
                                 {0x1F92, "\u1F2A\u0399", "\u1F9A"},
                                 {0x1F93, "\u1F2B\u0399", "\u1F9B"},
                                 {0x1F94, "\u1F2C\u0399", "\u1F9C"},
                                 {0x1F95, "\u1F2D\u0399", "\u1F9D"},
                                 {0x1F96, "\u1F2E\u0399", "\u1F9E"},
                                 {0x1F97, "\u1F2F\u0399", "\u1F9F"},
                                 {0x1F98, "\u1F28\u0399", "\u1F98"},
                                 {0x1F99, "\u1F29\u0399", "\u1F99"},
                                 {0x1F9A, "\u1F2A\u0399", "\u1F9A"},
                                 {0x1F9B, "\u1F2B\u0399", "\u1F9B"},
                                 {0x1F9C, "\u1F2C\u0399", "\u1F9C"},
                                 {0x1F9D, "\u1F2D\u0399", "\u1F9D"},
                                 {0x1F9E, "\u1F2E\u0399", "\u1F9E"},
                                 {0x1F9F, "\u1F2F\u0399", "\u1F9F"},
                                 {0x1FA0, "\u1F68\u0399", "\u1FA8"},
                                 {0x1FA1, "\u1F69\u0399", "\u1FA9"},
                                 {0x1FA2, "\u1F6A\u0399", "\u1FAA"},
                                 {0x1FA3, "\u1F6B\u0399", "\u1FAB"},
                                 {0x1FA4, "\u1F6C\u0399", "\u1FAC"},
                                 {0x1FA5, "\u1F6D\u0399", "\u1FAD"},
                                 {0x1FA6, "\u1F6E\u0399", "\u1FAE"},
                                 {0x1FA7, "\u1F6F\u0399", "\u1FAF"},
                                 {0x1FA8, "\u1F68\u0399", "\u1FA8"},
                                 {0x1FA9, "\u1F69\u0399", "\u1FA9"},
                                 {0x1FAA, "\u1F6A\u0399", "\u1FAA"},
                                 {0x1FAB, "\u1F6B\u0399", "\u1FAB"},
                                 {0x1FAC, "\u1F6C\u0399", "\u1FAC"},
                                 {0x1FAD, "\u1F6D\u0399", "\u1FAD"},
                                 {0x1FAE, "\u1F6E\u0399", "\u1FAE"},
                                 {0x1FAF, "\u1F6F\u0399", "\u1FAF"},
                                 {0x1FB2, "\u1FBA\u0399", "\u1FBA\u0345"},
                                 {0x1FB3, "\u0391\u0399", "\u1FBC"},
                                 {0x1FB4, "\u0386\u0399", "\u0386\u0345"},
                                 {0x1FB6, "\u0391\u0342", "\u0391\u0342"},
                                 {0x1FB7, "\u0391\u0342\u0399", "\u0391\u0342\u0345"},
                                 {0x1FBC, "\u0391\u0399", "\u1FBC"},
                                 {0x1FC2, "\u1FCA\u0399", "\u1FCA\u0345"},
                                 {0x1FC3, "\u0397\u0399", "\u1FCC"},
                                 {0x1FC4, "\u0389\u0399", "\u0389\u0345"},
                                 {0x1FC6, "\u0397\u0342", "\u0397\u0342"},
                                 {0x1FC7, "\u0397\u0342\u0399", "\u0397\u0342\u0345"},
                                 {0x1FCC, "\u0397\u0399", "\u1FCC"},
                                 {0x1FD2, "\u0399\u0308\u0300", "\u0399\u0308\u0300"},
                                 {0x1FD3, "\u0399\u0308\u0301", "\u0399\u0308\u0301"},
                                 {0x1FD6, "\u0399\u0342", "\u0399\u0342"},
                                 {0x1FD7, "\u0399\u0308\u0342", "\u0399\u0308\u0342"},
                                 {0x1FE2, "\u03A5\u0308\u0300", "\u03A5\u0308\u0300"},
                                 {0x1FE3, "\u03A5\u0308\u0301", "\u03A5\u0308\u0301"},
                                 {0x1FE4, "\u03A1\u0313", "\u03A1\u0313"},
                                 {0x1FE6, "\u03A5\u0342", "\u03A5\u0342"},
                                 {0x1FE7, "\u03A5\u0308\u0342", "\u03A5\u0308\u0342"},
                                 {0x1FF2, "\u1FFA\u0399", "\u1FFA\u0345"},
                                 {0x1FF3, "\u03A9\u0399", "\u1FFC"},
                                 {0x1FF4, "\u038F\u0399", "\u038F\u0345"},
                                 {0x1FF6, "\u03A9\u0342", "\u03A9\u0342"},
                                 {0x1FF7, "\u03A9\u0342\u0399", "\u03A9\u0342\u0345"},
                                 {0x1FFC, "\u03A9\u0399", "\u1FFC"},
                                 {0xFB00, "FF", "Ff"},
                                 {0xFB01, "FI", "Fi"},
                                 {0xFB02, "FL", "Fl"},
                                 {0xFB03, "FFI", "Ffi"},
                                 {0xFB04, "FFL", "Ffl"},
                                 {0xFB05, "ST", "St"},
                                 {0xFB06, "ST", "St"},
                                 {0xFB13, "\u0544\u0546", "\u0544\u0576"},
                                 {0xFB14, "\u0544\u0535", "\u0544\u0565"},
                                 {0xFB15, "\u0544\u053B", "\u0544\u056B"},
                                 {0xFB16, "\u054E\u0546", "\u054E\u0576"},
                                 {0xFB17, "\u0544\u053D", "\u0544\u056D"}};

const FullMapping* full_mapping(char32_t c) {
  if (c < 0xDF) return nullptr;
  const auto* found =
      std::lower_bound(std::begin(kFull), std::end(kFull), c, [](const FullMapping& m, char32_t x) { return m.c < x; });
  return found != std::end(kFull) && found->c == c ? found : nullptr;
}

char32_t simple(char32_t c, utf8proc_int32_t (*map)(utf8proc_int32_t)) {
  return static_cast<char32_t>(map(static_cast<utf8proc_int32_t>(c)));
}

// Case_Ignorable, near enough: what may stand between a sigma and the letters around it.
bool is_ignored(char32_t c) {
  constexpr unicode::CategorySet kIgnored =
      unicode::category_set(unicode::Category::Mn, unicode::Category::Me, unicode::Category::Cf, unicode::Category::Lm,
                            unicode::Category::Sk);
  return (kIgnored >> static_cast<int>(unicode::category(c)) & 1) != 0 || c == '\'' || c == '.' || c == ':' ||
         c == 0xB7 || c == 0x2019;
}

// A capital sigma at text[at] is written as a final one: a letter stands before it and none behind.
bool is_final_sigma(std::string_view text, size_t at) {
  bool before = false;
  for (size_t i = at; i > 0;) {
    --i;
    while (i > 0 && unicode::is_utf8_continuation(text[i])) --i;
    const char32_t c = unicode::decode_valid(text.data() + i).c;
    if (is_ignored(c)) continue;
    before = is_cased(c);
    break;
  }
  if (!before) return false;
  for (size_t i = at + 2; i < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + i);
    if (!is_ignored(d.c)) return !is_cased(d.c);
    i += d.bytes;
  }
  return true;
}

void append_upper(std::string& out, char32_t c) {
  if (const FullMapping* full = full_mapping(c)) {
    out += full->upper;
  } else {
    unicode::append_utf8(out, simple(c, utf8proc_toupper));
  }
}
void append_title(std::string& out, char32_t c) {
  if (const FullMapping* full = full_mapping(c)) {
    out += full->title;
  } else {
    unicode::append_utf8(out, simple(c, utf8proc_totitle));
  }
}
void append_lower(std::string& out, std::string_view text, size_t at, char32_t c) {
  if (c == 0x130) {
    out += "i\u0307";
  } else if (c == 0x3A3) {
    unicode::append_utf8(out, is_final_sigma(text, at) ? 0x3C2 : 0x3C3);
  } else {
    unicode::append_utf8(out, simple(c, utf8proc_tolower));
  }
}

template <class F>
std::string mapped(Budget& budget, std::string_view text, const F& append) {
  budget.work(10 * text.size());
  budget.require(3 * text.size());
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    append(out, at, d.c);
    at += d.bytes;
  }
  return out;
}

}  // namespace

std::string upper(Budget& budget, std::string_view text) {
  return mapped(budget, text, [](std::string& out, size_t, char32_t c) { append_upper(out, c); });
}
std::string lower(Budget& budget, std::string_view text) {
  return mapped(budget, text, [&](std::string& out, size_t at, char32_t c) { append_lower(out, text, at, c); });
}
std::string casefold(Budget& budget, std::string_view text) {
  return mapped(budget, text, [](std::string& out, size_t, char32_t c) {
    utf8proc_int32_t folded[4];  // full case folding: at most three
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 4, UTF8PROC_CASEFOLD, &boundary);
    for (utf8proc_ssize_t i = 0; i < count; ++i) unicode::append_utf8(out, static_cast<char32_t>(folded[i]));
  });
}
std::string swapcase(Budget& budget, std::string_view text) {
  return mapped(budget, text, [&](std::string& out, size_t at, char32_t c) {
    if (is_upper_letter(c)) {
      append_lower(out, text, at, c);
    } else if (is_lower_letter(c)) {
      append_upper(out, c);
    } else {
      unicode::append_utf8(out, c);
    }
  });
}
std::string capitalize(Budget& budget, std::string_view text) {
  return mapped(budget, text, [&](std::string& out, size_t at, char32_t c) {
    at == 0 ? append_title(out, c) : append_lower(out, text, at, c);
  });
}
std::string title(Budget& budget, std::string_view text) {
  bool in_word = false;
  return mapped(budget, text, [&](std::string& out, size_t at, char32_t c) {
    in_word ? append_lower(out, text, at, c) : append_title(out, c);
    in_word = is_cased(c);
  });
}

bool is_lower(std::string_view text) {
  bool seen = false;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    if (is_upper_letter(d.c) || unicode::category(d.c) == unicode::Category::Lt) return false;
    seen = seen || is_lower_letter(d.c);
    at += d.bytes;
  }
  return seen;
}
bool is_upper(std::string_view text) {
  bool seen = false;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    if (is_lower_letter(d.c) || unicode::category(d.c) == unicode::Category::Lt) return false;
    seen = seen || is_upper_letter(d.c);
    at += d.bytes;
  }
  return seen;
}
bool is_title(std::string_view text) {
  bool seen = false, in_word = false;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    const bool up = is_upper_letter(d.c) || unicode::category(d.c) == unicode::Category::Lt, low = is_lower_letter(d.c);
    if ((up && in_word) || (low && !in_word)) return false;
    in_word = up || low;
    seen = seen || in_word;
    at += d.bytes;
  }
  return seen;
}

}  // namespace jamsu::jinja

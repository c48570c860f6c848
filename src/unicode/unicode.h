#pragma once
// Properties of code points (Unicode 16.0) and NFC as Hugging Face's normaliser does it
// (Unicode 9: newer marks are inert).
#include <cstdint>
#include <string>
#include <string_view>

namespace jamsu::unicode {

// clang-format off
enum class Category : uint8_t {  // the order of tools/make_unicode_tables.py
  Cn, Cc, Cf, Co, Cs, Ll, Lm, Lo, Lt, Lu, Mc, Me, Mn, Nd, Nl, No, Pc, Pd, Pe, Pf, Pi, Po, Ps, Sc, Sk, Sm, So, Zl, Zp, Zs
};
// clang-format on

// A set of categories; what a regex class like [\p{L}\p{M}] is.
using CategorySet = uint32_t;
template <class... C>
constexpr CategorySet category_set(C... c) {
  return ((1u << static_cast<int>(c)) | ... | 0u);
}
inline constexpr CategorySet kLetter =
    category_set(Category::Ll, Category::Lm, Category::Lo, Category::Lt, Category::Lu);
inline constexpr CategorySet kMark = category_set(Category::Mc, Category::Me, Category::Mn);
inline constexpr CategorySet kNumber = category_set(Category::Nd, Category::Nl, Category::No);
inline constexpr CategorySet kPunctuation =
    category_set(Category::Pc, Category::Pd, Category::Pe, Category::Pf, Category::Pi, Category::Po, Category::Ps);
inline constexpr CategorySet kSymbol = category_set(Category::Sc, Category::Sk, Category::Sm, Category::So);

// Per code point: category in bits 0-4, then the flags. A flat table: 1.1 MB, of which a text touches a few pages.
inline constexpr uint8_t kFlagSpace = 0x20;  // White_Space
inline constexpr uint8_t kFlagHan = 0x40;    // Script=Han
const uint8_t* unicode_properties();         // [0x110000]; built at the first call, thread-safe

inline Category category(char32_t c) {
  return static_cast<Category>(unicode_properties()[c] & 0x1F);
}
inline bool is_space(char32_t c) {
  return (unicode_properties()[c] & kFlagSpace) != 0;
}
// \w of Rust's regex crate: Alphabetic, M, Nd, Pc, Join_Control.
bool is_word(char32_t c);
// \w of Oniguruma inside a class: Alphabetic, M, Nd, Pc.
bool is_word_of_oniguruma(char32_t c);

// NFC. REQUIRES: valid UTF-8.
std::string to_nfc(std::string_view s);
bool may_change_in_nfc(std::string_view s);  // false: to_nfc(s) == s; quick
// NFKC, NFD and NFKD, likewise. REQUIRES: valid UTF-8.
std::string to_nfkc(std::string_view s);
std::string to_nfd(std::string_view s);
std::string to_nfkd(std::string_view s);

// Rust's char::to_lowercase: one character or two (U+0130), whatever stands beside it.
void append_lowercase(std::string& out, char32_t c);

// Behind the extended grapheme cluster (UAX 29) that begins at `at`. REQUIRES: valid UTF-8, at < s.size().
size_t grapheme_end(std::string_view s, size_t at);

}  // namespace jamsu::unicode

// Properties of characters as Python's str asks for them; the tables are what Python 3.11 adds to the categories.
#include <algorithm>
#include <iterator>

#include "jinja/strings.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::jinja {
namespace {

using unicode::Category;

struct Range {
  char32_t first, last;
};

// clang-format off
// Numeric_Type=Digit beside Nd: superscripts, circled digits.
constexpr Range kDigits[] = {
    {0xB2, 0xB3}, {0xB9, 0xB9}, {0x1369, 0x1371}, {0x19DA, 0x19DA}, {0x2070, 0x2070}, {0x2074, 0x2079},
    {0x2080, 0x2089}, {0x2460, 0x2468}, {0x2474, 0x247C}, {0x2488, 0x2490}, {0x24EA, 0x24EA}, {0x24F5, 0x24FD},
    {0x24FF, 0x24FF}, {0x2776, 0x277E}, {0x2780, 0x2788}, {0x278A, 0x2792}, {0x10A40, 0x10A43}, {0x10E60, 0x10E68},
    {0x11052, 0x1105A}, {0x1F100, 0x1F10A}};
// Numeric_Type=Numeric beside N: numbers in Han.
constexpr Range kNumbers[] = {
    {0x3405, 0x3405}, {0x3483, 0x3483}, {0x382A, 0x382A}, {0x3B4D, 0x3B4D}, {0x4E00, 0x4E00}, {0x4E03, 0x4E03},
    {0x4E07, 0x4E07}, {0x4E09, 0x4E09}, {0x4E5D, 0x4E5D}, {0x4E8C, 0x4E8C}, {0x4E94, 0x4E94}, {0x4E96, 0x4E96},
    {0x4EBF, 0x4EC0}, {0x4EDF, 0x4EDF}, {0x4EE8, 0x4EE8}, {0x4F0D, 0x4F0D}, {0x4F70, 0x4F70}, {0x5104, 0x5104},
    {0x5146, 0x5146}, {0x5169, 0x5169}, {0x516B, 0x516B}, {0x516D, 0x516D}, {0x5341, 0x5341}, {0x5343, 0x5345},
    {0x534C, 0x534C}, {0x53C1, 0x53C4}, {0x56DB, 0x56DB}, {0x58F1, 0x58F1}, {0x58F9, 0x58F9}, {0x5E7A, 0x5E7A},
    {0x5EFE, 0x5EFF}, {0x5F0C, 0x5F0E}, {0x5F10, 0x5F10}, {0x62FE, 0x62FE}, {0x634C, 0x634C}, {0x67D2, 0x67D2},
    {0x6F06, 0x6F06}, {0x7396, 0x7396}, {0x767E, 0x767E}, {0x8086, 0x8086}, {0x842C, 0x842C}, {0x8CAE, 0x8CAE},
    {0x8CB3, 0x8CB3}, {0x8D30, 0x8D30}, {0x9621, 0x9621}, {0x9646, 0x9646}, {0x964C, 0x964C}, {0x9678, 0x9678},
    {0x96F6, 0x96F6}, {0xF96B, 0xF96B}, {0xF973, 0xF973}, {0xF978, 0xF978}, {0xF9B2, 0xF9B2}, {0xF9D1, 0xF9D1},
    {0xF9D3, 0xF9D3}, {0xF9FD, 0xF9FD}, {0x20001, 0x20001}, {0x20064, 0x20064}, {0x200E2, 0x200E2},
    {0x20121, 0x20121}, {0x2092A, 0x2092A}, {0x20983, 0x20983}, {0x2098C, 0x2098C}, {0x2099C, 0x2099C},
    {0x20AEA, 0x20AEA}, {0x20AFD, 0x20AFD}, {0x20B19, 0x20B19}, {0x22390, 0x22390}, {0x22998, 0x22998},
    {0x23B1B, 0x23B1B}, {0x2626D, 0x2626D}, {0x2F890, 0x2F890}};
// Other_Lowercase.
constexpr Range kOtherLower[] = {
    {0xAA, 0xAA}, {0xBA, 0xBA}, {0x2B0, 0x2B8}, {0x2C0, 0x2C1}, {0x2E0, 0x2E4}, {0x345, 0x345}, {0x37A, 0x37A},
    {0x1D2C, 0x1D6A}, {0x1D78, 0x1D78}, {0x1D9B, 0x1DBF}, {0x2071, 0x2071}, {0x207F, 0x207F}, {0x2090, 0x209C},
    {0x2170, 0x217F}, {0x24D0, 0x24E9}, {0x2C7C, 0x2C7D}, {0xA69C, 0xA69D}, {0xA770, 0xA770}, {0xA7F8, 0xA7F9},
    {0xAB5C, 0xAB5F}, {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}};
// Other_Uppercase.
constexpr Range kOtherUpper[] = {
    {0x2160, 0x216F}, {0x24B6, 0x24CF}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
// Letters that begin no identifier (XID_Start), since NFKC changes them.
constexpr Range kNoStart[] = {
    {0x37A, 0x37A}, {0xE33, 0xE33}, {0xEB3, 0xEB3}, {0x2E2F, 0x2E2F}, {0xFC5E, 0xFC63}, {0xFDFA, 0xFDFB},
    {0xFE70, 0xFE70}, {0xFE72, 0xFE72}, {0xFE74, 0xFE74}, {0xFE76, 0xFE76}, {0xFE78, 0xFE78}, {0xFE7A, 0xFE7A},
    {0xFE7C, 0xFE7C}, {0xFE7E, 0xFE7E}, {0xFF9E, 0xFF9F}};
// Other_ID_Start.
constexpr Range kOtherStart[] = {
    {0x1885, 0x1886}, {0x2118, 0x2118}, {0x212E, 0x212E}};
// What stands in no identifier (XID_Continue).
constexpr Range kNoContinue[] = {
    {0x37A, 0x37A}, {0x2E2F, 0x2E2F}, {0xFC5E, 0xFC63}, {0xFDFA, 0xFDFB}, {0xFE70, 0xFE70}, {0xFE72, 0xFE72},
    {0xFE74, 0xFE74}, {0xFE76, 0xFE76}, {0xFE78, 0xFE78}, {0xFE7A, 0xFE7A}, {0xFE7C, 0xFE7C}, {0xFE7E, 0xFE7E}};
// Other_ID_Continue.
constexpr Range kOtherContinue[] = {
    {0xB7, 0xB7}, {0x387, 0x387}, {0x1369, 0x1371}, {0x19DA, 0x19DA}, {0x2118, 0x2118}, {0x212E, 0x212E}};
// clang-format on

template <size_t N>
bool in(const Range (&ranges)[N], char32_t c) {
  const Range* found =
      std::lower_bound(std::begin(ranges), std::end(ranges), c, [](const Range& r, char32_t x) { return r.last < x; });
  return found != std::end(ranges) && found->first <= c;
}

bool is_of(unicode::CategorySet set, char32_t c) {
  return (set >> static_cast<int>(unicode::category(c)) & 1) != 0;
}

bool is_digit(char32_t c) {
  return unicode::category(c) == Category::Nd || in(kDigits, c);
}
bool is_numeric(char32_t c) {
  return is_of(unicode::kNumber, c) || in(kNumbers, c);
}
bool is_alpha(char32_t c) {
  return is_of(unicode::kLetter, c);
}

bool starts_identifier(char32_t c) {
  constexpr unicode::CategorySet kStart = unicode::kLetter | unicode::category_set(Category::Nl);
  return c == '_' || (is_of(kStart, c) && !in(kNoStart, c)) || in(kOtherStart, c);
}
bool continues_identifier(char32_t c) {
  constexpr unicode::CategorySet kContinue =
      unicode::kLetter | unicode::category_set(Category::Nl, Category::Nd, Category::Mn, Category::Mc, Category::Pc);
  return (is_of(kContinue, c) && !in(kNoContinue, c)) || in(kOtherContinue, c);
}

}  // namespace

bool is_lower_letter(char32_t c) {
  return unicode::category(c) == Category::Ll || in(kOtherLower, c);
}
bool is_upper_letter(char32_t c) {
  return unicode::category(c) == Category::Lu || in(kOtherUpper, c);
}
bool is_cased(char32_t c) {
  return is_lower_letter(c) || is_upper_letter(c) || unicode::category(c) == Category::Lt;
}

bool is_printable(char32_t c) {
  constexpr unicode::CategorySet kHidden = unicode::category_set(
      Category::Cc, Category::Cf, Category::Cs, Category::Co, Category::Cn, Category::Zl, Category::Zp, Category::Zs);
  return c == ' ' || !is_of(kHidden, c);
}

bool is_identifier(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    if (at == 0 ? !starts_identifier(d.c) : !continues_identifier(d.c)) return false;
    at += d.bytes;
  }
  return !text.empty();
}

// The digits of a script stand in a row, from zero.
int decimal_digit(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9' ? static_cast<int>(c - '0') : -1;
  if (unicode::category(c) != Category::Nd) return -1;
  char32_t first = c;
  while (unicode::category(first - 1) == Category::Nd) --first;
  return static_cast<int>((c - first) % 10);
}

std::string ascii_digits(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + at);
    if (const int digit = decimal_digit(d.c); digit >= 0) {
      out += static_cast<char>('0' + digit);
    } else {
      out += text.substr(at, d.bytes);
    }
    at += d.bytes;
  }
  return out;
}

CharacterTest character_test(std::string_view method) {
  if (method == "isspace") return is_python_space;
  if (method == "isalpha") return is_alpha;
  if (method == "isdecimal") return [](char32_t c) { return unicode::category(c) == Category::Nd; };
  if (method == "isdigit") return is_digit;
  if (method == "isnumeric") return is_numeric;
  if (method == "isalnum") return [](char32_t c) { return is_alpha(c) || is_numeric(c); };
  if (method == "isprintable") return is_printable;
  return nullptr;
}

}  // namespace jamsu::jinja

#pragma once
// Methods of Python's str over valid UTF-8: code points are counted, white space and case are Unicode's.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/budget.h"

namespace jamsu::jinja {

bool is_python_space(char32_t c);  // str.isspace: White_Space and U+001C to U+001F
bool is_lower_letter(char32_t c);  // str.islower, str.isupper of one character
bool is_upper_letter(char32_t c);
bool is_cased(char32_t c);
bool is_printable(char32_t c);
int decimal_digit(char32_t c);  // of any script; -1: none
// Decimal digits of other scripts as 0 to 9, for int() and float().
std::string ascii_digits(std::string_view text);

// Full case mappings (SpecialCasing.txt), the final sigma included.
std::string upper(Budget& budget, std::string_view text);
std::string lower(Budget& budget, std::string_view text);
std::string casefold(Budget& budget, std::string_view text);
std::string swapcase(Budget& budget, std::string_view text);
std::string capitalize(Budget& budget, std::string_view text);
std::string title(Budget& budget, std::string_view text);

// `chars`: those that are stripped; null: white space.
enum class Sides : uint8_t { left = 1, right = 2, both = 3 };
std::string_view strip(std::string_view text, Sides sides, const std::string* chars = nullptr);
// At most `most` replacements; negative: all. An empty `from` stands before, between and behind all characters.
std::string replace(Budget& budget, std::string_view text, std::string_view from, std::string_view to,
                    int64_t most = -1);
// Filled up to `width` characters. where: -1 on the right, 0 on both sides as str.center does, 1 on the left.
std::string pad(Budget& budget, std::string_view text, int64_t width, std::string_view fill, int where);

// Byte offsets, npos where there is none; linear in the sizes whatever the texts.
size_t find_in(Budget& budget, std::string_view text, std::string_view part, size_t from = 0);
size_t rfind_in(Budget& budget, std::string_view text, std::string_view part);
int64_t count_in(Budget& budget, std::string_view text, std::string_view part);

// A null separator: runs of white space. At most `most` cuts, from the right where asked; negative: all.
std::vector<std::string_view> split(Budget& budget, std::string_view text, const std::string* separator, int64_t most,
                                    bool from_right);
std::vector<std::string_view> splitlines(Budget& budget, std::string_view text, bool keep_ends);

// isalpha, isdigit ...; null when there is no such method.
using CharacterTest = bool (*)(char32_t);
CharacterTest character_test(std::string_view method);
bool is_lower(std::string_view text);
bool is_upper(std::string_view text);
bool is_title(std::string_view text);
bool is_identifier(std::string_view text);

// & < > ' " as markupsafe writes them.
std::string escape_html(Budget& budget, std::string_view text);

}  // namespace jamsu::jinja

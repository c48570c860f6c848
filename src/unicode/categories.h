#pragma once
// Properties of code points as the crates that `tokenizers` asks know them, and white space at a text's ends.
#include <cstddef>
#include <span>
#include <string_view>

#include "unicode/unicode_tables.h"

namespace jamsu::unicode {

// REQUIRES: the ranges are sorted.
bool in_ranges(std::span<const CodePointRange> ranges, char32_t c);

bool is_newer_than_9(char32_t c);       // a letter or mark that Unicode 9 does not have
bool is_combining_mark_9(char32_t c);   // M in Unicode 9 (unicode_normalization)
bool is_nonspacing_mark_8(char32_t c);  // Mn in Unicode 8 (unicode_categories)
bool is_other_8(char32_t c);            // Cc, Cf or Co in Unicode 8
bool is_punctuation_8(char32_t c);      // P in Unicode 8, or ASCII punctuation
bool is_numeric_17(char32_t c);         // N in Unicode 17 (Rust's char::is_numeric)

// Bytes of white space in front.
size_t leading_space(std::string_view s);
// Where the white space at the end begins.
size_t without_trailing_space(std::string_view s);

}  // namespace jamsu::unicode

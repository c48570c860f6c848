#pragma once
// Scanners that are no pattern: they ask each character by itself, or look for a text.
#include <cstddef>
#include <memory>

#include "tokenizer/pattern/pattern_scanner.h"

namespace jamsu::tokenizer {

// Each character that `is_match` holds of is a match.
std::shared_ptr<const PatternScanner> make_character_scanner(bool (*is_match)(char32_t));
// \w+|[^\w\s]+ as Rust's regex crate reads it (pre-tokenizer Whitespace): matches are what stands between white space.
std::shared_ptr<const PatternScanner> make_word_scanner();
// So many characters a match; the last one may have fewer. REQUIRES: characters > 0.
std::shared_ptr<const PatternScanner> make_length_scanner(size_t characters);
// Each place where the text stands. REQUIRES: not empty.
std::shared_ptr<const PatternScanner> make_literal_scanner(std::string_view text);

}  // namespace jamsu::tokenizer

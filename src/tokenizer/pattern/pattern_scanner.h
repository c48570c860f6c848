#pragma once
// The pre-tokenizer patterns of published byte-level tokenizers, scanned by hand: one pass, no backtracking stack, time
// linear in the text. A scanner's answers equal Oniguruma's on the same pattern (tests/text/pattern_scanner_test.cpp).
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/function_ref.h"

namespace jamsu::tokenizer {

class PatternScanner {
 public:
  using Sink = FunctionRef<void(std::string_view part, bool is_match)>;
  virtual ~PatternScanner() = default;
  // Calls `sink` for all of `text` from left to right: each match, and each stretch between matches; no empty part.
  // REQUIRES: valid UTF-8. Thread-safe.
  virtual void scan(std::string_view text, Sink sink) const = 0;
  // The same without saying which: for the last, busiest of several.
  virtual void cut(std::string_view text, FunctionRef<void(std::string_view part)> sink) const {
    scan(text, [&](std::string_view part, bool) { sink(part); });
  }
};

// Null when `pattern` is none of those known.
std::shared_ptr<const PatternScanner> make_known_scanner(std::string_view pattern);
// The built-in pattern of ByteLevel (GPT-2).
std::shared_ptr<const PatternScanner> make_gpt2_scanner();
// Rust's char::is_numeric, one character a match (pre-tokenizer Digits).
std::shared_ptr<const PatternScanner> make_digit_scanner();

// Patterns by name, for those who write a tokenizer.json.
extern const std::string_view kGpt2Pattern;
extern const std::string_view kQwen2Pattern;  // GPT-4's (cl100k) with single digits

}  // namespace jamsu::tokenizer

#pragma once
// Numbers in words: twelve, one hundred and five, 삼십오, 스물다섯, 3만 5천.
#include <cstddef>
#include <optional>
#include <string_view>

#include "tasks/answer/exact.h"

namespace jamsu::tasks {

struct NumberWord {
  Exact value;
  size_t bytes = 0;  // of the text, from its beginning
  // Worth reading within a sentence: not `one` (no one, this one), not a syllable of Korean that is a word of its own.
  bool clear = false;
};

// The longest number in words that `text` (lower case) begins with, ended by what is no letter.
std::optional<NumberWord> english_number(std::string_view text);

// The longest Korean number that `text` begins with. Its parts may be Arabic numbers before 천, 만, 억, 조 (`3만 5천`,
// `2만 3,500`); then one of those stands in it. What follows (a counter, a particle) is the caller's to judge.
std::optional<NumberWord> korean_number(std::string_view text);

// Whether a number may stand before `rest`, as Korean writes it: nothing, punctuation, a counter (개, 명, 원), a particle
// or 입니다 and its kin. `needs_counter`: a counter alone will do, and a space may stand before it.
bool korean_number_ends(std::string_view rest, bool needs_counter);

}  // namespace jamsu::tasks

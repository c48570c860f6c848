#pragma once
// Expressions as trees for the generator, and how one is worked off in writing: the expression, then for each operation
// its lines (steps.h) and the expression that remains, `=105*3-12`. Parentheses first (the leftmost innermost), in them
// * and / from the left, then + and - from the left.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "tasks/steps.h"

namespace jamsu::tasks {

struct Token {
  char op = 0;        // + - * / ( ), or 0: a number
  int64_t value = 0;  // of a number, may be negative
};
using Tokens = std::vector<Token>;

struct Spelling {
  std::string_view times = "*", over = "/", plus = "+", minus = "-", space = "";
  bool separators = false;  // 9,000 for 9000
};
// Negative numbers that are not first (or first in parentheses) get parentheses.
std::string spell(const Tokens& tokens, const Spelling& spelling = {});

// Appends the lines for a well-formed expression with at least one operation whose divisions are exact; its value.
int64_t evaluate_in_steps(Tokens tokens, StepWriter& writer, RandomStream& random);

}  // namespace jamsu::tasks

#pragma once
// Countdown: numbers, each to be used at most once, that + - * / make a target of. Internal to tasks; the samples and the
// verifier that others call are in tasks.h.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {

// A number at hand and how it was made: "(25-5)*2". Values stay positive integers.
struct Made {
  int64_t value = 0;
  std::string text;  // with the parentheses it needs
  char op = 0;       // the last operation, 0: one of the numbers given
};
using Hand = std::vector<Made>;
Hand hand_of(std::span<const int64_t> numbers);

// Two numbers of a hand (places first < second) and an operation: the larger value stands on the left of - and /.
struct Move {
  size_t first = 0, second = 0;
  char op = 0;
  friend bool operator==(const Move&, const Move&) = default;
};
// What a move makes; empty where it is no use or not allowed: a difference of 0, a quotient that is not exact, a product
// above 200, times 1 or by 1.
std::optional<Made> made_by(const Hand& hand, const Move& move);
// All moves that make something, in the order + - * / of each pair.
std::vector<Move> moves_of(const Hand& hand);
// The hand without the two numbers, and what they made in front. REQUIRES: made_by(hand, move).
Hand after(const Hand& hand, const Move& move);
// "25-5", as a line of thinking writes it: values, not how they were made.
std::string written(const Hand& hand, const Move& move);

// A problem with one of its solutions. Every number stands in that; no two of the numbers make the target, and none is it.
struct CountdownProblem {
  std::vector<int64_t> numbers;  // 1 to 20
  int64_t target = 0;            // 10 to 99
  std::vector<Move> solution;    // of the hand, then of what it leaves, and so on
};
// One in ten of the problems (numbers in any order, and target) is of Split::unseen alone.
CountdownProblem draw_countdown(size_t count, Split split, RandomStream& random);

// Thinking that tries, checks and turns back until the target is made, and the expression it ends with.
//   3, 5, 8→24
//   3+5=8 | 8, 8          what is made | what is at hand now
//   8+8=16<24, 8*8=64>24, 8/8=1<24
//   back to 3, 5, 8
//   8-5=3 | 3, 3 ...
//   (8-5)*8=24            the expression whole: it holds what was made
struct CountdownThinking {
  std::string text, expression;
};
CountdownThinking think_countdown(const CountdownProblem& problem, Language language, int retry_percent,
                                  RandomStream& random);

// Whether a reply answers with an expression that uses the numbers, each at most once, and equals the target: where
// an answer is looked for (answer/answer.h: answer_place) stands one expression of + - * / and parentheses, perhaps with
// `= target` on either side, words around it and nothing else of mathematics. Its digits are ASCII's.
bool countdown_right(std::span<const int64_t> numbers, std::string_view target, std::string_view reply);

}  // namespace jamsu::tasks

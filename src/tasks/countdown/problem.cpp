// Hands, moves, and problems that have a solution.
#include <algorithm>
#include <utility>

#include "tasks/countdown/countdown.h"
#include "tasks/split.h"

namespace jamsu::tasks {
namespace {

constexpr int64_t kLargestNumber = 20, kLargestProduct = 200, kLeastTarget = 10, kLargestTarget = 99;

int binding(char op) {
  return op == 0 ? 3 : op == '*' || op == '/' ? 2 : 1;
}

std::string side(const Made& made, char op, bool right) {
  const bool needed = binding(made.op) < binding(op) || (right && binding(made.op) == binding(op));
  return needed ? "(" + made.text + ")" : made.text;
}

// Left and right of the move: the larger on the left of what is not the same both ways round.
std::pair<const Made*, const Made*> sides(const Hand& hand, const Move& move) {
  const Made *left = &hand[move.first], *right = &hand[move.second];
  if ((move.op == '-' || move.op == '/') && left->value < right->value) std::swap(left, right);
  return {left, right};
}

// Numbers in order and target: "3 5 8 24".
std::string key_of(std::vector<int64_t> numbers, int64_t target) {
  std::sort(numbers.begin(), numbers.end());
  std::string key;
  for (const int64_t n : numbers) key += std::to_string(n) + " ";
  return key + std::to_string(target);
}

bool made_at_once(const std::vector<int64_t>& numbers, int64_t target) {
  if (std::find(numbers.begin(), numbers.end(), target) != numbers.end()) return true;
  const Hand hand = hand_of(numbers);
  const std::vector<Move> moves = moves_of(hand);
  return std::any_of(moves.begin(), moves.end(), [&](const Move& m) { return made_by(hand, m)->value == target; });
}

// Empty: no luck.
std::optional<CountdownProblem> try_problem(size_t count, RandomStream& random) {
  CountdownProblem problem;
  for (size_t i = 0; i < count; ++i) problem.numbers.push_back(random.between(1, kLargestNumber));
  Hand hand = hand_of(problem.numbers);
  while (hand.size() > 1) {
    const std::vector<Move> moves = moves_of(hand);
    if (moves.empty()) return std::nullopt;
    // The operation first: pairs that divide are few.
    const char op = "+-*/"[random.below(4)];
    std::vector<Move> with_op;
    std::copy_if(moves.begin(), moves.end(), std::back_inserter(with_op), [&](const Move& m) { return m.op == op; });
    const Move move = random.pick(with_op.empty() ? moves : with_op);
    problem.solution.push_back(move);
    hand = after(hand, move);
  }
  problem.target = hand[0].value;
  if (problem.target < kLeastTarget || problem.target > kLargestTarget) return std::nullopt;
  if (made_at_once(problem.numbers, problem.target)) return std::nullopt;
  return problem;
}

}  // namespace

Hand hand_of(std::span<const int64_t> numbers) {
  Hand hand;
  for (const int64_t n : numbers) hand.push_back({n, std::to_string(n), 0});
  return hand;
}

std::optional<Made> made_by(const Hand& hand, const Move& move) {
  const auto [left, right] = sides(hand, move);
  const int64_t a = left->value, b = right->value;
  int64_t value = 0;
  switch (move.op) {
    case '+':
      value = a + b;
      break;
    case '-':
      value = a - b;
      break;
    case '*':
      if (a > 1 && b > 1 && a * b <= kLargestProduct) value = a * b;
      break;
    default:
      if (b > 1 && a % b == 0) value = a / b;
  }
  if (value == 0) return std::nullopt;
  return Made{value, side(*left, move.op, false) + move.op + side(*right, move.op, true), move.op};
}

std::vector<Move> moves_of(const Hand& hand) {
  std::vector<Move> moves;
  for (size_t i = 0; i < hand.size(); ++i)
    for (size_t j = i + 1; j < hand.size(); ++j)
      for (const char op : {'+', '-', '*', '/'})
        if (made_by(hand, {i, j, op})) moves.push_back({i, j, op});
  return moves;
}

Hand after(const Hand& hand, const Move& move) {
  Hand next = {*made_by(hand, move)};
  for (size_t i = 0; i < hand.size(); ++i)
    if (i != move.first && i != move.second) next.push_back(hand[i]);
  return next;
}

std::string written(const Hand& hand, const Move& move) {
  const auto [left, right] = sides(hand, move);
  return std::to_string(left->value) + move.op + std::to_string(right->value);
}

CountdownProblem draw_countdown(size_t count, Split split, RandomStream& random) {
  while (true) {
    auto problem = try_problem(count, random);
    if (problem && allowed(split, key_of(problem->numbers, problem->target))) return std::move(*problem);
  }
}

}  // namespace jamsu::tasks

// Kind A: integer arithmetic typed as people type it.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/check.h"
#include "tasks/arithmetic/frames.h"
#include "tasks/arithmetic/steps.h"
#include "tasks/frames.h"
#include "tasks/korean.h"
#include "tasks/split.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

constexpr int64_t kLargest = 9999;  // of operands and of intermediate results of longer expressions

struct Cell {
  char op;        // + - * /, or 0: an expression
  int first = 0;  // digits of the operands (of '/': of dividend and divisor); of an expression: operations
  int second = 0;
  bool parentheses = false;
  std::string name() const {
    if (op == 0) return "expr " + std::to_string(first) + " ops" + (parentheses ? " ()" : "");
    const std::string lengths = std::to_string(first) +
                                (op == '/'   ? "/"
                                 : op == '*' ? "x"
                                 : op == '-' ? "-"
                                             : "+") +
                                std::to_string(second) + " digits";
    return (op == '+' ? "add " : op == '-' ? "sub " : op == '*' ? "mul " : "div ") + lengths;
  }
};

constexpr auto kCells = std::to_array<Cell>({
    {'+', 1, 1}, {'+', 2, 1},     {'+', 2, 2},     {'+', 3, 2},     {'+', 3, 3},     {'+', 4, 3},
    {'+', 4, 4}, {'-', 1, 1},     {'-', 2, 1},     {'-', 2, 2},     {'-', 3, 2},     {'-', 3, 3},
    {'-', 4, 3}, {'-', 4, 4},     {'*', 1, 1},     {'*', 2, 1},     {'*', 3, 1},     {'*', 4, 1},
    {'*', 2, 2}, {'*', 3, 2},     {'*', 3, 3},     {'/', 2, 1},     {'/', 3, 1},     {'/', 4, 1},
    {'/', 3, 2}, {'/', 4, 2},     {0, 2},          {0, 3},          {0, 4},          {0, 5},
    {0, 6},      {0, 2, 0, true}, {0, 3, 0, true}, {0, 4, 0, true}, {0, 5, 0, true}, {0, 6, 0, true},
});

// Of exactly that many digits; single digits include 0 rarely.
int64_t number_of(int digits, RandomStream& random) {
  if (digits == 1) return random.chance(1, 40) ? 0 : random.between(1, 9);
  int64_t low = 1;
  for (int i = 1; i < digits; ++i) low *= 10;
  // People type round numbers more often than chance does.
  if (digits > 2 && random.chance(1, 8))
    return random.between(low / 100 * 10, low / 10 * 10 - 1) / (low / 100) * (low / 10);
  if (digits > 1 && random.chance(1, 12)) return random.between(low / 10, low - 1) * 10;
  return random.between(low, low * 10 - 1);
}

Tokens single_operation(const Cell& cell, RandomStream& random) {
  int64_t a = number_of(cell.first, random), b = number_of(cell.second, random);
  switch (cell.op) {
    case '+':
    case '*':
      if (random.chance(1, 4)) std::swap(a, b);
      break;
    case '-':
      if ((a < b) != random.chance(1, 5)) std::swap(a, b);
      break;
    default: {
      const int64_t low = cell.first == 2 ? 10 : cell.first == 3 ? 100 : 1000;
      b = std::max<int64_t>(b, cell.second == 1 ? (random.chance(1, 20) ? 1 : 2) : 10);
      a = random.between((low + b - 1) / b, (low * 10 - 1) / b) * b;
    }
  }
  if (random.chance(1, 60)) a = -a;
  if (random.chance(1, 100)) b = -b;
  if (cell.op == '/' && b == 0) b = 1;
  return {{0, a}, {cell.op}, {0, b}};
}

// An expression tree with its value.
struct Node {
  char op = 0;
  int64_t value = 0;
  std::unique_ptr<Node> left, right;
};
using Tree = std::unique_ptr<Node>;

int64_t leaf_value(RandomStream& random) {
  const uint32_t kind = random.below(100);
  const int digits = kind < 45 ? 1 : kind < 85 ? 2 : kind < 96 ? 3 : 4;
  const int64_t value = number_of(digits, random);
  return random.chance(1, 150) ? -value : value;
}

int digits_of(int64_t value) {
  return static_cast<int>(std::to_string(std::abs(value)).size());
}

Tree leaf(int64_t value) {
  Tree node = std::make_unique<Node>();
  node->value = value;
  return node;
}

Tree build(int operations, RandomStream& random);

// A quotient that is exact: a divisor of the left side, or a left side that is a multiple of the right one.
// Null: no luck.
Tree build_quotient(int operations, RandomStream& random) {
  Tree node = std::make_unique<Node>();
  node->op = '/';
  if (random.chance(1, 3) || operations == 1) {
    node->right = operations == 1 ? leaf(random.chance(3, 4) ? random.between(2, 9) : random.between(10, 40))
                                  : build(operations - 1, random);
    if (!node->right || node->right->value < 2 || node->right->value > 99) return nullptr;
    node->left = leaf(node->right->value * random.between(2, std::min<int64_t>(120, kLargest / node->right->value)));
  } else {
    node->left = build(operations - 1, random);
    if (!node->left) return nullptr;
    std::vector<int64_t> divisors;
    for (int64_t d = 2; d <= 40; ++d) {
      if (node->left->value % d == 0 && node->left->value != 0) divisors.push_back(d);
    }
    if (divisors.empty()) return nullptr;
    node->right = leaf(random.pick(divisors));
  }
  node->value = node->left->value / node->right->value;
  return node;
}

Tree build(int operations, RandomStream& random) {
  if (operations == 0) return leaf(leaf_value(random));
  const uint32_t kind = random.below(100);
  if (kind >= 86) return build_quotient(operations, random);
  Tree node = std::make_unique<Node>();
  node->op = kind < 32 ? '+' : kind < 62 ? '-' : '*';
  const int right = random.chance(1, 2) ? 0 : static_cast<int>(random.below(static_cast<uint32_t>(operations)));
  node->left = build(operations - 1 - right, random);
  node->right = build(right, random);
  if (!node->left || !node->right) return nullptr;
  const int64_t a = node->left->value, b = node->right->value;
  if (node->op == '*' && (digits_of(a) * digits_of(b) > 4 || std::abs(a * b) > kLargest)) return nullptr;
  if (node->op == '-' && a < b && !random.chance(1, 6)) {
    std::swap(node->left, node->right);
    node->value = b - a;
    return node;
  }
  node->value = node->op == '+' ? a + b : node->op == '-' ? a - b : a * b;
  if (std::abs(node->value) > kLargest) return nullptr;
  return node;
}

int binding(char op) {
  return op == 0 ? 3 : op == '*' || op == '/' ? 2 : 1;
}

// Writes the tree with the parentheses it needs, and now and then one it does not.
void flatten(const Node& node, bool redundant, RandomStream& random, Tokens& out) {
  if (node.op == 0) {
    out.push_back({0, node.value});
    return;
  }
  const auto side = [&](const Node& child, bool is_right) {
    const bool needed = binding(child.op) < binding(node.op) || (is_right && binding(child.op) == binding(node.op));
    const bool wanted = child.op != 0 && (needed || (redundant && random.chance(1, 6)));
    if (wanted) out.push_back({'('});
    flatten(child, redundant, random, out);
    if (wanted) out.push_back({')'});
  };
  side(*node.left, false);
  out.push_back({node.op});
  side(*node.right, true);
}

Tokens expression(const Cell& cell, RandomStream& random) {
  while (true) {
    const Tree tree = build(cell.first, random);
    if (!tree) continue;
    Tokens tokens;
    flatten(*tree, cell.parentheses, random, tokens);
    const bool has = std::any_of(tokens.begin(), tokens.end(), [](const Token& t) { return t.op == '('; });
    if (has == cell.parentheses) return tokens;
  }
}

Spelling symbols(RandomStream& random) {
  Spelling spelling;
  constexpr std::string_view times[] = {"*", "*", "x", "×", "×", "X"};
  constexpr std::string_view over[] = {"/", "/", "÷"};
  spelling.times = times[random.below(6)];
  spelling.over = over[random.below(3)];
  spelling.space = random.chance(1, 2) ? " " : "";
  if (spelling.space.empty() && spelling.times == "X") spelling.times = "x";
  spelling.separators = random.chance(1, 12);
  return spelling;
}

Spelling words(Language language, RandomStream& random) {
  if (language == Language::korean) {
    return {.times = " 곱하기 ", .over = " 나누기 ", .plus = " 더하기 ", .minus = " 빼기 "};
  }
  return {.times = random.chance(1, 5) ? " multiplied by " : " times ",
          .over = " divided by ",
          .plus = " plus ",
          .minus = " minus "};
}

std::string prompt_for(const Tokens& tokens, bool bare, const Sample& sample, Split split, RandomStream& random) {
  const bool plain =
      std::all_of(tokens.begin(), tokens.end(), [](const Token& t) { return t.op != '(' && t.value >= 0; });
  const bool single = tokens.size() == 3;
  // One draw a statement: arguments are evaluated in an order that each compiler chooses.
  if (bare) {
    const std::string e = spell(tokens, symbols(random));
    return fill(pick_frame(bare_frames(), split, random), {{"e", e}});
  }
  if (single && plain && random.chance(1, 4)) {
    const Spelling spelling{.separators = random.chance(1, 12)};
    const Slots slots = {{"a", spell({tokens[0]}, spelling)}, {"b", spell({tokens[2]}, spelling)}};
    return fill(pick_frame(operation_frames(sample.language, tokens[1].op), split, random), slots);
  }
  const bool in_words = plain && tokens.size() <= 5 && random.chance(single ? 2 : 1, 5);
  const std::string e = spell(tokens, in_words ? words(sample.language, random) : symbols(random));
  return fill(pick_frame(question_frames(sample.language), split, random), {{"e", e}});
}

Sample cell_sample(const Cell& cell, RandomStream& random, const GeneratorOptions& options) {
  Sample sample;
  sample.kind = Kind::arithmetic;
  sample.language = random.chance(1, 2) ? Language::korean : Language::english;
  sample.cell = cell.name();
  sample.level = cell.op == 0 ? cell.first : 1;
  const Tokens tokens = cell.op == 0 ? expression(cell, random) : single_operation(cell, random);
  const bool bare = random.chance(1, 4);
  do {
    sample.prompt = prompt_for(tokens, bare, sample, options.split, random);
  } while (reserved_prompt(sample.prompt));
  StepWriter writer(random, options.retry_percent);
  sample.value = std::to_string(evaluate_in_steps(tokens, writer, random));
  sample.thinking = writer.finish();
  // A prompt of symbols alone has no language; the answer then is the number alone.
  if (bare) {
    sample.answer = sample.value;
  } else if (sample.language == Language::korean) {
    sample.answer = "답은 " + sample.value + "입니다.";
  } else {
    sample.answer = "The answer is " + sample.value + ".";
  }
  return sample;
}

}  // namespace

std::vector<std::string> arithmetic_cells() {
  std::vector<std::string> names;
  for (const Cell& cell : kCells) names.push_back(cell.name());
  return names;
}

Sample arithmetic_cell_sample(std::string_view cell, uint64_t index, const GeneratorOptions& options) {
  const auto found = std::find_if(kCells.begin(), kCells.end(), [&](const Cell& c) { return c.name() == cell; });
  JAMSU_CHECK(found != kCells.end());
  RandomStream random = sample_stream(index, options, 100 + static_cast<int>(found - kCells.begin()));
  return cell_sample(*found, random, options);
}

Sample arithmetic_sample(uint64_t index, const GeneratorOptions& options, int level) {
  RandomStream random = sample_stream(index, options, 1 + level * 16);
  std::vector<const Cell*> fitting;
  for (const Cell& cell : kCells) {
    if (level == 0 || level == (cell.op == 0 ? cell.first : 1)) fitting.push_back(&cell);
  }
  JAMSU_CHECK(!fitting.empty());
  return cell_sample(*random.pick(fitting), random, options);
}

}  // namespace jamsu::tasks

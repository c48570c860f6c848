#include "tasks/arithmetic/steps.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"

namespace jamsu::tasks {
namespace {

std::string with_separators(int64_t value) {
  std::string s = std::to_string(std::abs(value));
  for (size_t at = s.size(); at > 3; at -= 3) s.insert(at - 3, ",");
  return (value < 0 ? "-" : "") + s;
}

bool is_operator(const Token& t) {
  return t.op == '+' || t.op == '-' || t.op == '*' || t.op == '/';
}

// Position of the operator that comes first by the rules of arithmetic.
size_t next_operator(const Tokens& tokens) {
  const auto is = [](char c) { return [c](const Token& t) { return t.op == c; }; };
  const auto end = std::find_if(tokens.begin(), tokens.end(), is(')'));
  auto begin = tokens.begin();
  if (end != tokens.end()) {
    begin = end;
    while (begin->op != '(') --begin;
  }
  auto at = std::find_if(begin, end, [](const Token& t) { return t.op == '*' || t.op == '/'; });
  if (at == end) at = std::find_if(begin, end, is_operator);
  JAMSU_CHECK(at != end);
  return static_cast<size_t>(at - tokens.begin());
}

int64_t apply(char op, int64_t a, int64_t b, StepWriter& writer) {
  switch (op) {
    case '+':
      return writer.add(a, b);
    case '-':
      return writer.subtract(a, b);
    case '*':
      return writer.multiply(a, b);
    default:
      return writer.divide(a, b);
  }
}

// The remaining expression with one number off by one: a slip in copying.
std::string miscopied(Tokens tokens, RandomStream& random) {
  std::vector<size_t> numbers;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].op == 0) numbers.push_back(i);
  }
  int64_t& value = tokens[random.pick(numbers)].value;
  value += value > 1 && random.chance(1, 2) ? -1 : 1;
  return spell(tokens);
}

}  // namespace

std::string spell(const Tokens& tokens, const Spelling& spelling) {
  std::string out;
  const std::string space(spelling.space);
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& t = tokens[i];
    if (t.op == 0) {
      const bool first = i == 0 || tokens[i - 1].op == '(';
      const std::string digits = spelling.separators ? with_separators(t.value) : std::to_string(t.value);
      out += t.value < 0 && !first ? "(" + digits + ")" : digits;
    } else if (t.op == '(' || t.op == ')') {
      out += t.op;
    } else {
      out += space;
      out += t.op == '+' ? spelling.plus : t.op == '-' ? spelling.minus : t.op == '*' ? spelling.times : spelling.over;
      out += space;
    }
  }
  return out;
}

int64_t evaluate_in_steps(Tokens tokens, StepWriter& writer, RandomStream& random) {
  auto operators = std::count_if(tokens.begin(), tokens.end(), is_operator);
  const bool single = operators == 1 && tokens.size() == 3;
  if (!single) writer.text(spell(tokens));
  while (true) {
    const size_t at = next_operator(tokens);
    const bool last = --operators == 0;
    // The last operation continues the chain: what remains of the expression is its header.
    const bool in_parentheses =
        at >= 2 && at + 2 < tokens.size() && tokens[at - 2].op == '(' && tokens[at + 2].op == ')';
    if (last && !single && !in_parentheses) writer.label("=");
    const int64_t value = apply(tokens[at].op, tokens[at - 1].value, tokens[at + 1].value, writer);
    if (last) return value;
    const size_t extra = in_parentheses ? 1 : 0;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at - extra),
                 tokens.begin() + static_cast<std::ptrdiff_t>(at + 2 + extra));
    tokens[at - 1 - extra] = {0, value};
    if (operators > 1) writer.line("=" + spell(tokens), "=" + miscopied(tokens, random));
  }
}

}  // namespace jamsu::tasks

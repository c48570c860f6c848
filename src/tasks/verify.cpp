// Reads a thinking text and an answer as a strict teacher would; see tasks.h. Knows no generator.
//
// Of each line the chain of its equations and comparisons is checked, words and units set aside: `8+7=15→5`, `=46>44`,
// `3봉지 * 15개 = 45개`, `8+7=15 4+5+1=10`. A line that ends in an operation without a value (`남은 구슬: 23-8`) opens
// it; a line that begins with `=` continues the last one opened and, when it ends in a number, closes it.
//
// `남은 구슬=15` says what a quantity is: it closes the operation that was opened by a line of that name (`남은 구슬:
// 23-8`), or else must agree with what was said of that name before. So must what an operation recalls, and stand in
// it: `합: 지우=15, 15+3`.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "tasks/answer/answer.h"
#include "tasks/countdown/countdown.h"
#include "tasks/expression.h"
#include "tasks/talk/talk.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

using Pieces = std::span<const Piece>;

std::vector<std::string_view> lines_not_taken_back(std::string_view thinking) {
  std::vector<std::string_view> lines;
  while (true) {
    const size_t end = thinking.find('\n');
    std::string_view line = thinking.substr(0, end);
    // Text before a mark on its own line is taken back; a line that begins with the mark takes back the line before it.
    for (size_t mark = line.find(kRetryMark); mark != std::string_view::npos; mark = line.find(kRetryMark)) {
      if (line.substr(0, mark).find_first_not_of(' ') == std::string_view::npos && !lines.empty()) lines.pop_back();
      line.remove_prefix(mark + kRetryMark.size());
    }
    lines.push_back(line);
    if (end == std::string_view::npos) return lines;
    thinking.remove_prefix(end + 1);
  }
}

// A side of a relation: what of it is an expression.
struct Side {
  std::optional<Rational> value;
  bool operation = false;  // more than a (signed) number
  bool whole = false;      // covers all there is between its two relations
};

bool has_operation(Pieces pieces) {
  size_t numbers = 0;
  for (const Piece& piece : pieces) numbers += piece.type == Piece::Type::number ? 1 : 0;
  return numbers > 1;
}

bool arithmetic(const Piece& piece) {
  return piece.type == Piece::Type::number || piece.type == Piece::Type::op;
}

// Without words: they are units or prose, neither changes a value.
std::vector<Piece> without_words(Pieces pieces) {
  std::vector<Piece> kept;
  for (const Piece& piece : pieces) {
    if (piece.type != Piece::Type::word) kept.push_back(piece);
  }
  return kept;
}

// The longest expression at the end (`at_end`) or at the beginning of the pieces, not across a stop.
Side expression_at(const std::vector<Piece>& pieces, bool at_end) {
  size_t first = 0, last = pieces.size();
  const auto is_stop = [](const Piece& piece) { return piece.type == Piece::Type::stop; };
  while (last > first && is_stop(pieces[last - 1])) --last;  // a full stop, a closing quote
  while (first < last && is_stop(pieces[first])) ++first;
  const size_t whole_first = first, whole_last = last;
  if (at_end) {
    for (size_t i = first; i < last; ++i) {
      if (is_stop(pieces[i])) first = i + 1;
    }
  } else {
    for (size_t i = last; i > first; --i) {
      if (is_stop(pieces[i - 1])) last = i - 1;
    }
  }
  const Pieces segment(pieces.data() + first, last - first);
  if (!std::all_of(segment.begin(), segment.end(), arithmetic)) return {};
  constexpr size_t kMaxPieces = 200;
  if (segment.size() > kMaxPieces) return {};
  for (size_t size = segment.size(); size > 0; --size) {
    const Pieces tried = at_end ? segment.last(size) : segment.first(size);
    if (const auto value = evaluate_pieces(tried)) {
      return {value, has_operation(tried), size == whole_last - whole_first};
    }
  }
  return {};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// `name=123`.
struct Statement {
  std::string_view name;
  int64_t value = 0;
};

bool is_name(std::string_view text) {
  return !text.empty() && text.front() != ' ' && text.find_first_of("0123456789=<>+*/(),:?|") == std::string_view::npos;
}

std::optional<Statement> statement(std::string_view text) {
  const size_t sign = text.find('=');
  if (sign == std::string_view::npos || !is_name(text.substr(0, sign))) return {};
  const std::string_view digits = text.substr(sign + 1);
  constexpr size_t kMostDigits = 15;
  if (digits.empty() || digits.size() > kMostDigits || !std::all_of(digits.begin(), digits.end(), is_digit)) return {};
  Statement out{text.substr(0, sign)};
  for (char c : digits) out.value = out.value * 10 + (c - '0');
  return out;
}

class Checker {
 public:
  void line(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (const auto said = statement(text)) return state(*said);
    std::string_view label;
    std::vector<int64_t> recalled;
    const size_t colon = text.find(": ");
    if (colon != std::string_view::npos && is_name(text.substr(0, colon))) {
      label = text.substr(0, colon);
      std::string_view rest = text.substr(colon + 2);
      for (size_t comma = rest.find(", "); comma != std::string_view::npos; comma = rest.find(", ")) {
        const auto said = statement(rest.substr(0, comma));
        if (!said) break;
        state(*said);
        recalled.push_back(said->value);
        text = rest = rest.substr(comma + 2);
      }
    }
    for (int64_t value : recalled) used(value, text);
    chain(text, label);
  }

  Verdict verdict() const { return verdict_; }

 private:
  void chain(std::string_view text, std::string_view label) {
    const std::vector<Piece> pieces = without_words(split_mathematics(text));
    std::vector<std::vector<Piece>> parts(1);
    std::vector<char> relations;
    for (const Piece& piece : pieces) {
      if (piece.type == Piece::Type::relation) {
        relations.push_back(piece.op);
        parts.emplace_back();
      } else {
        parts.back().push_back(piece);
      }
    }
    const bool continues = !relations.empty() && parts[0].empty() && relations[0] == '=';
    bool number_seen = false;  // the chain has been given a value
    Side left = continues ? opened() : expression_at(parts[0], true);
    if (!continues && left.value && !left.operation) number_seen = true;
    for (size_t i = 0; i < relations.size(); ++i) {
      const Side right = expression_at(parts[i + 1], false);
      if (left.value && right.value) {
        count(relations[i], *left.value, *right.value);
      } else if (i == 0 && continues && right.value) {
        ++verdict_.steps;  // continues nothing: unfounded
      }
      const bool last = i + 1 == relations.size();
      if (right.value && !right.operation) number_seen = true;
      if (!last && !right.whole) {  // `15 4+5+1`: another equation begins
        left = expression_at(parts[i + 1], true);
        number_seen = left.value && !left.operation;
      } else {
        left = right;
      }
    }
    const bool closes = continues && number_seen;
    if (closes && !open_.empty()) open_.pop_back();
    if (!continues && !number_seen && left.value && left.operation) open_.push_back({*left.value, label});
  }

  Side opened() const { return open_.empty() ? Side{} : Side{open_.back().value, true, true}; }

  // What is recalled for an operation must stand in it.
  void used(int64_t value, std::string_view operation) {
    const std::vector<Piece> pieces = split_mathematics(operation);
    ++verdict_.steps;
    if (std::any_of(pieces.begin(), pieces.end(), [&](const Piece& piece) {
          return piece.type == Piece::Type::number && piece.value == Rational{value, 1};
        }))
      ++verdict_.steps_right;
  }

  void state(const Statement& said) {
    const Rational value{said.value, 1};
    if (!open_.empty() && open_.back().name == said.name) {
      count('=', open_.back().value, value);
      open_.pop_back();
      known_[said.name] = value;
    } else if (const auto [known, first] = known_.try_emplace(said.name, value); !first) {
      count('=', known->second, value);
    }
  }

  void count(char relation, const Rational& a, const Rational& b) {
    ++verdict_.steps;
    const bool holds = relation == '=' ? a == b : relation == '<' ? less(a, b) : less(b, a);
    if (holds) ++verdict_.steps_right;
  }

  struct Open {
    Rational value;
    std::string_view name;  // empty: none
  };
  std::vector<Open> open_;                      // the operations not yet closed
  std::map<std::string_view, Rational> known_;  // what was said of each name
  Verdict verdict_;
};

std::vector<std::string_view> items_of(std::string_view line) {
  std::vector<std::string_view> items;
  for (size_t comma = line.find(", "); comma != std::string_view::npos; comma = line.find(", ")) {
    items.push_back(line.substr(0, comma));
    line.remove_prefix(comma + 2);
  }
  items.push_back(line);
  return items;
}

// `1 b, 2 a, 3 n`, also after an item without a number (`Monday, 1 Tuesday, 2 Wednesday`): numbered from 1 on.
bool numbered_aloud(const std::vector<std::string_view>& items) {
  size_t number = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const bool begins = !items[i].empty() && is_digit(items[i][0]);
    if (i == 0 && !begins) continue;
    if (!items[i].starts_with(std::to_string(++number) + " ")) return false;
  }
  return true;
}

// `b 0, a 1, n 1, a 2`: one kind of item, and it alone, raises the count.
bool occurrences_aloud(const std::vector<std::string_view>& items) {
  std::string_view wanted;
  int64_t count = 0;
  std::vector<std::string_view> passed;  // items that did not raise it
  for (std::string_view item : items) {
    const size_t space = item.rfind(' ');
    if (space == std::string_view::npos) return false;
    const std::string_view name = item.substr(0, space), number = item.substr(space + 1);
    const bool raised = number == std::to_string(count + 1);
    if (!raised && number != std::to_string(count)) return false;
    if (raised && count++ == 0) wanted = name;
    if (raised != (count > 0 && name == wanted)) return false;
    if (!raised) passed.push_back(name);
  }
  return count == 0 || std::find(passed.begin(), passed.end(), wanted) == passed.end();
}

// Counting aloud is a step without an equation.
void check_counting(std::string_view line, Verdict& verdict) {
  const std::vector<std::string_view> items = items_of(line);
  if (items.size() < 2 || line.find(": ") != std::string_view::npos) return;  // `count: a, b` restates the question
  ++verdict.steps;
  if (numbered_aloud(items) || occurrences_aloud(items)) ++verdict.steps_right;
}

// By value, but for two kinds of questions about how a number is written.
bool answer_fits(const Sample& sample, std::string_view answer) {
  if (sample.cell == "fraction") return answer_holds(answer, sample.value);  // in lowest terms
  if (answer_is(answer, sample.value)) return true;
  if (sample.cell != "unit") return false;
  // How many thousands are 9000 won? 9천 원 is 9 of them.
  const std::string read = read_answer(answer).text;
  return read.substr(0, read.find_first_not_of("0123456789")) == sample.value;
}

bool holds_any(std::string_view answer, const std::vector<std::string>& texts) {
  const std::string lower = lower_ascii(answer);
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return lower.find(lower_ascii(text)) != std::string::npos; });
}

}  // namespace

std::string final_number(std::string_view answer) {
  const Answer read = read_answer(answer);
  return read.quantity ? to_text(read.quantity->value) : std::string();
}

Verdict verify(const Sample& sample, std::string_view thinking, std::string_view answer) {
  Checker checker;
  const std::vector<std::string_view> lines = lines_not_taken_back(thinking);
  for (std::string_view line : lines) checker.line(line);
  Verdict verdict = checker.verdict();
  if (sample.cell == "counting" || sample.cell == "calendar") {
    for (std::string_view line : lines) check_counting(line, verdict);
  }
  if (!sample.any.empty()) {
    verdict.answer_right = holds_any(answer, sample.any);
  } else if (sample.kind == Kind::talk) {
    verdict.answer_right = talk_reply_fits(sample.intent, answer);
  } else if (sample.kind == Kind::countdown) {
    verdict.answer_right = countdown_right(sample.numbers, sample.value, answer);
  } else if (sample.value.empty()) {
    verdict.answer_right = false;
  } else {
    verdict.answer_right = answer_fits(sample, answer);
  }
  return verdict;
}

}  // namespace jamsu::tasks

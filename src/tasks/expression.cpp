#include "tasks/expression.h"

#include <array>
#include <numeric>
#include <utility>

#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxExpressionBytes = 4096;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

std::optional<Rational> reduced(__int128 numerator, __int128 denominator) {
  if (denominator == 0) return std::nullopt;
  if (denominator < 0) numerator = -numerator, denominator = -denominator;
  __int128 a = numerator < 0 ? -numerator : numerator, b = denominator;
  while (b != 0) a = std::exchange(b, a % b);
  if (a > 1) numerator /= a, denominator /= a;
  constexpr __int128 limit = INT64_MAX;
  if (numerator > limit || numerator < -limit || denominator > limit) return std::nullopt;
  return Rational{static_cast<int64_t>(numerator), static_cast<int64_t>(denominator)};
}

// Operators spelled with several bytes.
// Words count only where a number or parenthesis is beside them (checked by the parser).
struct Spelled {
  std::string_view text;
  char op;
};
constexpr auto kSpelled = std::to_array<Spelled>({{"×", '*'},
                                                  {"÷", '/'},
                                                  {"−", '-'},
                                                  {"·", '*'},
                                                  {"더하기", '+'},
                                                  {"빼기", '-'},
                                                  {"곱하기", '*'},
                                                  {"나누기", '/'},
                                                  {"multiplied by", '*'},
                                                  {"divided by", '/'},
                                                  {"plus", '+'},
                                                  {"minus", '-'},
                                                  {"times", '*'}});
constexpr auto kStops = std::to_array<std::string_view>({"→", "⇒", "…", "‘", "’", "“", "”", "「", "」"});
constexpr auto kUnknown = std::to_array<std::string_view>({"□", "☐", "▢"});

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  std::vector<Piece> run() {
    while (at_ < text_.size()) step();
    return std::move(pieces_);
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }
  char next_visible(size_t from) const {
    while (from < text_.size() && text_[from] == ' ') ++from;
    return from < text_.size() ? text_[from] : '\0';
  }
  bool after_operand() const {
    return !pieces_.empty() &&
           (pieces_.back().type == Piece::Type::number ||
            (pieces_.back().type == Piece::Type::op && (pieces_.back().op == ')' || pieces_.back().op == '%')));
  }
  void push(Piece::Type type, size_t bytes, char op = 0) {
    pieces_.push_back({type, op, {}});
    at_ += bytes;
  }

  void step() {
    const char c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++at_;
    } else if (is_digit(c)) {
      number();
    } else if (c == '+' || c == '-' || c == '*' || c == '/' || c == '(' || c == ')' || c == '%') {
      push(Piece::Type::op, 1, c);
    } else if (c == '=' || c == '<' || c == '>') {
      push(Piece::Type::relation, 1, c);
    } else if (is_letter(c)) {
      letters();
    } else {
      push(c == '?' ? Piece::Type::unknown : Piece::Type::stop, 1);
    }
  }

  void number() {
    __int128 value = 0, scale = 1;
    bool fits = true;
    size_t digits = 0;
    const auto take = [&] {
      value = value * 10 + (text_[at_++] - '0');
      ++digits;
      if (value > INT64_MAX) fits = false, value = 0;
    };
    const auto digit_at = [&](size_t i) { return i < text_.size() && is_digit(text_[i]); };
    while (digit_at(at_)) take();
    const auto group = [&] {  // ",ddd" and no fourth digit
      return at_ < text_.size() && text_[at_] == ',' && digit_at(at_ + 1) && digit_at(at_ + 2) && digit_at(at_ + 3) &&
             !digit_at(at_ + 4);
    };
    if (digits <= 3) {
      while (group()) {
        ++at_;
        for (int i = 0; i < 3; ++i) take();
      }
    }
    if (at_ < text_.size() && text_[at_] == '.' && digit_at(at_ + 1)) {
      ++at_;
      while (digit_at(at_)) {
        if (scale > 1'000'000'000) fits = false, scale = 1;
        scale *= 10;
        take();
      }
    }
    if (at_ < text_.size() && text_[at_] == ':' && digit_at(at_ + 1)) {  // 12:30
      while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == ':')) ++at_;
      fits = false;
    }
    const auto exact = fits ? reduced(value, scale) : std::nullopt;
    pieces_.push_back(exact ? Piece{Piece::Type::number, 0, *exact} : Piece{Piece::Type::unknown, 0, {}});
  }

  void letters() {
    for (std::string_view stop : kStops) {
      if (rest().starts_with(stop)) return push(Piece::Type::stop, stop.size());
    }
    for (std::string_view unknown : kUnknown) {
      if (rest().starts_with(unknown)) return push(Piece::Type::unknown, unknown.size());
    }
    for (const Spelled& spelled : kSpelled) {
      if (!rest().starts_with(spelled.text)) continue;
      const char after = next_visible(at_ + spelled.text.size());
      if (after_operand() && (is_digit(after) || after == '(' || after == '-'))
        return push(Piece::Type::op, spelled.text.size(), spelled.op);
    }
    size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) {
      bool marked = false;  // 3개→5: the arrow ends the word
      for (std::string_view stop : kStops) marked = marked || text_.substr(end).starts_with(stop);
      for (const Spelled& spelled : kSpelled)
        marked = marked || (end > at_ && static_cast<unsigned char>(spelled.text[0]) >= 0x80 &&
                            text_.substr(end).starts_with(spelled.text));
      if (marked && end > at_) break;
      ++end;
    }
    const std::string_view word = text_.substr(at_, end - at_);
    if (word == "x" || word == "X") {
      const char after = next_visible(end);
      if (after_operand() && (is_digit(after) || after == '(')) return push(Piece::Type::op, 1, '*');
      return push(Piece::Type::unknown, 1);
    }
    const bool variable = word == "y" || word == "z" || word == "n";
    push(variable ? Piece::Type::unknown : Piece::Type::word, word.size());
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Piece> pieces_;
};

// expression := term (('+' | '-') term)*;  term := factor (('*' | '/') factor)*;  factor := '-'* (number | '('
// expression ')') '%'*
class Parser {
 public:
  Parser(std::span<const Piece> pieces, bool integers_only) : pieces_(pieces), integers_only_(integers_only) {}

  std::optional<Rational> run() {
    const auto value = expression(0);
    return value && at_ == pieces_.size() ? value : std::nullopt;
  }

 private:
  bool next(char op) const {
    return at_ < pieces_.size() && pieces_[at_].type == Piece::Type::op && pieces_[at_].op == op;
  }
  bool take(char op) {
    if (!next(op)) return false;
    ++at_;
    return true;
  }

  std::optional<Rational> expression(int depth) {
    auto value = term(depth);
    while (value && (next('+') || next('-'))) {
      const int sign = pieces_[at_++].op == '+' ? 1 : -1;
      const auto right = term(depth);
      if (!right) return std::nullopt;
      value = reduced(static_cast<__int128>(value->numerator) * right->denominator +
                          static_cast<__int128>(sign) * right->numerator * value->denominator,
                      static_cast<__int128>(value->denominator) * right->denominator);
    }
    return value;
  }

  std::optional<Rational> term(int depth) {
    auto value = factor(depth);
    while (value && (next('*') || next('/'))) {
      const bool times = pieces_[at_++].op == '*';
      auto right = factor(depth);
      if (!right) return std::nullopt;
      if (!times) std::swap(right->numerator, right->denominator);
      value = reduced(static_cast<__int128>(value->numerator) * right->numerator,
                      static_cast<__int128>(value->denominator) * right->denominator);
      if (integers_only_ && value && value->denominator != 1) return std::nullopt;
    }
    return value;
  }

  std::optional<Rational> factor(int depth) {
    if (depth >= kMaxDepth) return std::nullopt;
    bool negative = false;
    while (take('-')) negative = !negative;
    std::optional<Rational> value;
    if (take('(')) {
      value = expression(depth + 1);
      if (!take(')')) return std::nullopt;
    } else if (at_ < pieces_.size() && pieces_[at_].type == Piece::Type::number) {
      value = pieces_[at_++].value;
    }
    while (value && !integers_only_ && take('%'))
      value = reduced(value->numerator, static_cast<__int128>(value->denominator) * 100);
    if (value && integers_only_ && value->denominator != 1) return std::nullopt;
    if (value && negative) value->numerator = -value->numerator;
    return value;
  }

  std::span<const Piece> pieces_;
  bool integers_only_;
  size_t at_ = 0;
};

}  // namespace

bool less(const Rational& a, const Rational& b) {
  return static_cast<__int128>(a.numerator) * b.denominator < static_cast<__int128>(b.numerator) * a.denominator;
}

std::vector<Piece> split_mathematics(std::string_view text) {
  return Splitter(text).run();
}

std::optional<Rational> evaluate_pieces(std::span<const Piece> pieces, bool integers_only) {
  return Parser(pieces, integers_only).run();
}

std::string evaluate_expression(std::string_view text) {
  if (text.size() > kMaxExpressionBytes) return {};
  std::vector<Piece> pieces = split_mathematics(text);
  // What people leave at the end: `=`, `= ?`, `?`.
  if (!pieces.empty() && pieces.back().type == Piece::Type::unknown && text.ends_with('?')) pieces.pop_back();
  if (!pieces.empty() && pieces.back().type == Piece::Type::relation && pieces.back().op == '=') pieces.pop_back();
  const auto value = evaluate_pieces(pieces, true);
  return value ? std::to_string(value->numerator) : std::string();
}

}  // namespace jamsu::tasks

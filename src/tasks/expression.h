#pragma once
// Exact arithmetic on text, for the verifiers. Knows nothing of the generators.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::tasks {

struct Rational {
  int64_t numerator = 0, denominator = 1;  // lowest terms, denominator > 0
  friend bool operator==(const Rational&, const Rational&) = default;
};
bool less(const Rational& a, const Rational& b);

// One piece of a text that may hold mathematics.
struct Piece {
  enum class Type {
    number,
    op,        // + - * / ( ) and %, in `op`
    relation,  // = < >
    word,      // letters, units
    unknown,   // something that makes its surroundings no arithmetic: a variable, 12:30, □
    stop,      // punctuation that ends an expression: , . ; : → and the like
  };
  Type type;
  char op = 0;
  Rational value{};
};
// Never fails. Operators: + - − * · × x X ÷ / and the words 더하기 빼기 곱하기 나누기 plus minus times, "multiplied
// by", "divided by"; x only between numbers or parentheses. Numbers may have thousands separators and decimals.
std::vector<Piece> split_mathematics(std::string_view text);

// The value of exactly these pieces as one expression (numbers and ops only); empty when they are none, on division by
// zero, on overflow of 64 bits, or when nested deeper than 64.
std::optional<Rational> evaluate_pieces(std::span<const Piece> pieces, bool integers_only = false);

}  // namespace jamsu::tasks

#pragma once
// Numbers in plain text (plain_text.h) with their sign, currency, unit or percent sign.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/answer/exact.h"

namespace jamsu::tasks {

struct Quantity {
  Exact value;
  bool percent = false;
  std::string unit = {};  // canonical: "km", "min", "USD", "km/h", "m^2"; empty: none, or none that is known
};

// Equal values whose known units do not differ. A percent sign on one side alone may be meant or left out: 50 % equals
// 50 and 0.5. Nothing is converted, nothing is rounded.
bool same_quantity(const Quantity& a, const Quantity& b);

// What looks like a number at `begin` .. `end`; no quantity where it is none: a range (1-5), a time (3:15), a version,
// an operation (3 + 4), a division by zero, more digits than Exact holds.
struct NumberSpan {
  size_t begin = 0, end = 0;
  std::optional<Quantity> quantity;
};
// All of them, in order. `alone`: the text is an answer and no sentence, so that `1 234` is one number and `- 3` has a
// sign.
std::vector<NumberSpan> numbers_in(std::string_view text, bool alone = false);

// The quantity that the whole text is, in digits or words, perhaps with words around it that change nothing ("about 18
// apples", "x = 18"). Empty: it is none, or several, or mathematics beyond one number.
std::optional<Quantity> whole_quantity(std::string_view text);

// The last number in words of a sentence.
std::optional<Quantity> last_number_word(std::string_view text);

}  // namespace jamsu::tasks

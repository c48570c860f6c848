#include "tasks/answer/quantity.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "tasks/answer/number_words.h"
#include "tasks/answer/plain_text.h"
#include "tasks/answer/units.h"

namespace jamsu::tasks {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_latin(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_space(char c) {
  return c == ' ' || c == kJoint;
}

size_t digits_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

// `12<separator>345<separator>678`, and no digit behind: its end, or `at` where there are less than `least` groups.
size_t groups_at(std::string_view text, size_t at, char separator, int least) {
  const size_t first = digits_at(text, at);
  if (first == 0 || first > 3) return at;
  size_t end = at + first;
  int groups = 0;
  while (end < text.size() && text[end] == separator && digits_at(text, end + 1) == 3) {
    end += 4;
    ++groups;
  }
  return groups >= least ? end : at;
}

std::string without(std::string_view text, char separator) {
  std::string out(text);
  std::erase(out, separator);
  return out;
}

// A number without sign, fraction or exponent. No value: it is none (1.2.3), or too long.
struct Mantissa {
  size_t end = 0;
  std::optional<Exact> value;
  bool plain = false;  // digits alone
};

Mantissa decimals_after(std::string_view text, size_t begin, size_t end, char separator, char point) {
  std::string digits = without(text.substr(begin, end - begin), separator);
  if (end + 1 < text.size() && text[end] == point && is_digit(text[end + 1])) {
    const size_t count = digits_at(text, end + 1);
    digits += '.' + std::string(text.substr(end + 1, count));
    end += 1 + count;
  }
  return {end, from_digits(digits), false};
}

// What goes on with digits behind a point or comma makes it no number.
bool goes_on(std::string_view text, size_t end) {
  return end + 1 < text.size() && (text[end] == '.' || text[end] == ',') && is_digit(text[end + 1]);
}

// All that hangs together by points and commas.
size_t run_end(std::string_view text, size_t at) {
  do at += digits_at(text, at);
  while (goes_on(text, at) && ++at);
  return at;
}

Mantissa mantissa_at(std::string_view text, size_t at, bool alone) {
  for (const auto& [separator, least] : {std::pair(',', 1), {'\'', 1}, {'_', 1}, {kJoint, 1}, {' ', alone ? 1 : 2}}) {
    const size_t end = groups_at(text, at, separator, least);
    if (end == at || (end < text.size() && is_digit(text[end])) ||
        (separator == ' ' && end < text.size() && text[end] == '/'))
      continue;
    const Mantissa found = decimals_after(text, at, end, separator, '.');
    if (!goes_on(text, found.end)) return found;
  }
  // Points for thousands: two groups, or one and a decimal comma.
  if (const size_t end = groups_at(text, at, '.', 1); end != at) {
    const Mantissa found = decimals_after(text, at, end, '.', ',');
    const bool comma = found.end != end, two = end - at > 7;
    if ((comma || two) && !goes_on(text, found.end)) return found;
  }
  const size_t first = digits_at(text, at);
  Mantissa found = decimals_after(text, at, at + first, ',', '.');
  found.plain = found.end == at + first;
  if (!goes_on(text, found.end)) return found;
  // A list without spaces (1,23) is its items, if none of them looks like a part of a number.
  const bool list = text[found.end] == ',' && !(text[found.end + 1] == '0' && digits_at(text, found.end + 1) > 1);
  if (list && !alone) return found;
  return {run_end(text, at), std::nullopt, false};
}

// `e3`, `E+3`; `× 10^3`: 10^3 as a factor, and where it ends.
struct Factor {
  size_t end = 0;
  bool there = false;
  std::optional<Exact> value;
};

std::optional<int64_t> integer_at(std::string_view text, size_t& at) {
  const bool minus = at < text.size() && text[at] == '-';
  size_t begin = at;
  if (begin < text.size() && (text[begin] == '-' || text[begin] == '+')) ++begin;
  const size_t count = digits_at(text, begin);
  if (count == 0) return std::nullopt;
  constexpr size_t kMost = 6;
  int64_t value = 0;
  for (size_t i = 0; i < std::min(count, kMost); ++i) value = value * 10 + (text[begin + i] - '0');
  if (count > kMost) value = int64_t{1} << 40;  // beyond every limit
  at = begin + count;
  return minus ? -value : value;
}

Factor power_of_ten_at(std::string_view text, size_t at) {
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    size_t end = at + 1;
    if (const auto exponent = integer_at(text, end); exponent && (end == text.size() || !is_latin(text[end])))
      return {end, true, power({10, 1}, *exponent)};
  }
  size_t next = at;
  while (next < text.size() && is_space(text[next])) ++next;
  for (const std::string_view times : {"×", "x", "*"}) {
    if (!text.substr(next).starts_with(times)) continue;
    size_t ten = next + times.size();
    while (ten < text.size() && is_space(text[ten])) ++ten;
    if (!text.substr(ten).starts_with("10^")) continue;
    size_t end = ten + 3;
    if (const auto exponent = integer_at(text, end)) return {end, true, power({10, 1}, *exponent)};
  }
  return {at, false, std::nullopt};
}

// An operation, a range, a time or a date goes on behind a number: the end of all of it, or `end`.
size_t operation_end(std::string_view text, size_t end) {
  for (bool again = true; again;) {
    again = false;
    size_t at = end;
    while (at < text.size() && is_space(text[at])) ++at;
    for (const std::string_view op : {"+", "-", "*", "/", "×", "÷", ":", "^"}) {
      if (!text.substr(at).starts_with(op)) continue;
      const bool spaced = at != end, tight = op == ":" || op == "^";
      size_t next = at + op.size();
      if (tight && spaced) break;
      const size_t begin = next;
      while (!tight && next < text.size() && is_space(text[next])) ++next;
      if (op == "-" && spaced && next == begin) break;  // `5 -3`: a number of its own
      for (const std::string_view currency : {"$", "€", "₩", "£"})
        if (text.substr(next).starts_with(currency)) next += currency.size();
      if (next >= text.size() || !is_digit(text[next])) break;
      end = run_end(text, next);
      again = true;
      break;
    }
  }
  return end;
}

class Reader {
 public:
  Reader(std::string_view text, bool alone) : text_(text), alone_(alone) {}

  std::vector<NumberSpan> run() {
    std::vector<NumberSpan> found;
    while (at_ < text_.size()) {
      const bool point = text_[at_] == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
      if (!is_digit(text_[at_]) && !point) {
        ++at_;
      } else if (at_ > 0 && (is_latin(text_[at_ - 1]) || text_[at_ - 1] == '^')) {
        at_ = run_end(text_, at_);  // x2, m^2: a part of a name
      } else {
        found.push_back(number());
      }
    }
    return found;
  }

 private:
  NumberSpan number() {
    const size_t first = at_;
    NumberSpan span{first, first, std::nullopt};
    std::optional<Exact> value = unsigned_value();
    span.end = at_;
    if (const size_t end = operation_end(text_, at_); end != at_) {
      span.end = at_ = end;
      return span;
    }
    Quantity quantity;
    const bool minus = sign_before(first, span.begin, quantity.unit);
    const UnitName unit = unit_at(text_.substr(at_));
    if (unit.name == "%")
      quantity.percent = true;
    else if (!unit.name.empty())
      quantity.unit = unit.name;
    if (!unit.name.empty()) span.end = at_ = at_ + unit.bytes;
    if (!value) return span;
    quantity.value = *value;
    if (minus) quantity.value.numerator = -quantity.value.numerator;
    span.quantity = std::move(quantity);
    return span;
  }

  // Moves at_ behind it.
  std::optional<Exact> unsigned_value() {
    if (const auto korean = korean_number(text_.substr(at_))) {  // 3만 5천
      at_ += korean->bytes;
      return korean->value;
    }
    const Mantissa mantissa = mantissa_at(text_, at_, alone_);
    const size_t begin = at_;
    at_ = mantissa.end;
    if (mantissa.plain) {
      if (const auto fraction = fraction_at(begin)) return *fraction;
    }
    if (at_ < text_.size() && text_[at_] == '^') {
      size_t end = at_ + 1;
      const auto exponent = integer_at(text_, end);
      if (exponent) {
        at_ = end;
        return mantissa.value ? power(*mantissa.value, *exponent) : std::nullopt;
      }
    }
    if (const Factor factor = power_of_ten_at(text_, at_); factor.there) {
      at_ = factor.end;
      return mantissa.value && factor.value ? product(*mantissa.value, *factor.value) : std::nullopt;
    }
    return mantissa.value ? scaled(*mantissa.value) : std::nullopt;
  }

  // `3 million`.
  std::optional<Exact> scaled(const Exact& value) {
    const std::string_view rest = text_.substr(at_);
    for (const auto& [word, exponent] :
         {std::pair<std::string_view, int>(" thousand", 3), {" million", 6}, {" billion", 9}, {" trillion", 12}}) {
      if (!rest.starts_with(word) || (rest.size() > word.size() && is_latin(rest[word.size()]))) continue;
      at_ += word.size();
      const auto scale = power({10, 1}, exponent);
      return scale ? product(value, *scale) : std::nullopt;
    }
    return value;
  }

  // `1/2`, `1 1/2`, `3분의 1` of digits that end at at_. Empty outer: none of these.
  std::optional<std::optional<Exact>> fraction_at(size_t begin) {
    const auto whole = from_digits(text_.substr(begin, at_ - begin));
    if (!whole) return std::nullopt;
    constexpr std::string_view kOf = "분의";
    if (text_.substr(at_).starts_with(kOf)) {
      size_t next = at_ + kOf.size();
      if (next < text_.size() && text_[next] == ' ') ++next;
      const size_t count = digits_at(text_, next);
      if (count == 0) return std::nullopt;
      at_ = next + count;
      return divided(from_digits(text_.substr(next, count)), whole);
    }
    if (const auto end = slash_end(at_)) return over(begin, *end);
    size_t next = at_;
    while (next < text_.size() && is_space(text_[next])) ++next;
    const size_t count = next == at_ ? 0 : digits_at(text_, next);
    const auto end = count == 0 ? std::nullopt : slash_end(next + count);
    if (!end) return std::nullopt;
    const auto part = over(next, *end);
    return part ? sum(*whole, *part) : std::nullopt;
  }

  // Behind `/` and digits; empty: there are none, or something follows that makes it a date.
  std::optional<size_t> slash_end(size_t slash) const {
    if (slash >= text_.size() || text_[slash] != '/') return std::nullopt;
    const size_t count = digits_at(text_, slash + 1), end = slash + 1 + count;
    const bool more = end < text_.size() && (text_[end] == '/' || goes_on(text_, end));
    return count == 0 || more ? std::nullopt : std::optional(end);
  }
  std::optional<Exact> over(size_t begin, size_t end) {
    const size_t slash = text_.find('/', begin);
    at_ = end;
    return divided(from_digits(text_.substr(begin, slash - begin)),
                   from_digits(text_.substr(slash + 1, end - slash - 1)));
  }
  static std::optional<Exact> divided(const std::optional<Exact>& a, const std::optional<Exact>& b) {
    if (!a || !b || b->numerator == 0) return std::nullopt;
    return product(*a, Exact{b->denominator, b->numerator});
  }

  // Reads back from the number: currency and sign, in either order. `begin` moves to the first of them.
  bool sign_before(size_t first, size_t& begin, std::string& unit) const {
    begin = first;
    bool minus = minus_at(begin);
    if (const UnitName currency = currency_before(text_.substr(0, begin)); currency.bytes > 0) {
      begin -= currency.bytes;
      unit = currency.name;
      if (!minus) minus = minus_at(begin);
    }
    return minus || minus_word(begin);
  }

  bool minus_at(size_t& begin) const {
    size_t at = begin;
    if (alone_)
      while (at > 0 && is_space(text_[at - 1])) --at;
    if (at == 0 || text_[at - 1] != '-') return false;
    if (at > 1) {
      const char before = text_[at - 2];
      if (is_digit(before) || is_latin(before) || static_cast<unsigned char>(before) >= 0x80 || before == ')')
        return false;
    }
    begin = at - 1;
    return true;
  }

  bool minus_word(size_t& begin) const {
    std::string_view before = text_.substr(0, begin);
    while (before.ends_with(' ')) before.remove_suffix(1);
    for (const std::string_view word : {"minus", "Minus", "negative", "Negative", "마이너스", "영하"}) {
      if (!before.ends_with(word)) continue;
      const std::string_view left = trimmed(before.substr(0, before.size() - word.size()));
      if (!left.empty() &&
          (is_digit(left.back()) || (left.size() == before.size() - word.size() && is_latin(left.back()))))
        return false;  // 10 minus 3
      begin = before.size() - word.size();
      return true;
    }
    return false;
  }

  std::string_view text_;
  bool alone_;
  size_t at_ = 0;
};

// Words and signs beside an answer that leave it one number.
bool harmless(std::string_view text) {
  for (char c : text)
    if (is_digit(c) || c == '\\' || c == '+' || c == '*' || c == '^' || c == '/' || c == '<' || c == '>' || c == '=')
      return false;
  return text.find("×") == std::string_view::npos && text.find("÷") == std::string_view::npos;
}

std::string_view without_marks(std::string_view text) {
  constexpr std::string_view kMarks = " \t\r\n\x01()[]\"'.,!?:;*";
  const size_t first = text.find_first_not_of(kMarks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kMarks) - first + 1);
}

std::optional<Quantity> whole_number_word(std::string_view text) {
  const std::string small = lower_ascii(without_marks(text));
  std::string_view rest = small;
  bool minus = false;
  for (const std::string_view word : {"minus ", "negative ", "마이너스 "}) {
    if (!rest.starts_with(word)) continue;
    rest.remove_prefix(word.size());
    minus = true;
  }
  auto number = english_number(rest);
  if (!number) {
    number = korean_number(rest);
    if (number && number->bytes != rest.size() && !korean_number_ends(rest.substr(number->bytes), !number->clear))
      number.reset();
  }
  if (!number || !harmless(rest.substr(number->bytes))) return std::nullopt;
  Quantity quantity{number->value};
  if (minus) quantity.value.numerator = -quantity.value.numerator;
  const UnitName unit = unit_at(rest.substr(number->bytes));
  quantity.percent = unit.name == "%";
  if (!quantity.percent) quantity.unit = unit.name;
  return quantity;
}

}  // namespace

bool same_quantity(const Quantity& a, const Quantity& b) {
  if (!a.unit.empty() && !b.unit.empty() && a.unit != b.unit) return false;
  if (a.value == b.value) return true;
  if (a.percent == b.percent) return false;
  const auto part = product(a.percent ? a.value : b.value, Exact{1, 100});
  return part && *part == (a.percent ? b.value : a.value);
}

std::vector<NumberSpan> numbers_in(std::string_view text, bool alone) {
  return Reader(text, alone).run();
}

std::optional<Quantity> whole_quantity(std::string_view text) {
  if (const size_t sign = text.rfind('='); sign != std::string_view::npos) text.remove_prefix(sign + 1);
  text = trimmed(text);
  const std::vector<NumberSpan> numbers = numbers_in(text, true);
  if (numbers.empty()) return whole_number_word(text);
  if (numbers.size() != 1 || !numbers[0].quantity) return std::nullopt;
  const std::string_view before = text.substr(0, numbers[0].begin), after = text.substr(numbers[0].end);
  if (!harmless(before) || !harmless(after)) return std::nullopt;
  // `2x`: one letter right behind it is a variable, unless it is a unit.
  if (!after.empty() && is_latin(after[0]) && (after.size() == 1 || !is_latin(after[1]))) return std::nullopt;
  return numbers[0].quantity;
}

std::optional<Quantity> last_number_word(std::string_view text) {
  const std::string small = lower_ascii(text);
  std::optional<Quantity> last;
  bool within = false;  // a word
  for (size_t at = 0; at < small.size();) {
    const auto byte = static_cast<unsigned char>(small[at]);
    const bool letter = is_latin(small[at]) || byte >= 0x80;
    if (letter && !within) {
      const std::string_view rest = std::string_view(small).substr(at);
      auto number = byte < 0x80 ? english_number(rest) : korean_number(rest);
      if (number && byte < 0x80 && !number->clear) number.reset();
      if (number && byte >= 0x80) {
        const std::string_view after = rest.substr(number->bytes);
        const bool pointing = rest.starts_with("이 ");  // 이 사람: this
        if (pointing || !korean_number_ends(after, !number->clear)) number.reset();
      }
      if (number) {
        last = Quantity{number->value};
        at += number->bytes;
        within = true;
        continue;
      }
    }
    within = letter;
    ++at;
  }
  return last;
}

}  // namespace jamsu::tasks

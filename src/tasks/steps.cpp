#include "tasks/steps.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

constexpr std::string_view kArrow = "→";

std::string str(int64_t value) {
  return std::to_string(value);
}

int nonzero_digits(int64_t value) {
  const std::string s = str(value);
  return static_cast<int>(std::count_if(s.begin(), s.end(), [](char c) { return c != '0'; }));
}

bool power_of_ten(int64_t value) {
  return nonzero_digits(value) == 1 && str(value)[0] == '1';
}

// Digit number k from the ones, as a number; 0 beyond the first.
int64_t digit_from_right(const std::string& digits, size_t k) {
  return k < digits.size() ? digits[digits.size() - 1 - k] - '0' : 0;
}

// A signed operation as one of magnitudes: sign (p op q), p and q >= 0.
struct Plain {
  char op;
  int64_t p, q;
  bool negative = false;
  std::string text() const {
    const std::string inner = str(p) + op + str(q);
    return negative ? "-(" + inner + ")" : inner;
  }
};

Plain plain_sum(int64_t a, int64_t b) {
  if (a >= 0 && b >= 0) return {'+', a, b};
  if (a < 0 && b < 0) return {'+', -a, -b, true};
  const int64_t up = a < 0 ? b : a, down = a < 0 ? -a : -b;
  if (up >= down) return {'-', up, down};
  return {'-', down, up, true};
}

// The factor with more digits other than 0 comes first, so that there are few partial products.
Plain plain_product(int64_t a, int64_t b) {
  Plain plain{'*', std::abs(a), std::abs(b), (a < 0) != (b < 0) && a != 0 && b != 0};
  if (!glance_multiply(a, b) && nonzero_digits(plain.p) < nonzero_digits(plain.q)) std::swap(plain.p, plain.q);
  return plain;
}

// Zeros at the end of both are dropped: 4800/300 = 48/3.
Plain plain_quotient(int64_t a, int64_t b) {
  Plain plain{'/', std::abs(a), std::abs(b), (a < 0) != (b < 0) && a != 0};
  if (glance_divide(a, b)) return plain;
  while (plain.q % 10 == 0 && plain.p % 10 == 0) plain.p /= 10, plain.q /= 10;
  return plain;
}

// `written`, followed by `=plain` where the plain form differs.
std::string head(const std::string& written, const Plain& plain) {
  return plain.text() == written ? written : written + "=" + plain.text();
}

}  // namespace

std::string operand(int64_t value, bool first) {
  return value < 0 && !first ? "(" + str(value) + ")" : str(value);
}

bool glance_add(int64_t a, int64_t b) {
  const Plain plain = plain_sum(a, b);
  if (plain.op == '-') return glance_subtract(plain.p, plain.q);
  return (plain.p < 10 && plain.q < 10) || plain.p == 0 || plain.q == 0;
}

bool glance_subtract(int64_t a, int64_t b) {
  const Plain plain = plain_sum(a, -b);
  if (plain.op == '+') return glance_add(plain.p, plain.q);
  return plain.q == 0 || plain.p == plain.q || (plain.p < 20 && plain.q < 10 && plain.p - plain.q < 10);
}

bool glance_multiply(int64_t a, int64_t b) {
  a = std::abs(a), b = std::abs(b);
  if (a <= 1 || b <= 1 || power_of_ten(a) || power_of_ten(b)) return true;
  return nonzero_digits(a) == 1 && nonzero_digits(b) == 1;
}

bool glance_divide(int64_t a, int64_t b) {
  a = std::abs(a), b = std::abs(b);
  return a == 0 || a == b || b == 1 || (power_of_ten(b) && a % b == 0) || (b < 10 && a < 10 * b);
}

StepWriter::StepWriter(RandomStream& random, int retry_percent) : random_(random), retry_percent_(retry_percent) {}

void StepWriter::text(const std::string& right) {
  lines_.push_back({right, {}});
}

void StepWriter::label(std::string prefix) {
  label_ = std::move(prefix);
}

void StepWriter::named(std::string name, std::string recalled) {
  name_ = std::move(name);
  recalled_ = std::move(recalled);
}

void StepWriter::line(std::string right, std::string wrong) {
  lines_.push_back({std::move(right), std::move(wrong)});
}

int64_t StepWriter::wrong_near(int64_t value) {
  if (retry_percent_ == 0) return value + 1;
  return value > 0 && random_.chance(1, 2) ? value - 1 : value + 1;
}

// One digit off by one, or (longer numbers) two neighbours swapped.
std::string StepWriter::wrong_number(int64_t value) {
  std::string digits = str(value);
  if (retry_percent_ == 0) return str(value + 1);
  const size_t at = random_.below(static_cast<uint32_t>(digits.size()));
  if (at + 1 < digits.size() && digits[at] != digits[at + 1] && digits[at + 1] != '0' && random_.chance(1, 3)) {
    std::swap(digits[at], digits[at + 1]);
    return digits;
  }
  const bool down = digits[at] == '9' || (digits[at] > '1' && random_.chance(1, 2));
  digits[at] = static_cast<char>(digits[at] + (down ? -1 : 1));
  return digits;
}

std::string StepWriter::open(std::string head, bool glance, int64_t value) {
  const std::string name = std::exchange(name_, {}), sign = value < 0 ? "-" : "";
  if (!name.empty()) {
    text(name + ": " + std::exchange(recalled_, {}) + head);
    if (glance) close(name, sign, std::abs(value));
    return name;
  }
  head = std::exchange(label_, {}) + head;
  if (glance) {
    line(head + "=" + str(value), head + "=" + sign + wrong_number(std::abs(value)));
  } else {
    text(head);
  }
  return {};
}

void StepWriter::close(const std::string& name, const std::string& sign, int64_t value) {
  line(name + "=" + sign + str(value), name + "=" + sign + wrong_number(value));
}

// `left=value→done` where done is the result so far, beginning with the last digit of value;
// the last column has no arrow.
std::string StepWriter::column(const std::string& left, int64_t value, const std::string& done, bool last) {
  const std::string equation = left + "=" + str(value);
  return last ? equation : equation + std::string(kArrow) + str(value % 10) + done;
}

void StepWriter::add_columns(int64_t p, int64_t q) {
  const std::string a = str(p), b = str(q);
  const size_t columns = std::max(a.size(), b.size());
  std::string done;
  int64_t carry = 0;
  for (size_t k = 0; k < columns; ++k) {
    const int64_t x = digit_from_right(a, k), y = digit_from_right(b, k), sum = x + y + carry;
    const int64_t wrong = carry != 0 && random_.chance(1, 2) ? sum - carry : wrong_near(sum);
    const std::string left = str(x) + "+" + str(y) + (carry != 0 ? "+1" : "");
    const bool last = k + 1 == columns;
    line(column(left, sum, done, last), column(left, wrong, done, last));
    done = str(sum % 10) + done;
    carry = sum / 10;
  }
}

// A column that must borrow says so before it does: 1-3<0,11-3=8.
void StepWriter::subtract_columns(int64_t p, int64_t q) {
  const std::string a = str(p), b = str(q);
  std::string done;
  int64_t borrow = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    const int64_t x = digit_from_right(a, k), y = digit_from_right(b, k);
    const bool lends = x < y + borrow, last = k + 1 == a.size();
    const std::string taken = "-" + str(y) + (borrow != 0 ? "-1" : "");
    const int64_t difference = x + (lends ? 10 : 0) - y - borrow;
    const std::string left = lends ? str(x) + taken + "<0," + str(x + 10) + taken : str(x) + taken;
    std::string wrong;
    if (lends && random_.chance(1, 2)) {
      // The smaller digit from the larger, without borrowing.
      wrong = column(str(x) + taken, y + borrow - x, done, last);
    } else {
      const bool forgotten = borrow != 0 && difference < 9 && random_.chance(1, 2);
      wrong = column(left, forgotten ? difference + 1 : wrong_near(difference), done, last);
    }
    line(column(left, difference, done, last), wrong);
    done = str(difference) + done;
    borrow = lends ? 1 : 0;
  }
}

// q has one digit other than 0: its zeros begin the result.
// Otherwise a block for each such digit, from the ones, and a sum.
void StepWriter::multiply_lines(int64_t p, int64_t q, bool negative) {
  if (nonzero_digits(q) == 1) {
    const std::string a = str(p), b = str(q);
    const int64_t y = b[0] - '0';
    std::string done(b.size() - 1, '0');
    int64_t carry = 0;
    for (size_t k = 0; k < a.size(); ++k) {
      const int64_t x = digit_from_right(a, k), product = x * y + carry;
      const bool last = k + 1 == a.size();
      const std::string factors = str(x) + "*" + str(y);
      const auto written = [&](int64_t times, int64_t sum) {
        if (carry == 0) return column(factors, times, done, last);
        return column(factors + "+" + str(carry) + "=" + str(times) + "+" + str(carry), sum, done, last);
      };
      const bool wrong_fact = carry == 0 || random_.chance(1, 2);
      const int64_t times =
          wrong_fact ? std::max<int64_t>(0, random_.chance(1, 2) ? x * y - x : wrong_near(x * y)) : x * y;
      line(written(x * y, product), wrong_fact ? written(times, times + carry) : written(times, wrong_near(product)));
      done = str(product % 10) + done;
      carry = product / 10;
    }
    return;
  }
  std::vector<int64_t> parts;
  for (int64_t rest = q, place = 1; rest > 0; rest /= 10, place *= 10) {
    if (rest % 10 != 0) parts.push_back(multiply(p, rest % 10 * place));
  }
  while (parts.size() > 1) {
    std::string sum;
    for (int64_t part : parts) sum += (sum.empty() ? "" : "+") + str(part);
    const bool last = parts.size() == 2;
    text(negative ? "=-(" + sum + ")" : "=" + sum);
    if (last) {
      add_columns(parts[0], parts[1]);
    } else {
      add(parts[0], parts[1]);
    }
    parts[1] += parts[0];
    parts.erase(parts.begin());
  }
}

// Finds the quotient digit of part / divisor for a divisor of several digits: tries from an estimate that is never too
// low (both numbers without the divisor's lower digits) down, then subtracts. Writes nothing for digits 0 and 1.
void StepWriter::long_digit(int64_t part, int64_t divisor) {
  int64_t place = 1;
  while (divisor / place >= 10) place *= 10;
  int64_t trial = std::min<int64_t>(9, (part / place) / (divisor / place));
  for (; trial > 1; --trial) {
    const int64_t product = multiply(divisor, trial);
    if (product <= part) break;
    lines_.back().right += ">" + str(part);
  }
  if (part >= divisor) subtract(part, trial * divisor);
}

int64_t StepWriter::divide_lines(int64_t p, int64_t q) {
  const std::string digits = str(p);
  std::string done;
  int64_t part = 0;
  for (size_t k = 0; k < digits.size(); ++k) {
    part = part * 10 + (digits[k] - '0');
    const bool last = k + 1 == digits.size();
    if (done.empty() && part < q && !last) continue;
    const int64_t digit = part / q, rest = part % q;
    const std::string to_come = digits.substr(k + 1);
    if (q >= 10) {
      text(str(part) + "|" + to_come);
      long_digit(part, q);
    }
    // 24-7*3=24-21=3; the parts of a long divisor were worked out above. A label is left where there was no header.
    const std::string label = std::exchange(label_, {});
    const auto written = [&](int64_t d, int64_t rest_written) {
      std::string equation = label + str(part) + "-" + str(q) + "*" + str(d);
      if (q < 10) equation += "=" + str(part) + "-" + str(q * d);
      equation += "=" + str(rest_written);
      if (last) return equation;
      equation += std::string(kArrow) + done + str(d);
      return q < 10 ? equation + "|" + to_come : equation;
    };
    const bool wrong_digit = digit > 0 && random_.chance(1, 2);
    line(written(digit, rest), wrong_digit ? written(digit - 1, rest + q) : written(digit, wrong_near(rest)));
    done += str(digit);
    part = rest;
  }
  return part;
}

int64_t StepWriter::add(int64_t a, int64_t b) {
  const bool glance = glance_add(a, b);
  const Plain plain = plain_sum(a, b);
  const std::string name = open(head(operand(a, true) + "+" + operand(b), plain), glance, a + b);
  if (glance) return a + b;
  plain.op == '+' ? add_columns(plain.p, plain.q) : subtract_columns(plain.p, plain.q);
  close(name, plain.negative ? "-" : "", std::abs(a + b));
  return a + b;
}

int64_t StepWriter::subtract(int64_t a, int64_t b) {
  const bool glance = glance_subtract(a, b);
  const Plain plain = plain_sum(a, -b);
  const std::string name = open(head(operand(a, true) + "-" + operand(b), plain), glance, a - b);
  if (glance) return a - b;
  plain.op == '+' ? add_columns(plain.p, plain.q) : subtract_columns(plain.p, plain.q);
  close(name, plain.negative ? "-" : "", std::abs(a - b));
  return a - b;
}

int64_t StepWriter::multiply(int64_t a, int64_t b) {
  const bool glance = glance_multiply(a, b);
  const Plain plain = plain_product(a, b);
  const std::string name = open(head(operand(a, true) + "*" + operand(b), plain), glance, a * b);
  if (glance) return a * b;
  multiply_lines(plain.p, plain.q, plain.negative);
  close(name, plain.negative ? "-" : "", std::abs(a * b));
  return a * b;
}

int64_t StepWriter::divide(int64_t a, int64_t b) {
  JAMSU_CHECK(b != 0 && a % b == 0);
  const Plain plain = plain_quotient(a, b);
  const bool glance = glance_divide(plain.p, plain.q);
  const std::string name = open(head(operand(a, true) + "/" + operand(b), plain), glance, a / b);
  if (glance) return a / b;
  divide_lines(plain.p, plain.q);
  close(name, plain.negative ? "-" : "", std::abs(a / b));
  return a / b;
}

std::pair<int64_t, int64_t> StepWriter::divide_with_remainder(int64_t a, int64_t b) {
  JAMSU_CHECK(a >= 0 && b > 0);
  const int64_t q = a / b, r = a % b;
  if (r == 0) {
    divide(a, b);
    return {q, r};
  }
  const auto written = [&](int64_t rest) { return str(a) + "=" + str(b) + "*" + str(q) + "+" + str(rest); };
  if (a >= b) {
    // One digit of quotient needs no header: the line says it all.
    if (b >= 10 || a >= 10 * b) text(std::exchange(label_, {}) + str(a) + "/" + str(b));
    divide_lines(a, b);
  }
  const std::string label = std::exchange(label_, {});
  line(label + written(r), label + written(wrong_near(r)));
  return {q, r};
}

std::string StepWriter::finish() {
  size_t wrong_at = lines_.size();
  if (random_.below(100) < static_cast<uint32_t>(retry_percent_)) {
    std::vector<size_t> candidates;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (!lines_[i].wrong.empty() && lines_[i].wrong != lines_[i].right) candidates.push_back(i);
    }
    if (!candidates.empty()) wrong_at = random_.pick(candidates);
  }
  std::string all;
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (i > 0) all += '\n';
    if (i == wrong_at) all += lines_[i].wrong + "\n" + std::string(kRetryMark);
    all += lines_[i].right;
  }
  return all;
}

}  // namespace jamsu::tasks

#include "tasks/answer/exact.h"

#include <utility>

namespace jamsu::tasks {
namespace {

constexpr int kMostDigits = 36;

__int128 limit() {
  __int128 value = 1;
  for (int i = 0; i < kMostDigits; ++i) value *= 10;
  return value;
}

__int128 common_divisor(__int128 a, __int128 b) {
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

std::string digits_of(__int128 value) {
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return text;
}

}  // namespace

std::optional<Exact> exact(__int128 numerator, __int128 denominator) {
  if (denominator == 0) return std::nullopt;
  if (denominator < 0) numerator = -numerator, denominator = -denominator;
  const __int128 divisor = common_divisor(numerator < 0 ? -numerator : numerator, denominator);
  if (divisor > 1) numerator /= divisor, denominator /= divisor;
  static const __int128 kLimit = limit();
  if (numerator >= kLimit || numerator <= -kLimit || denominator >= kLimit) return std::nullopt;
  return Exact{numerator, denominator};
}

std::optional<Exact> sum(const Exact& a, const Exact& b) {
  __int128 left = 0, right = 0, numerator = 0, denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &left) ||
      __builtin_mul_overflow(b.numerator, a.denominator, &right) || __builtin_add_overflow(left, right, &numerator) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &denominator))
    return std::nullopt;
  return exact(numerator, denominator);
}

std::optional<Exact> product(const Exact& a, const Exact& b) {
  __int128 numerator = 0, denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.numerator, &numerator) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &denominator))
    return std::nullopt;
  return exact(numerator, denominator);
}

std::optional<Exact> power(const Exact& base, int64_t exponent) {
  constexpr int64_t kMost = 200;
  if (exponent > kMost || exponent < -kMost) return std::nullopt;
  const auto factor = exponent < 0 ? exact(base.denominator, base.numerator) : std::optional(base);
  std::optional<Exact> result = Exact{1, 1};
  for (int64_t i = exponent < 0 ? -exponent : exponent; i > 0 && factor && result; --i)
    result = product(*result, *factor);
  return factor ? result : std::nullopt;
}

std::optional<Exact> from_digits(std::string_view digits) {
  __int128 numerator = 0, denominator = 1;
  int count = 0;
  bool point = false, any = false;
  for (char c : digits) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    any = true;
    if (numerator != 0 || point) ++count;
    if (count > kMostDigits) return std::nullopt;
    numerator = numerator * 10 + (c - '0');
    if (point) denominator *= 10;
  }
  return any ? exact(numerator, denominator) : std::nullopt;
}

std::string to_text(const Exact& value) {
  const std::string sign = value.numerator < 0 ? "-" : "";
  const __int128 numerator = value.numerator < 0 ? -value.numerator : value.numerator;
  if (value.denominator == 1) return sign + digits_of(numerator);
  // Long division: of decimals that end, each step loses a 2 or a 5 of the denominator.
  std::string decimals;
  __int128 rest = numerator % value.denominator;
  while (rest != 0 && decimals.size() <= kMostDigits) {
    rest *= 10;
    decimals += static_cast<char>('0' + static_cast<int>(rest / value.denominator));
    rest %= value.denominator;
  }
  if (rest != 0) return sign + digits_of(numerator) + "/" + digits_of(value.denominator);
  return sign + digits_of(numerator / value.denominator) + "." + decimals;
}

}  // namespace jamsu::tasks

#pragma once
// Exact numbers of some 36 digits, for comparing what is written.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jamsu::tasks {

struct Exact {
  __int128 numerator = 0, denominator = 1;  // lowest terms, denominator > 0; both below 10^36
  friend bool operator==(const Exact&, const Exact&) = default;
};

// Empty: a denominator of 0, or more than 36 digits.
std::optional<Exact> exact(__int128 numerator, __int128 denominator);
std::optional<Exact> sum(const Exact& a, const Exact& b);
std::optional<Exact> product(const Exact& a, const Exact& b);
// base^exponent; empty also for |exponent| above 200.
std::optional<Exact> power(const Exact& base, int64_t exponent);
// `digits`: 0 to 9 and at most one point. Empty: something else, or too many.
std::optional<Exact> from_digits(std::string_view digits);
// "105", "-2.5"; "1/3" where no decimal ends.
std::string to_text(const Exact& value);

}  // namespace jamsu::tasks

#pragma once
// Integers of any size (sign and magnitude), as templates' arithmetic needs them; no larger than 4,300 digits, which is
// where Python stops printing them.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::jinja {

class Integer {
 public:
  Integer() = default;
  explicit Integer(int64_t value);
  // Digits of base 2, 8, 10 or 16. REQUIRES: digits only. Errors (Failure): too long.
  static Integer parse(std::string_view digits, int base);
  static Integer from_real(double whole);  // REQUIRES: finite; the fraction is cut off

  bool negative() const { return negative_; }
  bool zero() const { return limbs_.empty(); }
  bool fits() const;                                       // in int64
  int64_t small() const;                                   // REQUIRES: fits()
  double real() const;                                     // the nearest, ties to even; inf beyond double
  uint64_t bits() const;                                   // of the magnitude; 0 for zero
  uint64_t ones() const;                                   // among them
  std::string text(unsigned base, bool upper_case) const;  // the magnitude; base 2, 8 or 16
  std::string text() const;                                // decimal
  size_t bytes() const { return limbs_.size() * 4 + 32; }

  Integer operator-() const;
  friend Integer operator+(const Integer& a, const Integer& b);
  friend Integer operator-(const Integer& a, const Integer& b) { return a + -b; }
  friend Integer operator*(const Integer& a, const Integer& b);
  // Floor division and its remainder. REQUIRES: b is not zero.
  static std::pair<Integer, Integer> divide(const Integer& a, const Integer& b);
  static Integer power(const Integer& base, uint64_t exponent);
  static int compare(const Integer& a, const Integer& b);  // -1, 0, 1
  // a / b, the nearest double; inf beyond double. REQUIRES: b is not zero.
  static double ratio(const Integer& a, const Integer& b);

 private:
  static int compare_magnitude(const Integer& a, const Integer& b);
  void trim();
  bool negative_ = false;
  std::vector<uint32_t> limbs_;  // least first, no leading zeros
};

}  // namespace jamsu::jinja

#include "jinja/integer.h"

#include <algorithm>
#include <cmath>

#include "jinja/budget.h"

namespace jamsu::jinja {
namespace {
constexpr size_t kMostLimbs = 447;  // 4,300 decimal digits
}  // namespace

Integer::Integer(int64_t value) : negative_(value < 0) {
  uint64_t magnitude = value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  for (; magnitude; magnitude >>= 32) limbs_.push_back(static_cast<uint32_t>(magnitude));
}

void Integer::trim() {
  while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  if (limbs_.empty()) negative_ = false;
  if (limbs_.size() > kMostLimbs) fail("ValueError", "Exceeds the limit (4300 digits) for integer string conversion");
}

Integer Integer::parse(std::string_view digits, int base) {
  Integer out;
  if (digits.size() > 20000) fail("ValueError", "Exceeds the limit (4300 digits) for integer string conversion");
  for (char c : digits) {
    uint64_t carry = static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    for (uint32_t& limb : out.limbs_) {
      carry += static_cast<uint64_t>(limb) * static_cast<uint64_t>(base);
      limb = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry) out.limbs_.push_back(static_cast<uint32_t>(carry));
    if (out.limbs_.size() > kMostLimbs) out.trim();
  }
  out.trim();
  return out;
}

Integer Integer::from_real(double whole) {
  Integer out;
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(std::trunc(whole)), &exponent);  // in [0.5, 1)
  uint64_t mantissa = static_cast<uint64_t>(std::ldexp(fraction, 53));
  int shift = exponent - 53;
  if (shift < 0) {
    mantissa >>= std::min(-shift, 63);
    shift = 0;
  }
  out = Integer(static_cast<int64_t>(mantissa)) * power(Integer(2), static_cast<uint64_t>(shift));
  out.negative_ = whole < 0 && !out.zero();
  return out;
}

bool Integer::fits() const {
  if (limbs_.size() > 2) return false;
  uint64_t m = 0;
  for (size_t i = 0; i < limbs_.size(); ++i) m |= static_cast<uint64_t>(limbs_[i]) << (32 * i);
  return m <= (negative_ ? uint64_t{1} << 63 : (uint64_t{1} << 63) - 1);
}

int64_t Integer::small() const {
  uint64_t m = 0;
  for (size_t i = 0; i < limbs_.size(); ++i) m |= static_cast<uint64_t>(limbs_[i]) << (32 * i);
  return static_cast<int64_t>(negative_ ? uint64_t{0} - m : m);
}

uint64_t Integer::bits() const {
  return limbs_.empty() ? 0 : 32 * limbs_.size() - static_cast<uint64_t>(__builtin_clz(limbs_.back()));
}

uint64_t Integer::ones() const {
  uint64_t count = 0;
  for (const uint32_t limb : limbs_) count += static_cast<uint64_t>(__builtin_popcount(limb));
  return count;
}

std::string Integer::text(unsigned base, bool upper_case) const {
  const unsigned width = base == 16 ? 4 : base == 8 ? 3 : 1;
  const std::string_view digits = upper_case ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  const auto bit = [&](uint64_t at) { return at < 32 * limbs_.size() ? limbs_[at / 32] >> (at % 32) & 1 : 0u; };
  for (uint64_t at = 0; at < bits() || out.empty(); at += width) {
    unsigned digit = 0;
    for (unsigned i = 0; i < width; ++i) digit |= bit(at + i) << i;
    out += digits[digit];
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// Of the first 64 bits, the last of which says whether anything follows: the conversion rounds once.
double Integer::real() const {
  const uint64_t all = bits();
  const uint64_t cut = all > 64 ? all - 64 : 0;
  uint64_t first = 0;
  bool rest = false;
  for (size_t i = 0; i < limbs_.size(); ++i) {
    const auto at = static_cast<int64_t>(32 * i) - static_cast<int64_t>(cut);
    const uint64_t limb = limbs_[i];
    if (at >= 0) {
      first |= limb << at;
    } else if (at > -32) {
      first |= limb >> -at;
      rest = rest || (limb & ((uint64_t{1} << -at) - 1)) != 0;
    } else {
      rest = rest || limb != 0;
    }
  }
  const double out = std::ldexp(static_cast<double>(first | (rest ? 1u : 0u)), static_cast<int>(cut));
  return negative_ ? -out : out;
}

double Integer::ratio(const Integer& a, const Integer& b) {
  const int64_t shift = 60 - (static_cast<int64_t>(a.bits()) - static_cast<int64_t>(b.bits()));
  const Integer scale = power(Integer(2), static_cast<uint64_t>(shift < 0 ? -shift : shift));
  Integer above = shift > 0 ? a * scale : a, below = shift < 0 ? b * scale : b;
  above.negative_ = below.negative_ = false;
  const auto [quotient, rest] = divide(above, below);  // of 60 or 61 bits
  const auto whole = static_cast<uint64_t>(quotient.small()) | (rest.zero() ? 0u : 1u);
  const double out = std::ldexp(static_cast<double>(whole), static_cast<int>(-shift));
  return a.negative_ != b.negative_ ? -out : out;
}

std::string Integer::text() const {
  if (zero()) return "0";
  std::string out;
  std::vector<uint32_t> rest = limbs_;
  while (!rest.empty()) {
    uint64_t remainder = 0;
    for (size_t i = rest.size(); i-- > 0;) {
      remainder = remainder << 32 | rest[i];
      rest[i] = static_cast<uint32_t>(remainder / 1'000'000'000);
      remainder %= 1'000'000'000;
    }
    while (!rest.empty() && rest.back() == 0) rest.pop_back();
    for (int i = 0; i < 9 && (remainder || !rest.empty()); ++i, remainder /= 10)
      out += static_cast<char>('0' + remainder % 10);
  }
  if (negative_) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

Integer Integer::operator-() const {
  Integer out = *this;
  out.negative_ = !negative_ && !zero();
  return out;
}

int Integer::compare_magnitude(const Integer& a, const Integer& b) {
  if (a.limbs_.size() != b.limbs_.size()) return a.limbs_.size() < b.limbs_.size() ? -1 : 1;
  for (size_t i = a.limbs_.size(); i-- > 0;)
    if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] < b.limbs_[i] ? -1 : 1;
  return 0;
}

int Integer::compare(const Integer& a, const Integer& b) {
  if (a.negative_ != b.negative_) return a.negative_ ? -1 : 1;
  return a.negative_ ? compare_magnitude(b, a) : compare_magnitude(a, b);
}

Integer operator+(const Integer& a, const Integer& b) {
  const bool a_larger = Integer::compare_magnitude(a, b) >= 0;
  const Integer& large = a_larger ? a : b;
  const Integer& little = a_larger ? b : a;
  const int64_t sign = a.negative_ == b.negative_ ? 1 : -1;
  Integer out;
  out.negative_ = large.negative_;
  int64_t carry = 0;
  for (size_t i = 0; i < large.limbs_.size(); ++i) {
    carry += static_cast<int64_t>(large.limbs_[i]);
    if (i < little.limbs_.size()) carry += sign * static_cast<int64_t>(little.limbs_[i]);
    out.limbs_.push_back(static_cast<uint32_t>(carry));
    carry >>= 32;
  }
  if (carry) out.limbs_.push_back(static_cast<uint32_t>(carry));
  out.trim();
  return out;
}

Integer operator*(const Integer& a, const Integer& b) {
  Integer out;
  out.negative_ = a.negative_ != b.negative_;
  out.limbs_.assign(a.limbs_.size() + b.limbs_.size(), 0);
  for (size_t i = 0; i < a.limbs_.size(); ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < b.limbs_.size() || carry; ++j) {
      carry += out.limbs_[i + j];
      if (j < b.limbs_.size()) carry += static_cast<uint64_t>(a.limbs_[i]) * b.limbs_[j];
      out.limbs_[i + j] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  out.trim();
  return out;
}

std::pair<Integer, Integer> Integer::divide(const Integer& a, const Integer& b) {
  // Schoolbook, bit by bit: numbers end at 4,300 digits.
  Integer quotient, rest, divisor = b;
  divisor.negative_ = false;
  quotient.limbs_.assign(a.limbs_.size(), 0);
  for (size_t bit = a.limbs_.size() * 32; bit-- > 0;) {
    uint32_t carry = a.limbs_[bit / 32] >> (bit % 32) & 1;
    for (uint32_t& limb : rest.limbs_) {
      const uint32_t top = limb >> 31;
      limb = limb << 1 | carry;
      carry = top;
    }
    if (carry) rest.limbs_.push_back(carry);
    if (compare_magnitude(rest, divisor) >= 0) {
      rest = rest - divisor;
      quotient.limbs_[bit / 32] |= uint32_t{1} << (bit % 32);
    }
  }
  quotient.negative_ = a.negative_ != b.negative_;
  rest.negative_ = a.negative_;
  quotient.trim();
  rest.trim();
  if (!rest.zero() && a.negative_ != b.negative_) {  // towards minus infinity
    quotient = quotient - Integer(1);
    rest = rest + b;
  }
  return {quotient, rest};
}

Integer Integer::power(const Integer& base, uint64_t exponent) {
  Integer out(1), square = base;
  if (base.zero()) return exponent ? Integer() : Integer(1);
  const bool unit = base.limbs_.size() == 1 && base.limbs_[0] == 1;
  if (unit) return base.negative_ && exponent % 2 ? base : Integer(1);
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) out = out * square;
    if (exponent > 1) square = square * square;
  }
  return out;
}

}  // namespace jamsu::jinja

#include "base/math.h"

#include <initializer_list>
#include <limits>

namespace jamsu::math {

// x = m 2^e with m in [sqrt(1/2), sqrt(2)), then Cephes' logf polynomial.
float log(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  const uint32_t shifted = u - 0x3F3504F3u;  // bits of sqrt(1/2)
  const float e = static_cast<float>(static_cast<int32_t>(shifted) >> 23);
  const float m = std::bit_cast<float>((shifted & 0x007FFFFFu) + 0x3F3504F3u);
  const float f = m - 1.0f;
  float p = 7.0376836292e-2f;
  p = std::fma(p, f, -1.1514610310e-1f);
  p = std::fma(p, f, 1.1676998740e-1f);
  p = std::fma(p, f, -1.2420140846e-1f);
  p = std::fma(p, f, 1.4249322787e-1f);
  p = std::fma(p, f, -1.6668057665e-1f);
  p = std::fma(p, f, 2.0000714765e-1f);
  p = std::fma(p, f, -2.4999993993e-1f);
  p = std::fma(p, f, 3.3333331174e-1f);
  const float f2 = f * f;
  float y = f * f2 * p;
  y = std::fma(e, -2.12194440e-4f, y);
  y = std::fma(f2, -0.5f, y);
  const float result = std::fma(e, 0.693359375f, f + y);
  if (!(x > 0.0f)) return x == 0.0f ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  if (x < 0x1p-126f) return -std::numeric_limits<float>::infinity();
  return u == 0x7F800000u ? x : result;
}

double exp(double x) {
  if (std::isnan(x)) return x;
  if (x > 709.8) return std::numeric_limits<double>::infinity();
  if (x < -745.0) return 0.0;
  const double n = std::nearbyint(x * 0x1.71547652b82fep+0);
  double r = std::fma(n, -0x1.62e42fefa3800p-1, x);  // ln2 in two parts: the first with zeros at its end
  r = std::fma(n, -0x1.ef35793c76730p-45, r);
  double p = 1.0 / 6227020800.0;  // Taylor to r^13: |r| <= 0.347, remainder below 2^-57
  constexpr double inverse_factorial[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      0.5};
  for (const double c : inverse_factorial) p = std::fma(p, r, c);
  const double y = std::fma(p * r, r, r) + 1.0;
  const auto k = static_cast<int64_t>(n);
  const int64_t half = k >> 1;
  const auto power = [](int64_t e) { return std::bit_cast<double>(static_cast<uint64_t>(e + 1023) << 52); };
  return y * power(half) * power(k - half);
}

// x = m 2^e, m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m - 1) / (m + 1), by its series to s^21.
double log(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(x)) return x;
  const uint64_t shifted = std::bit_cast<uint64_t>(x) - 0x3FE6A09E667F3BCDull;
  const double e = static_cast<double>(static_cast<int64_t>(shifted) >> 52);
  const double m = std::bit_cast<double>((shifted & 0x000FFFFFFFFFFFFFull) + 0x3FE6A09E667F3BCDull);
  const double f = m - 1.0, s = f / (m + 1.0), z = s * s;
  double p = 1.0 / 21.0;
  for (int k = 19; k >= 3; k -= 2) p = std::fma(p, z, 1.0 / k);
  // 2 s (1 + z p) = f - s (f - 2 z p): keeps the leading term exact.
  const double tail = s * (f - 2.0 * z * p);
  return std::fma(e, 0x1.62e42fefa3800p-1, f - (tail - e * 0x1.ef35793c76730p-45));
}

namespace {

// x = n pi/2 + r, |r| <= pi/4. The first fma is exact: both terms are multiples of 2^-52 and the difference is small.
double reduce_half_pi(double x, int64_t& n) {
  const double k = std::nearbyint(x * 0x1.45f306dc9c883p-1);
  n = static_cast<int64_t>(k);
  double r = std::fma(k, -0x1.921fb54442d18p+0, x);
  r = std::fma(k, -0x1.1a62633145c07p-54, r);
  return r;
}
// fdlibm's kernels (Sun Microsystems 1993): minimax polynomials on [-pi/4, pi/4].
double sin_kernel(double r) {
  const double z = r * r;
  double p = 1.58969099521155010221e-10;
  for (const double c : {-2.50507602534068634195e-08, 2.75573137070700676789e-06, -1.98412698298579493134e-04,
                         8.33333333332248946124e-03, -1.66666666666666324348e-01})
    p = std::fma(p, z, c);
  return std::fma(p * z, r, r);
}
double cos_kernel(double r) {
  const double z = r * r;
  double p = -1.13596475577881948265e-11;
  for (const double c : {2.08757232129817482790e-09, -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                         -1.38888888888741095749e-03, 4.16666666666666019037e-02})
    p = std::fma(p, z, c);
  return std::fma(z * z, p, std::fma(z, -0.5, 1.0));
}

}  // namespace

double sin(double x) {
  int64_t n = 0;
  const double r = reduce_half_pi(x, n);
  const double y = (n & 1) ? cos_kernel(r) : sin_kernel(r);
  return (n & 2) ? -y : y;
}

double cos(double x) {
  int64_t n = 0;
  const double r = reduce_half_pi(x, n);
  const double y = (n & 1) ? sin_kernel(r) : cos_kernel(r);
  return ((n + 1) & 2) ? -y : y;
}

double pow(double x, double y) {
  return exp(y * log(x));
}

}  // namespace jamsu::math

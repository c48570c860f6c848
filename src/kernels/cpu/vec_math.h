#pragma once
// exp and log over 16 lanes: the operations of base/math.cpp, lane by lane, so the bits are equal
// (tests/kernels/vec_math_test). V is the 16-lane type of an ISA folder.
#include "kernels/params.h"

namespace jamsu::kernels::cpu {

template <class V>
static inline V exp(V x) {
  const V shift = V::set1(12582912.0f), limit = V::set1(89.0f);
  const V clamped = V::min(limit, x);  // x where x is NaN
  const V t = V::fma(clamped, V::set1(1.44269504f), shift);
  const V n = t - shift;
  V r = V::fma(n, V::set1(-0x1.62e400p-1f), clamped);
  r = V::fma(n, V::set1(-0x1.7f7d1cp-20f), r);
  V p = V::set1(1.9875691500e-4f);
  p = V::fma(p, r, V::set1(1.3981999507e-3f));
  p = V::fma(p, r, V::set1(8.3334519073e-3f));
  p = V::fma(p, r, V::set1(4.1665795894e-2f));
  p = V::fma(p, r, V::set1(1.6666665459e-1f));
  p = V::fma(p, r, V::set1(5.0000001201e-1f));
  const V y = V::fma(p * r, r, r) + V::set1(1.0f);
  return V::select(V::less(x, V::set1(-87.3f)), V::zero(), V::times_power(y, t, shift));
}

template <class V>
static inline V sigmoid(V x) {
  const V one = V::set1(1.0f);
  return V::div(one, one + exp(V::zero() - x));
}

template <class V>
static inline V log(V x) {
  V m, e;
  V::split_at_root_half(x, m, e);
  const V f = m - V::set1(1.0f);
  V p = V::set1(7.0376836292e-2f);
  p = V::fma(p, f, V::set1(-1.1514610310e-1f));
  p = V::fma(p, f, V::set1(1.1676998740e-1f));
  p = V::fma(p, f, V::set1(-1.2420140846e-1f));
  p = V::fma(p, f, V::set1(1.4249322787e-1f));
  p = V::fma(p, f, V::set1(-1.6668057665e-1f));
  p = V::fma(p, f, V::set1(2.0000714765e-1f));
  p = V::fma(p, f, V::set1(-2.4999993993e-1f));
  p = V::fma(p, f, V::set1(3.3333331174e-1f));
  const V f2 = f * f, infinity = V::set1(__builtin_inff());
  V y = f * f2 * p;
  y = V::fma(e, V::set1(-2.12194440e-4f), y);
  y = V::fma(f2, V::set1(-0.5f), y);
  const V result = V::fma(e, V::set1(0.693359375f), f + y);
  // Below the normal range (with DAZ subnormals are zeros) -inf, negative and NaN give NaN, infinity itself.
  const V positive =
      V::select(V::less(x, V::set1(0x1p-126f)), V::zero() - infinity, V::select(V::less(x, infinity), result, x));
  return V::select(V::less(x, V::zero()), V::set1(__builtin_nanf("")), positive);
}

// One value by the same function: lane 0 of a whole vector.
template <class V>
static inline float exp1(float x) {
  float lanes[16];
  exp(V::set1(x)).store(lanes);
  return lanes[0];
}
template <class V>
static inline float log1(float x) {
  float lanes[16];
  log(V::set1(x)).store(lanes);
  return lanes[0];
}

}  // namespace jamsu::kernels::cpu

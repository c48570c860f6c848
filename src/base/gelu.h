#pragma once
// GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415), exact and by tanh, with derivatives, of the operations that
// docs/numerics.md names: no libm, the same bits on every machine. NaN gives NaN; of -inf it is NaN, as x * 0 is.
#include <cmath>

#include "base/math.h"

namespace jamsu::math {

// The normal distribution: its integral up to x, and exp(-x^2 / 2). Both within 6 ulp of what is not subnormal
// (tests/base/gelu_test.cpp measures it).
struct Normal {
  float cdf, bell;
};

// t p(t) is exp(z^2 / 2) cdf(-z) for t = 1 / (1 + 0.3 z), z in [0, 14]: a minimax polynomial, relative error 0.23 * 2^-24
// with these coefficients. Beyond 14 the tail is below f32's range.
inline Normal normal(float x) {
  const float magnitude = std::fabs(x), z = magnitude > 14.0f ? 14.0f : magnitude;
  const float half = 0.5f * z, square = half * z;
  const float rest = std::fma(half, z, -square);  // what the product lost
  const float rounded = exp(-square);
  const float bell = std::fma(-rest, rounded, rounded);
  const float t = 1.0f / std::fma(0.3f, z, 1.0f);
  float p = -0x1.51b85cp-6f;
  p = std::fma(p, t, 0x1.cc4a66p-4f);
  p = std::fma(p, t, -0x1.d314e6p-3f);
  p = std::fma(p, t, 0x1.885bc8p-3f);
  p = std::fma(p, t, -0x1.44988ap-4f);
  p = std::fma(p, t, 0x1.8973c6p-4f);
  p = std::fma(p, t, 0x1.413b3cp-4f);
  p = std::fma(p, t, 0x1.c37db8p-4f);
  p = std::fma(p, t, 0x1.e9c536p-4f);
  p = std::fma(p, t, 0x1.ea3c88p-4f);
  const float tail = bell * (t * p);
  return {x < 0.0f ? tail : 1.0f - tail, bell};
}

inline float gelu(float x) {
  return x * normal(x).cdf;
}
inline float gelu_derivative(float x) {
  const Normal n = normal(x);
  return std::fma(x * 0.398942280f, n.bell, n.cdf);  // 1 / sqrt(2 pi)
}

// x (1 + tanh(u)) / 2 = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3). Beyond 16 the sigmoid is 0 or 1.
struct Logistic {
  float value, slope;  // sigmoid(a), and sigmoid(a) (1 - sigmoid(a)) without a difference of what is nearly equal
};
inline Logistic logistic(float a) {
  const float e = exp(-std::fabs(a)), r = 1.0f / (1.0f + e), below = e * r;
  return {a < 0.0f ? below : r, below * r};
}
inline float within_16(float x) {
  const float below = x > 16.0f ? 16.0f : x;
  return below < -16.0f ? -16.0f : below;
}
inline float gelu_tanh(float x) {
  const float z = within_16(x);
  return x * logistic(z * std::fma(0.0713548163f, z * z, 1.59576912f)).value;
}
inline float gelu_tanh_derivative(float x) {
  const float z = within_16(x), square = z * z;
  const Logistic s = logistic(z * std::fma(0.0713548163f, square, 1.59576912f));
  return std::fma(z * std::fma(0.214064449f, square, 1.59576912f), s.slope, s.value);
}

}  // namespace jamsu::math

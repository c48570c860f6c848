#pragma once
// The elementary functions of docs/numerics.md section 1. No libm on any path to a result: these give the same bits on
// every machine, and kernels/cpu/vec_math.h repeats the f32 ones lane by lane with the same operations.
#include <bit>
#include <cmath>
#include <cstdint>

namespace jamsu {

inline float bf16_to_f32(uint16_t x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x) << 16);
}

// VCVTNEPS2BF16: round to nearest even, subnormals to signed zero, NaN quieted.
inline uint16_t f32_to_bf16(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x), magnitude = u & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>((u >> 16) | 0x40u);
  if (magnitude < 0x00800000u) return static_cast<uint16_t>((u >> 16) & 0x8000u);
  return static_cast<uint16_t>((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16);
}
inline float round_to_bf16(float x) {
  return bf16_to_f32(f32_to_bf16(x));
}

namespace math {

// f32, at most 2 ulp for results in the normal range (tests/base/math_test.cpp measures it).
// exp(0) = 1 and exp(-inf) = +0 exactly; x < -87.3 gives +0 (no subnormal results); overflow gives +inf; NaN gives NaN.
inline float exp(float x);
// log(1) = 0; log(+0), log(-0) and subnormals give -inf; x < 0 gives NaN.
float log(float x);

// f64, at most 2 ulp for arguments in the ranges named.
double exp(double x);            // |x| < 700; below -745 gives +0, above 709.8 +inf
double log(double x);            // x > 0 normal
double sin(double x);            // |x| < 2^30
double cos(double x);            // |x| < 2^30
double pow(double x, double y);  // x > 0: exp(y log x); relative error about |y log x| ulp

// Cody-Waite reduction x = n ln2 + r, |r| <= ln2 / 2, then Cephes' expf polynomial (Moshier 1992).
inline float exp(float x) {
  const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, to nearest even
  const float clamped = x > 89.0f ? 89.0f : x;
  const float t = std::fma(clamped, 1.44269504f, shift);
  const float n = t - shift;
  float r = std::fma(n, -0x1.62e400p-1f, clamped);
  r = std::fma(n, -0x1.7f7d1cp-20f, r);
  float p = 1.9875691500e-4f;
  p = std::fma(p, r, 1.3981999507e-3f);
  p = std::fma(p, r, 8.3334519073e-3f);
  p = std::fma(p, r, 4.1665795894e-2f);
  p = std::fma(p, r, 1.6666665459e-1f);
  p = std::fma(p, r, 5.0000001201e-1f);
  const float y = std::fma(p * r, r, r) + 1.0f;
  const auto k = static_cast<int32_t>(std::bit_cast<uint32_t>(t) - std::bit_cast<uint32_t>(shift));
  const int32_t half = k >> 1;  // two factors: 2^k itself may overflow or be subnormal
  const float a = std::bit_cast<float>((static_cast<uint32_t>(half) + 127u) << 23);
  const float b = std::bit_cast<float>((static_cast<uint32_t>(k - half) + 127u) << 23);
  const float result = y * a * b;
  return x < -87.3f ? 0.0f : result;
}

inline float sigmoid(float x) {
  return 1.0f / (1.0f + exp(-x));
}
inline float silu(float x) {
  return x * sigmoid(x);
}

}  // namespace math
}  // namespace jamsu

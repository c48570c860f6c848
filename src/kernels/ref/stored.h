#pragma once
// Products with a matrix as it lies in a file, forward and for dX: docs/numerics.md section 6.
#include "base/e4m3.h"
#include "kernels/ref/dot.h"
#include "kernels/stored_rows.h"

namespace jamsu::kernels::ref {

inline float stored_value(Bf16Rows, uint16_t bits) {
  return bf16_to_f32(bits);
}
inline float stored_value(E4m3Rows, uint8_t bits) {
  return e4m3_to_f32(bits);
}

// The dot of `x(k)`, rounded already, with stored values `w(k)`, of which every kScaleBlock share scale(number of the
// block): one bf16 dot from +0 or, of scaled formats, acc = fma(scale,
// the block's dot from +0, acc), blocks in order from +0.
template <class Rows, class X, class W, class S>
float stored_dot(int64_t k_count, const X& x, const W& w, const S& scale) {
  const auto dot_of = [&](int64_t begin, int64_t end) {
    return dot<float>(
        end - begin, [&](int64_t k) { return x(begin + k); },
        [&](int64_t k) { return round_to_bf16(stored_value(Rows{}, w(begin + k))); }, 0.0f);
  };
  if constexpr (!Rows::kScaled) return dot_of(0, k_count);
  float acc = 0;
  for (int64_t k = 0; k < k_count; k += kScaleBlock)
    acc = std::fma(scale(k / kScaleBlock), dot_of(k, k + kScaleBlock < k_count ? k + kScaleBlock : k_count), acc);
  return acc;
}

// dx[m, in] = dy[m, out] W, W(k, j) = w[k * in + j] with scale scales[k / 128 * ceil(in / 128) + j / 128]: contraction
// over the rows of W in order; dy is rounded to bf16.
template <class Rows>
void stored_dx(const float* dy, const typename Rows::Value* w, const float* scales, int64_t m, int64_t out, int64_t in,
               float* dx) {
  const int64_t across = (in + kScaleBlock - 1) / kScaleBlock;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < in; ++j)
      dx[i * in + j] = stored_dot<Rows>(
          out, [&](int64_t k) { return round_to_bf16(dy[i * out + k]); }, [&](int64_t k) { return w[k * in + j]; },
          [&](int64_t block) { return scales[block * across + j / kScaleBlock]; });
}

}  // namespace jamsu::kernels::ref

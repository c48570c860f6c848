#pragma once
// The register tile behind every product: MR rows by NR panels of 16 columns, the dot of numerics.md section 2.
//   A: broadcast elements, f32, already rounded.  B: panels (kernels/params.h), bf16 or f32.
#include "kernels/params.h"

namespace jamsu::kernels::cpu {

// A packed operand begins with how it lies: rows (k contiguous) as they are read forward, or columns (rows contiguous)
// as a weight gradient reads dY. Both are f32, rounded, zero-padded to whole pairs of k.
struct AHeader {
  int64_t row_stride, k_stride;
};
inline constexpr int64_t kAHeaderBytes = 64;

// A(i, k) = data[i * row_stride + k * k_stride]; one of the strides is 1.
struct Broadcast {
  const float* data;
  int64_t row_stride, k_stride;
};

// sum[i][j] = even + odd of one block: pairs [begin, end) of the panels, at most 16.
template <class V, class E, int MR, int NR>
[[gnu::always_inline]] static inline void block_sums(int64_t begin, int64_t end, const Broadcast a, const E* b,
                                                     int64_t panel_stride, V (&sum)[MR][NR]) {
  constexpr int64_t kPair = 32;  // elements of a pair row of a panel
  V even[MR][NR], odd[MR][NR];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) even[i][j] = odd[i][j] = V::zero();
  if constexpr (V::kTwoPass) {
    for (int64_t p = begin; p < end; ++p) {
      V x[NR];
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) x[j] = V::even(b + j * panel_stride + p * kPair);
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) {
        const V s = V::set1(a.data[i * a.row_stride + 2 * p * a.k_stride]);
#pragma GCC unroll 8
        for (int j = 0; j < NR; ++j) even[i][j] = V::fma(s, x[j], even[i][j]);
      }
    }
    float parked[MR][NR][16];
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) even[i][j].store(parked[i][j]);
    for (int64_t p = begin; p < end; ++p) {
      V x[NR];
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) x[j] = V::odd(b + j * panel_stride + p * kPair);
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) {
        const V s = V::set1(a.data[i * a.row_stride + (2 * p + 1) * a.k_stride]);
#pragma GCC unroll 8
        for (int j = 0; j < NR; ++j) odd[i][j] = V::fma(s, x[j], odd[i][j]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) sum[i][j] = V::load(parked[i][j]) + odd[i][j];
  } else {
    for (int64_t p = begin; p < end; ++p) {
      V x[NR], y[NR];
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) {
        x[j] = V::even(b + j * panel_stride + p * kPair);
        y[j] = V::odd(b + j * panel_stride + p * kPair);
      }
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) {
        const V s = V::set1(a.data[i * a.row_stride + 2 * p * a.k_stride]);
        const V t = V::set1(a.data[i * a.row_stride + (2 * p + 1) * a.k_stride]);
#pragma GCC unroll 8
        for (int j = 0; j < NR; ++j) {
          even[i][j] = V::fma(s, x[j], even[i][j]);
          odd[i][j] = V::fma(t, y[j], odd[i][j]);
        }
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) sum[i][j] = even[i][j] + odd[i][j];
  }
}

// acc[i][j] = acc + (even + odd) for each block of 32 k in [0, pairs): pairs beyond the contraction may be left out,
// for they would add zeros to the chains.
template <class V, class E, int MR, int NR>
[[gnu::always_inline]] static inline void dot_tile(int64_t pairs, const Broadcast a, const E* b, int64_t panel_stride,
                                                   V (&acc)[MR][NR]) {
  for (int64_t begin = 0; begin < pairs; begin += 16) {
    V sum[MR][NR];
    block_sums<V, E, MR, NR>(begin, begin + 16 < pairs ? begin + 16 : pairs, a, b, panel_stride, sum);
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) acc[i][j] = acc[i][j] + sum[i][j];
  }
}

}  // namespace jamsu::kernels::cpu

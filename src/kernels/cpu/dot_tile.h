#pragma once
// The register tile behind every product: MR rows by NR panels of 16 columns, the dot of numerics.md section 2.
//   A: broadcast values, already rounded.  B: panels (kernels/params.h), bf16 or f32.
#include <type_traits>

#include "kernels/params.h"

namespace jamsu::kernels::cpu {

// What is broadcast of A: f32 elements, or, where the ISA multiplies bf16 two at a time (V::kTwoAtOnce), words of two
// elements of one chain. VDPBF16PS is fma(low, low', fma(high, high', acc)), each rounded, so with 4 k as
//   word 0: k in the high half, k + 2 in the low one      word 1: k + 1, k + 3
// it continues the even and the odd chain by two steps each.
template <class V, class E>
inline constexpr bool kWords = V::kTwoAtOnce && sizeof(E) == 2;
template <class V, class E>
using AValue = std::conditional_t<kWords<V, E>, uint32_t, float>;

// A packed operand begins with how it lies: rows (k contiguous) as they are read forward, or columns (rows contiguous)
// as a weight gradient reads dY. Zero-padded to whole pairs of k, words to whole fours.
struct AHeader {
  int64_t row_stride, k_stride;
};
inline constexpr int64_t kAHeaderBytes = 64;

// Value t of row i: data[i * row_stride + t * k_stride], one of the strides is 1; t is k, or the number of the word.
template <class T>
struct Broadcast {
  const T* data;
  int64_t row_stride, k_stride;
};
// As seen from a row and k on; of words k is a multiple of 4.
template <class T>
[[gnu::always_inline]] static inline Broadcast<T> seen_from(const Broadcast<T> a, int64_t row, int64_t k) {
  constexpr int64_t kOfValue = std::is_same_v<T, float> ? 1 : 2;
  return {a.data + row * a.row_stride + k / kOfValue * a.k_stride, a.row_stride, a.k_stride};
}

// 32 values from `from` on, of which `count` are there, rounded, as words.
template <class V>
[[gnu::always_inline]] static inline V rounded_words(const float* from, int64_t count) {
  if (count >= 32) return V::row_words(V::pairs_rounded(V::load(from), V::load(from + 16)));
  const int64_t above = count - 16;
  const V low = count <= 0 ? V::zero() : above >= 0 ? V::load(from) : V::load_partial(from, count);
  return V::row_words(V::pairs_rounded(low, above > 0 ? V::load_partial(from + 16, above) : V::zero()));
}

// The even chain of every sum, then the odd one: where both at once would not fit into the registers.
template <class V, class E, int MR, int NR>
[[gnu::always_inline]] static inline void block_sums_in_two(int64_t begin, int64_t end, const Broadcast<AValue<V, E>> a,
                                                            const E* b, int64_t panel_stride, V (&sum)[MR][NR]) {
  constexpr int64_t kPair = 32;  // elements of a pair row of a panel
  V even[MR][NR], odd[MR][NR];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) even[i][j] = odd[i][j] = V::zero();
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
}

// sum[i][j] = even + odd of one block: pairs [begin, end) of the panels, at most 16; begin is even.
template <class V, class E, int MR, int NR>
[[gnu::always_inline]] static inline void block_sums(int64_t begin, int64_t end, const Broadcast<AValue<V, E>> a,
                                                     const E* b, int64_t panel_stride, V (&sum)[MR][NR]) {
  constexpr int64_t kPair = 32;  // elements of a pair row of a panel
  [[maybe_unused]] V even[MR][NR], odd[MR][NR];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) even[i][j] = odd[i][j] = V::zero();
  if constexpr (kWords<V, E>) {
    for (int64_t p = begin; p < end; p += 2) {  // a word of each chain
      V x[NR], y[NR];
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) V::panel_words(b + j * panel_stride + p * kPair, x[j], y[j]);
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) {
        const uint32_t* words = a.data + i * a.row_stride + p * a.k_stride;
        const V s = V::set1_word(words[0]), t = V::set1_word(words[a.k_stride]);
#pragma GCC unroll 8
        for (int j = 0; j < NR; ++j) {
          even[i][j] = V::add_products(even[i][j], s, x[j]);
          odd[i][j] = V::add_products(odd[i][j], t, y[j]);
        }
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) sum[i][j] = even[i][j] + odd[i][j];
  } else if constexpr (V::kTwoPass) {
    block_sums_in_two<V, E, MR, NR>(begin, end, a, b, panel_stride, sum);
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
[[gnu::always_inline]] static inline void dot_tile(int64_t pairs, const Broadcast<AValue<V, E>> a, const E* b,
                                                   int64_t panel_stride, V (&acc)[MR][NR]) {
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

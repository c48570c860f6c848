#pragma once
// Matrices as they lie in a file, k contiguous: 16 rows by 32 k become the 16 pairs of a panel's block in registers.
#include "kernels/cpu/dot_tile.h"
#include "kernels/params.h"
#include "kernels/stored_rows.h"

namespace jamsu::kernels::cpu {

inline constexpr int64_t kBlockPairs = kDotBlock / 2;
// x of such a product: rounded rows.
template <class V>
using StoredA = Broadcast<AValue<V, uint16_t>>;

// 32 values of a row as bits of bf16; of the last block of a row only `left` are there, the rest is zero.
template <class V>
[[gnu::always_inline]] static inline V stored_pairs(Bf16Rows, const uint16_t* row, int64_t left) {
  return left >= kDotBlock ? V::pairs(row) : V::pairs_partial(row, left);
}
template <class V>
[[gnu::always_inline]] static inline V stored_pairs(E4m3Rows, const uint8_t* row, int64_t left) {
  if (left >= kDotBlock) return V::pairs_of_e4m3(row);
  alignas(32) uint8_t part[kDotBlock] = {};
  __builtin_memcpy(part, row, static_cast<size_t>(left));
  return V::pairs_of_e4m3(part);
}

// x[i] = k, k + 1 = 2i, 2i + 1 of the 16 rows: row(r) is where row r's block begins; rows from `rows` on are zero.
template <class V, class Rows>
[[gnu::always_inline]] static inline void stored_block(const typename Rows::Value* first, int64_t stride, int64_t rows,
                                                       int64_t left, V (&x)[kBlockPairs]) {
#pragma GCC unroll 16
  for (int64_t r = 0; r < kLanes; ++r) x[r] = r < rows ? stored_pairs<V>(Rows{}, first + r * stride, left) : V::zero();
  V::transpose(x);
}

// The rows of a block in a register each, turned for stored_sums: x[i] = pair i, or word i, of 16 rows.
template <class V>
[[gnu::always_inline]] static inline void turn_rows(V (&x)[kBlockPairs]) {
  if constexpr (V::kTwoAtOnce)
#pragma GCC unroll 16
    for (V& row : x) row = V::row_words(row);
  V::transpose(x);
}

// Panels of bf16 elements from rows as they lie: columns of the product are rows of the matrix.
template <class V, class Rows>
static inline void pack_b_stored(const PackBParams& p) {
  const auto* source = static_cast<const typename Rows::Value*>(p.source);
  const int64_t width = round_up(p.k, kDotBlock);
  for (int64_t panel = p.panel_begin; panel < p.panel_end; ++panel) {
    auto* to = static_cast<uint16_t*>(p.panels) + panel * kLanes * width;
    const int64_t column = panel * kLanes, rows = p.n - column < kLanes ? p.n - column : kLanes;
    const auto* from = source + column * p.column_stride;
    for (int64_t k = 0; k < p.k; k += kDotBlock, to += kLanes * kDotBlock) {
      V x[kBlockPairs];
      if (rows == kLanes)
        stored_block<V, Rows>(from + k, p.column_stride, kLanes, p.k - k, x);
      else
        stored_block<V, Rows>(from + k, p.column_stride, rows, p.k - k, x);
#pragma GCC unroll 16
      for (int64_t i = 0; i < kBlockPairs; ++i) x[i].store_pairs(to + i * 2 * kLanes);
    }
  }
}

// The same for gradients: columns of the product are columns of the matrix, which is contracted over its rows. 32
// columns of rows k and k + 1 become the pairs of two panels.
template <class V, class Rows>
static inline void pack_b_stored_columns(const PackBParams& p) {
  const auto* source = static_cast<const typename Rows::Value*>(p.source);
  const int64_t width = round_up(p.k, kDotBlock);
  for (int64_t panel = p.panel_begin; panel < p.panel_end; panel += 2) {
    const bool two = panel + 1 < p.panel_end;
    auto* to = static_cast<uint16_t*>(p.panels) + panel * kLanes * width;
    const int64_t column = panel * kLanes, left = p.n - column < kDotBlock ? p.n - column : kDotBlock;
    const auto row = [&](int64_t k) {
      return k < p.k ? stored_pairs<V>(Rows{}, source + k * p.k_stride + column, left) : V::zero();
    };
    for (int64_t k = 0; k < width; k += 2, to += 2 * kLanes) {
      V first, second;
      V::interleave(row(k), row(k + 1), first, second);
      first.store_pairs(to);
      if (two) second.store_pairs(to + kLanes * width);
    }
  }
}

// Panels from rows of f32, 16 k at a time.
template <class V, class E>
static inline void pack_b_f32_rows(const PackBParams& p) {
  const auto* source = static_cast<const float*>(p.source);
  const int64_t width = round_up(p.k, kDotBlock);
  for (int64_t panel = p.panel_begin; panel < p.panel_end; ++panel) {
    E* to = static_cast<E*>(p.panels) + panel * kLanes * width;
    const int64_t column = panel * kLanes, rows = p.n - column < kLanes ? p.n - column : kLanes;
    for (int64_t k = 0; k < width; k += kLanes, to += kLanes * kLanes) {
      const int64_t left = p.k - k;
      V x[kLanes];
      for (int64_t r = 0; r < kLanes; ++r) {
        const float* from = source + (column + r) * p.column_stride + k;
        x[r] = r >= rows || left <= 0 ? V::zero() : left >= kLanes ? V::load(from) : V::load_partial(from, left);
      }
      V::transpose(x);
      for (int64_t i = 0; i < kLanes; i += 2) V::store_pair(to + i * kLanes, x[i], x[i + 1]);
    }
  }
}

// The 16 rows of a panel are read side by side, 1 KiB of them at a time: one block of bf16, two of e4m3.
template <class Rows>
inline constexpr int64_t kStep = kDotBlock * 2 / static_cast<int64_t>(sizeof(typename Rows::Value));

// sum[i] = even + odd of one block.
template <class V, int MR>
[[gnu::always_inline]] static inline void stored_sums(const V (&x)[kBlockPairs], const StoredA<V> a, int64_t pairs,
                                                      V (&sum)[MR]) {
  V even[MR], odd[MR];
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) even[i] = odd[i] = V::zero();
  if constexpr (V::kTwoAtOnce) {  // the words of x's rows are turned: one of each chain in turn
#pragma GCC unroll 16
    for (int64_t t = 0; t < kBlockPairs; t += 2) {
#pragma GCC unroll 4
      for (int i = 0; i < MR; ++i) {
        const uint32_t* words = a.data + i * a.row_stride + t;
        even[i] = V::add_products(even[i], V::set1_word(words[0]), x[t]);
        odd[i] = V::add_products(odd[i], V::set1_word(words[1]), x[t + 1]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) sum[i] = even[i] + odd[i];
  } else {
    const auto step = [&](int64_t p) __attribute__((always_inline)) {
      const V e = V::low_halves(x[p]), o = V::high_halves(x[p]);
#pragma GCC unroll 4
      for (int i = 0; i < MR; ++i) {
        even[i] = V::fma(V::set1(a.data[i * a.row_stride + 2 * p]), e, even[i]);
        odd[i] = V::fma(V::set1(a.data[i * a.row_stride + 2 * p + 1]), o, odd[i]);
      }
    };
    if (pairs >= kBlockPairs) {
#pragma GCC unroll 16
      for (int64_t p = 0; p < kBlockPairs; ++p) step(p);
    } else {
      for (int64_t p = 0; p < pairs; ++p) step(p);
    }
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) sum[i] = even[i] + odd[i];
  }
}

template <class V, int MR>
[[gnu::always_inline]] static inline void add_block(const V (&x)[kBlockPairs], const StoredA<V> a, int64_t left,
                                                    V (&to)[MR]) {
  V sum[MR];
  stored_sums<V, MR>(x, a, (left + 1) / 2, sum);
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) to[i] = to[i] + sum[i];
}

// The same of e4m3: q[t] = 4 k of 16 rows from 4 t on.
template <class V, int MR>
[[gnu::always_inline]] static inline void add_e4m3_block(const V* q, const StoredA<V> a, V (&to)[MR]) {
  V even[MR], odd[MR];
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) even[i] = odd[i] = V::zero();
#pragma GCC unroll 8
  for (int64_t t = 0; t < kBlockPairs / 2; ++t) {
    V e, o;
    V::e4m3_words(q[t], e, o);
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) {
      const uint32_t* words = a.data + i * a.row_stride + 2 * t;
      even[i] = V::add_products(even[i], V::set1_word(words[0]), e);
      odd[i] = V::add_products(odd[i], V::set1_word(words[1]), o);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) to[i] = to[i] + (even[i] + odd[i]);
}

// Adds k .. k + kStep of a panel. While this is read, the next panel is fetched as it lies: memory sees one stream, 1
// KiB at a time, into the second-level cache
// (into the first, 48 to 290 KiB ahead, it would be thrown out again; docs/LOG.md).
template <class V, class Rows, int MR>
[[gnu::always_inline]] static inline void add_step(const typename Rows::Value* from, int64_t count, int64_t k,
                                                   int64_t rows, const StoredA<V> a, V (&to)[MR]) {
  const int64_t left = count - k;
  const StoredA<V> at = seen_from(a, 0, k), after = seen_from(a, 0, k + kDotBlock);
  const auto block = [&](int64_t k0, int64_t count_of_rows, const StoredA<V> x_at) __attribute__((always_inline)) {
    V x[kBlockPairs];
#pragma GCC unroll 16
    for (int64_t r = 0; r < kLanes; ++r)
      x[r] = r < count_of_rows ? stored_pairs<V>(Rows{}, from + r * count + k0, count - k0) : V::zero();
    turn_rows<V>(x);
    add_block<V, MR>(x, x_at, count - k0, to);
  };
  if (rows == kLanes && left >= kStep<Rows>) {
    const auto* next = reinterpret_cast<const char*>(from + kLanes * count + k * kLanes);
#pragma GCC unroll 16
    for (int64_t i = 0; i < 16; ++i) __builtin_prefetch(next + i * 64, 0, 2);
    if constexpr (std::is_same_v<Rows, E4m3Rows> && V::kTwoAtOnce) {
      V q[kBlockPairs];
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes; ++r) q[r] = V::bytes(from + r * count + k);
      V::transpose(q);
      add_e4m3_block<V, MR>(q, at, to);
      add_e4m3_block<V, MR>(q + kBlockPairs / 2, after, to);
    } else if constexpr (std::is_same_v<Rows, E4m3Rows>) {
      V x[kBlockPairs], y[kBlockPairs];
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes; ++r) V::pairs_of_e4m3(from + r * count + k, x[r], y[r]);
      turn_rows<V>(x);
      add_block<V, MR>(x, at, kDotBlock, to);
      turn_rows<V>(y);
      add_block<V, MR>(y, after, kDotBlock, to);
    } else {
      block(k, kLanes, at);
    }
    return;
  }
  block(k, rows, at);
  if (kStep<Rows> != kDotBlock && left > kDotBlock) block(k + kDotBlock, rows, after);
}

template <class V, class Rows, int MR>
static inline void gemm_stored_panel(const GemmStoredParams& p, const StoredA<V> a, const typename Rows::Value* from,
                                     int64_t column) {
  constexpr bool kScaled = Rows::kScaled;
  const int64_t n = p.n - column, rows = n < kLanes ? n : kLanes;
  const float* scales = kScaled ? p.scales + (p.first_row + column) / kScaleBlock * p.scale_stride : nullptr;
  V acc[MR], partial[MR];
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) acc[i] = partial[i] = V::zero();
  for (int64_t k = 0; k < p.k; k += kStep<Rows>) {
    add_step<V, Rows, MR>(from, p.k, k, rows, a, kScaled ? partial : acc);
    if (!kScaled || ((k + kStep<Rows>) % kScaleBlock != 0 && k + kStep<Rows> < p.k)) continue;
    const V scale = V::set1(scales[k / kScaleBlock]);
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) {
      acc[i] = V::fma(scale, partial[i], acc[i]);
      partial[i] = V::zero();
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i) {
    float* c = p.c + i * p.ldc + column;
    const bool whole = n >= kLanes;
    if (p.bias) acc[i] = acc[i] + (whole ? V::load(p.bias + column) : V::load_partial(p.bias + column, n));
    if (whole)
      acc[i].store(c);
    else
      acc[i].store_partial(c, n);
  }
}

template <class V, class Rows, int MR>
static inline void gemm_stored_rows(const GemmStoredParams& p, const StoredA<V> a) {
  const auto* b = static_cast<const typename Rows::Value*>(p.w);
  for (int64_t column = 0; column < p.n; column += kLanes)
    gemm_stored_panel<V, Rows, MR>(p, a, b + column * p.k, column);
}

template <class V, class Rows>
static inline void gemm_stored(const GemmStoredParams& p) {
  const auto* header = static_cast<const AHeader*>(p.x);
  using T = AValue<V, uint16_t>;
  const StoredA<V> a{reinterpret_cast<const T*>(static_cast<const char*>(p.x) + kAHeaderBytes), header->row_stride, 1};
  if (p.m == 1) return gemm_stored_rows<V, Rows, 1>(p, a);
  if (p.m == 2) return gemm_stored_rows<V, Rows, 2>(p, a);
  if (p.m == 3) return gemm_stored_rows<V, Rows, 3>(p, a);
  if (p.m == 4) return gemm_stored_rows<V, Rows, 4>(p, a);
}

}  // namespace jamsu::kernels::cpu

#pragma once
// pack_a, pack_b and gemm over the 16-lane type V of an ISA folder.
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/stored.h"
#include "kernels/params.h"

namespace jamsu::kernels::cpu {

static inline int64_t a_bytes(int64_t m, int64_t k) {
  return kAHeaderBytes + round_up(m, kLanes) * round_up(k, kLanes) * static_cast<int64_t>(sizeof(float));
}

// Of words (bf16 elements alone).
static inline int64_t words_bytes(int64_t m, int64_t k) {
  return kAHeaderBytes + round_up(m, kLanes) * round_up(k, kDotBlock) * 2;
}

template <class V>
static inline void copy_rounded(const float* from, float* to, int64_t count, int64_t padded, bool rounds) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const V x = V::load(from + i);
    (rounds ? V::round_to_bf16(x) : x).store(to + i);
  }
  if (i < count) {
    const V x = V::load_partial(from + i, count - i);
    (rounds ? V::round_to_bf16(x) : x).store(to + i);
    i += 16;
  }
  for (; i < padded; i += 16) V::zero().store(to + i);
}

template <class V>
static inline void pack_a_words(const PackAParams& p) {
  auto* header = static_cast<AHeader*>(p.packed);
  auto* to = reinterpret_cast<uint32_t*>(static_cast<char*>(p.packed) + kAHeaderBytes);
  if (p.k_stride == 1) {
    const int64_t width = round_up(p.k, kDotBlock) / 2;
    *header = {width, 1};
    for (int64_t i = 0; i < p.m; ++i) {
      const float* from = p.source + (p.rows ? p.rows[i] : i) * p.row_stride;
      for (int64_t k = 0; k < p.k; k += 32) V::store_words(to + i * width + k / 2, rounded_words<V>(from + k, p.k - k));
    }
    return;
  }
  const int64_t width = round_up(p.m, kLanes);
  *header = {1, width};
  for (int64_t k = 0; k < p.k; k += 4, to += 2 * width)
    for (int64_t i = 0; i < p.m; i += kLanes) {
      const auto rows = [&](int64_t of) {
        const float* from = p.source + of * p.k_stride + i;
        return of >= p.k ? V::zero() : p.m - i >= kLanes ? V::load(from) : V::load_partial(from, p.m - i);
      };
      V even, odd;
      V::column_words(rows(k), rows(k + 1), rows(k + 2), rows(k + 3), even, odd);
      V::store_words(to + i, even);
      V::store_words(to + width + i, odd);
    }
}

template <class V>
static inline void pack_a(const PackAParams& p) {
  if constexpr (V::kTwoAtOnce)
    if (p.element == Element::bf16) return pack_a_words<V>(p);
  auto* header = static_cast<AHeader*>(p.packed);
  auto* to = reinterpret_cast<float*>(static_cast<char*>(p.packed) + kAHeaderBytes);
  const bool rounds = p.element == Element::bf16;
  if (p.k_stride == 1) {
    const int64_t width = round_up(p.k, kLanes);
    *header = {width, 1};
    for (int64_t i = 0; i < p.m; ++i)
      copy_rounded<V>(p.source + (p.rows ? p.rows[i] : i) * p.row_stride, to + i * width, p.k, width, rounds);
    return;
  }
  const int64_t width = round_up(p.m, kLanes);
  *header = {1, width};
  for (int64_t k = 0; k < p.k; ++k) copy_rounded<V>(p.source + k * p.k_stride, to + k * width, p.m, width, rounds);
  if (p.k % 2) copy_rounded<V>(p.source, to + p.k * width, 0, width, false);
}

// Few rows: one panel of them.
inline constexpr int64_t kStoredRows = 4;
static inline int64_t no_scratch(int64_t /*m*/, int64_t /*n*/) {
  return 0;
}
template <class V>
static inline void pack_x(const PackXParams& p) {
  pack_a<V>({p.source, p.rows, p.row_stride, 1, p.m, p.k, Element::bf16, p.packed});
}

// One of two adjacent k of a column, or zero.
template <class Value>
[[gnu::always_inline]] static inline float widened(Value x) {
  if constexpr (sizeof(Value) == 4) {
    return x;
  } else {
    const uint32_t u = static_cast<uint32_t>(x) << 16;
    float f;
    __builtin_memcpy(&f, &u, 4);
    return f;
  }
}

// Columns contiguous: two rows of the source become the pairs of a panel row.
template <class V, class E>
static inline void pack_b_rows(const PackBParams& p) {
  const auto* source = static_cast<const float*>(p.source);
  const int64_t pairs = round_up(p.k, kDotBlock) / 2;
  for (int64_t panel = p.panel_begin; panel < p.panel_end; ++panel) {
    E* to = static_cast<E*>(p.panels) + panel * pairs * 32;
    const int64_t column = panel * kLanes, n = p.n - column < kLanes ? p.n - column : kLanes;
    for (int64_t pair = 0; pair < pairs; ++pair) {
      const auto row = [&](int64_t k) {
        if (k >= p.k) return V::zero();
        const float* from = source + k * p.k_stride + column;
        return n == kLanes ? V::load(from) : V::load_partial(from, n);
      };
      V::store_pair(to + pair * 32, row(2 * pair), row(2 * pair + 1));
    }
  }
}

// Any strides, element by element through a buffer of one pair row.
template <class V, class E, class Value>
static inline void pack_b_any(const PackBParams& p) {
  const auto* source = static_cast<const Value*>(p.source);
  const int64_t pairs = round_up(p.k, kDotBlock) / 2;
  for (int64_t panel = p.panel_begin; panel < p.panel_end; ++panel) {
    E* to = static_cast<E*>(p.panels) + panel * pairs * 32;
    const int64_t column = panel * kLanes, n = p.n - column < kLanes ? p.n - column : kLanes;
    for (int64_t pair = 0; pair < pairs; ++pair) {
      float rows[2][16] = {};
      for (int64_t odd = 0; odd < 2; ++odd) {
        const int64_t k = 2 * pair + odd;
        if (k >= p.k) break;
        for (int64_t j = 0; j < n; ++j) rows[odd][j] = widened(source[(column + j) * p.column_stride + k * p.k_stride]);
      }
      V::store_pair(to + pair * 32, V::load(rows[0]), V::load(rows[1]));
    }
  }
}

template <class V>
static inline void pack_b(const PackBParams& p) {
  const bool bf16 = p.element == Element::bf16, rows = p.k_stride == 1;
  switch (p.source_type) {
    case Source::f32:
      if (p.column_stride == 1) return bf16 ? pack_b_rows<V, uint16_t>(p) : pack_b_rows<V, float>(p);
      return bf16 ? pack_b_f32_rows<V, uint16_t>(p) : pack_b_f32_rows<V, float>(p);
    case Source::bf16:
      if (!bf16) return pack_b_any<V, float, uint16_t>(p);
      return rows ? pack_b_stored<V, Bf16Rows>(p) : pack_b_stored_columns<V, Bf16Rows>(p);
    case Source::e4m3:  // to bf16 elements: all that is asked for
      return rows ? pack_b_stored<V, E4m3Rows>(p) : pack_b_stored_columns<V, E4m3Rows>(p);
  }
}

struct Span {  // a stretch of the contraction
  int64_t k0, pairs;
  bool first, last;
};

template <class V, class E, int MR, int NR>
static inline void gemm_tile(const GemmParams& p, const Broadcast<AValue<V, E>> a, const E* b, int64_t panel_stride,
                             int64_t row, int64_t column, const Span& span) {
  V acc[MR][NR];
  const int64_t left = p.n - column;
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) {
      const float* c = p.c + (row + i) * p.ldc + column + j * kLanes;
      const int64_t n = left - j * kLanes;
      acc[i][j] = span.first && !p.accumulate ? V::zero() : (n >= kLanes ? V::load(c) : V::load_partial(c, n));
    }
  dot_tile<V, E, MR, NR>(span.pairs, a, b, panel_stride, acc);
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) {
      float* c = p.c + (row + i) * p.ldc + column + j * kLanes;
      const int64_t n = left - j * kLanes;
      if (span.last && p.bias) {
        const float* bias = p.bias + column + j * kLanes;
        acc[i][j] = acc[i][j] + (n >= kLanes ? V::load(bias) : V::load_partial(bias, n));
      }
      if (n >= kLanes)
        acc[i][j].store(c);
      else
        acc[i][j].store_partial(c, n);
    }
}

// All rows against NR panels, in tiles of MR rows and what is left.
template <class V, class E, int MR, int NR>
static inline void gemm_rows(const GemmParams& p, const Broadcast<AValue<V, E>> a, const E* b, int64_t panel_stride,
                             int64_t column, const Span& span) {
  const auto at = [&](int64_t row) { return seen_from(a, row, span.k0); };
  int64_t row = 0;
  for (; row + MR <= p.m; row += MR) gemm_tile<V, E, MR, NR>(p, at(row), b, panel_stride, row, column, span);
  const int64_t left = p.m - row;
  if (MR > 5 && left == 5) return gemm_tile<V, E, 5, NR>(p, at(row), b, panel_stride, row, column, span);
  if (MR > 4 && left == 4) return gemm_tile<V, E, 4, NR>(p, at(row), b, panel_stride, row, column, span);
  if (left == 3) return gemm_tile<V, E, 3, NR>(p, at(row), b, panel_stride, row, column, span);
  if (left == 2) return gemm_tile<V, E, 2, NR>(p, at(row), b, panel_stride, row, column, span);
  if (left == 1) return gemm_tile<V, E, 1, NR>(p, at(row), b, panel_stride, row, column, span);
}

// The contraction is cut so that NR panels of it stay in L1 while all row tiles pass;
// C carries the sum between the cuts.
inline constexpr int64_t kContractionBlock = 512;

template <class V, class E, int MR, int NR>
static inline void gemm_elements(const GemmParams& p) {
  const auto* header = static_cast<const AHeader*>(p.a);
  using T = AValue<V, E>;
  const Broadcast<T> a{reinterpret_cast<const T*>(static_cast<const char*>(p.a) + kAHeaderBytes), header->row_stride,
                       header->k_stride};
  const auto* b = static_cast<const E*>(p.b);
  const int64_t panel_stride = round_up(p.k, kDotBlock) * kLanes, panels = (p.n + kLanes - 1) / kLanes;
  for (int64_t k0 = 0; k0 < p.k; k0 += kContractionBlock) {
    const int64_t k1 = k0 + kContractionBlock < p.k ? k0 + kContractionBlock : p.k;
    const Span span{k0, (k1 - k0 + 1) / 2, k0 == 0, k1 == p.k};
    int64_t panel = 0;
    for (; panel + NR <= panels; panel += NR)
      gemm_rows<V, E, MR, NR>(p, a, b + panel * panel_stride + k0 * kLanes, panel_stride, panel * kLanes, span);
    for (; panel < panels; ++panel)
      gemm_rows<V, E, MR, 1>(p, a, b + panel * panel_stride + k0 * kLanes, panel_stride, panel * kLanes, span);
  }
}

template <class V, int MR, int NR>
static inline void gemm(const GemmParams& p) {
  if (p.element == Element::bf16)
    gemm_elements<V, uint16_t, MR, NR>(p);
  else
    gemm_elements<V, float, MR, NR>(p);
}

}  // namespace jamsu::kernels::cpu

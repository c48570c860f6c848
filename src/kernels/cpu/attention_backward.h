#pragma once
// Attention backward over the 16-lane type V: numerics.md section 4. Tiles of 32 queries by 32 keys; every product is
// the register tile of dot_tile.h on panels widened to f32 once per head.
#include "kernels/cpu/attention.h"

namespace jamsu::kernels::cpu {

inline constexpr int64_t kTile = kKeyBlock * kKeyBlock;

template <class V, int MR, int NR>
[[gnu::always_inline]] static inline void add_block_tile(const Broadcast a, int64_t pairs, const float* panels,
                                                         float* out, int64_t out_stride) {
  V sum[MR][NR];
  block_sums<V, float, MR, NR>(0, pairs, a, panels, kDotBlock * kLanes, sum);
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) {
      float* to = out + i * out_stride + j * kLanes;
      (V::load(to) + sum[i][j]).store(to);
    }
}

// out[i][columns] += dot over the first `pairs` of a block of 32 of A(i, k) = a[i * kRowStride + k * kKStride] and
// panels(column, k), for rows i < `rows` (and up to 7 beyond: buffers have 32). Not inlined, so that its tiles have all
// registers.
template <class V, int64_t kRowStride, int64_t kKStride>
[[gnu::noinline]] static void add_block_product(const float* a, int64_t rows, int64_t pairs, const float* panels,
                                                int64_t columns, float* out) {
  constexpr int64_t kPanel = kDotBlock * kLanes;
  const auto at = [&](int64_t row) { return Broadcast{a + row * kRowStride, kRowStride, kKStride}; };
  int64_t column = 0;
  if constexpr (!V::kTwoPass)
    for (; column + 2 * kLanes <= columns; column += 2 * kLanes)
      for (int64_t row = 0; row < rows; row += 4)
        add_block_tile<V, 4, 2>(at(row), pairs, panels + column / kLanes * kPanel, out + row * columns + column,
                                columns);
  for (; column < columns; column += kLanes) {
    constexpr int kRows = V::kTwoPass ? 4 : 8;
    for (int64_t row = 0; row < rows; row += kRows)
      add_block_tile<V, kRows, 1>(at(row), pairs, panels + column / kLanes * kPanel, out + row * columns + column,
                                  columns);
  }
}

// out[i][32 keys] = dot over `width` of rows (row-major, stride `stride`) and panels of 32 keys, for i < `rows` (and up
// to 3 beyond). On the diagonal keys 16 to 31 are left out where none of a tile's rows sees them.
template <class V, class E>
[[gnu::noinline]] static void row_product(const float* from, int64_t stride, int64_t width, int64_t rows, bool diagonal,
                                          const E* panels, float* out) {
  const int64_t panel_stride = round_up(width, kDotBlock) * kLanes, pairs = (width + 1) / 2;
  constexpr int kRows = 4;
  const auto tile = [&]<int NR>(int64_t row, int64_t panel) {
    V acc[kRows][NR];
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < NR; ++j) acc[i][j] = V::zero();
    dot_tile<V, E, kRows, NR>(pairs, {from + row * stride, stride, 1}, panels + panel * panel_stride, panel_stride,
                              acc);
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < NR; ++j) acc[i][j].store(out + (row + i) * kKeyBlock + (panel + j) * kLanes);
  };
  for (int64_t row = 0; row < rows; row += kRows) {
    const bool half = diagonal && row + kRows <= kLanes;
    if (half || V::kTwoPass) {
      tile.template operator()<1>(row, 0);
      if (!half) tile.template operator()<1>(row, 1);
    } else if constexpr (!V::kTwoPass) {
      tile.template operator()<2>(row, 0);
    }
  }
}

// Row-major [32][stride] as f32 panels with the columns of the rows and the 32 rows as contraction.
template <class V>
static inline void panels_of_rows(const float* rows, int64_t stride, int64_t columns, float* panels) {
  for (int64_t panel = 0; panel < columns / kLanes; ++panel)
    for (int64_t k = 0; k < kKeyBlock; ++k)
      V::load(rows + k * stride + panel * kLanes).store(panels + (panel * kKeyBlock + k) * kLanes);
}

// 16 columns by 16 k of a panel, turned: to[column][k], rows `stride` apart.
template <class V, class E>
[[gnu::always_inline]] static inline void turn(const E* pairs, float* to, int64_t stride) {
  V x[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < kLanes / 2; ++i) {
    x[2 * i] = V::even(pairs + i * 32);
    x[2 * i + 1] = V::odd(pairs + i * 32);
  }
  V::transpose(x);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) x[i].store(to + i * stride);
}

// What is made once per key block: K with the width as columns and the keys as contraction (for dQ), V with the keys as
// columns (for dP). Both as f32 panels, in which 16 columns of one k lie side by side.
template <class V, class E>
static inline void turn_keys(const E* block, int64_t d, int64_t columns, float* panels) {
  const int64_t pairs = round_up(d, kDotBlock) / 2;
  for (int64_t column = 0; column < columns; column += kLanes)
    for (int64_t key = 0; key < kKeyBlock; key += kLanes)
      turn<V>(block + ((key / kLanes) * pairs + column / 2) * 32, panels + (column * kKeyBlock / kLanes + key) * kLanes,
              kLanes);
}
template <class V, class E>
static inline void turn_values(const E* block, int64_t v, float* panels) {
  const int64_t width = round_up(v, kDotBlock), written = round_up(v, kLanes);
  for (int64_t key = 0; key < kKeyBlock; key += kLanes) {
    float* to = panels + key * width;
    for (int64_t i = 0; i < written; i += kLanes)
      turn<V>(block + (i / kLanes * kKeyBlock / 2 + key / 2) * 32, to + i * kLanes, kLanes);
  }
}

template <class V, class E>
static inline void load_rows(const float* from, int64_t stride, int64_t rows, int64_t width, int64_t padded,
                             float* to) {
  for (int64_t r = 0; r < kKeyBlock; ++r)
    for (int64_t i = 0; i < padded; i += kLanes) {
      V x = r < rows && i < width ? load<V>(from + r * stride + i, width - i) : V::zero();
      if constexpr (sizeof(E) == 2) x = V::round_to_bf16(x);
      x.store(to + r * padded + i);
    }
}

// P and dS of a tile of queries from `query` on and keys from `key` on, rounded; rows beyond the segment and keys that
// a row does not see are +0.
template <class V, class E>
static inline void tile_gradients(const AttentionBackwardParams& p, int64_t query, int64_t key, int64_t rows,
                                  const float* delta, const float* dp, float* probability, float* ds) {
  for (int64_t r = 0; r < kKeyBlock; ++r) {
    float *pr = probability + r * kKeyBlock, *sr = ds + r * kKeyBlock;
    for (int64_t half = 0; half < 2; ++half) {
      const int64_t end = query + r + 1 - key - half * kLanes;
      const SeenKeys seen{end - p.window, end};
      if (r >= rows || seen.end <= 0 || seen.begin >= kLanes) {
        V::zero().store(pr + half * kLanes);
        V::zero().store(sr + half * kLanes);
        continue;
      }
      const V s = V::load(pr + half * kLanes) * V::set1(p.scale);
      const V e = exp(s - V::set1(p.lse[(query + r) * p.lse_stride]));
      V g = e * (V::load(dp + r * kKeyBlock + half * kLanes) - V::set1(delta[r])) * V::set1(p.scale), q = e;
      if constexpr (sizeof(E) == 2) {
        q = V::round_to_bf16(q);
        g = V::round_to_bf16(g);
      }
      if (seen.end < kLanes) {
        const auto mask = V::first_lanes(seen.end);
        q = V::select(mask, q, V::zero());
        g = V::select(mask, g, V::zero());
      }
      if (seen.begin > 0) {
        const auto mask = V::first_lanes(seen.begin);
        q = V::select(mask, V::zero(), q);
        g = V::select(mask, V::zero(), g);
      }
      q.store(pr + half * kLanes);
      g.store(sr + half * kLanes);
    }
  }
}

template <class V, class E>
static inline void attention_backward_elements(const AttentionBackwardParams& p) {
  const int64_t blocks = (p.rows + kKeyBlock - 1) / kKeyBlock, d = round_up(p.d, kLanes), v = round_up(p.v, kLanes);
  const int64_t v_wide = round_up(p.v, kDotBlock);
  float* next = p.scratch;
  const auto take = [&](int64_t count) {
    float* from = next;
    next += count;
    return from;
  };
  float *turned_keys = take(blocks * kKeyBlock * d), *turned_values = take(blocks * kKeyBlock * v_wide);
  float *dk = take(blocks * kKeyBlock * d), *dv = take(blocks * kKeyBlock * v);
  float *q = take(kKeyBlock * d), *q_panels = take(kKeyBlock * d), *dout = take(kKeyBlock * v),
        *dout_panels = take(kKeyBlock * v);
  float *dq = take(kKeyBlock * d), *probability = take(kTile), *dp = take(kTile), *ds = take(kTile);
  for (int64_t b = 0; b < blocks; ++b) {
    turn_keys<V>(static_cast<const E*>(p.key_blocks[b]), p.d, d, turned_keys + b * kKeyBlock * d);
    turn_values<V>(static_cast<const E*>(p.value_blocks[b]), p.v, turned_values + b * kKeyBlock * v_wide);
  }
  __builtin_memset(dk, 0, static_cast<size_t>(blocks * kKeyBlock * d) * sizeof(float));
  __builtin_memset(dv, 0, static_cast<size_t>(blocks * kKeyBlock * v) * sizeof(float));
  for (int64_t r = 0; p.continue_kv && r < p.rows; ++r) {
    for (int64_t i = 0; i < p.d; i += kLanes) load<V>(p.dk + r * p.dk_stride + i, p.d - i).store(dk + r * d + i);
    for (int64_t i = 0; i < p.v; i += kLanes) load<V>(p.dv + r * p.dv_stride + i, p.v - i).store(dv + r * v + i);
  }

  for (int64_t qb = 0; qb < blocks; ++qb) {
    const int64_t query = qb * kKeyBlock, rows = p.rows - query < kKeyBlock ? p.rows - query : kKeyBlock;
    load_rows<V, E>(p.q + query * p.q_stride, p.q_stride, rows, p.d, d, q);
    load_rows<V, E>(p.dout + query * p.out_stride, p.out_stride, rows, p.v, v, dout);
    panels_of_rows<V>(q, d, d, q_panels);
    panels_of_rows<V>(dout, v, v, dout_panels);
    float delta[kKeyBlock] = {};
    row_dot<V>(
        {p.dout + query * p.out_stride, p.out + query * p.out_stride, delta, rows, p.v, p.out_stride, p.out_stride});
    __builtin_memset(dq, 0, static_cast<size_t>(kKeyBlock * d) * sizeof(float));
    const int64_t pairs = (rows + 1) / 2;  // of query rows: those beyond the segment are zeros in both operands
    const int64_t first_key = query + 1 - p.window;
    for (int64_t kb = first_key > 0 ? first_key / kKeyBlock : 0; kb <= qb; ++kb) {
      const bool diagonal = kb == qb;
      const int64_t keys = diagonal ? rows : kKeyBlock;
      row_product<V, E>(q, d, p.d, rows, diagonal, static_cast<const E*>(p.key_blocks[kb]), probability);
      row_product<V, float>(dout, v, p.v, rows, diagonal, turned_values + kb * kKeyBlock * v_wide, dp);
      tile_gradients<V, E>(p, query, kb * kKeyBlock, rows, delta, dp, probability, ds);
      add_block_product<V, 1, kKeyBlock>(probability, keys, pairs, dout_panels, v, dv + kb * kKeyBlock * v);
      add_block_product<V, 1, kKeyBlock>(ds, keys, pairs, q_panels, d, dk + kb * kKeyBlock * d);
      add_block_product<V, kKeyBlock, 1>(ds, rows, kKeyBlock / 2, turned_keys + kb * kKeyBlock * d, d, dq);
    }
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < p.d; i += kLanes)
        store(p.dq + (query + r) * p.dq_stride + i, p.d - i, V::load(dq + r * d + i));
  }
  for (int64_t r = 0; r < p.rows; ++r) {
    for (int64_t i = 0; i < p.d; i += kLanes) store(p.dk + r * p.dk_stride + i, p.d - i, V::load(dk + r * d + i));
    for (int64_t i = 0; i < p.v; i += kLanes) store(p.dv + r * p.dv_stride + i, p.v - i, V::load(dv + r * v + i));
  }
}

template <class V>
static inline void attention_backward(const AttentionBackwardParams& p) {
  if (p.element == Element::bf16)
    attention_backward_elements<V, uint16_t>(p);
  else
    attention_backward_elements<V, float>(p);
}

}  // namespace jamsu::kernels::cpu

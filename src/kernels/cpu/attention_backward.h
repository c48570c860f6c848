#pragma once
// Attention backward over the 16-lane type V: numerics.md section 4. Tiles of 32 queries by 32 keys; every product is
// the register tile of dot_tile.h on panels turned once per head.
#include "kernels/cpu/attention.h"

namespace jamsu::kernels::cpu {

inline constexpr int64_t kTile = kKeyBlock * kKeyBlock;

// Elements of the panels made here: f32, where A's values are.
template <class V, class E>
using Turned = std::conditional_t<kWords<V, E>, E, float>;

template <class V, class P, int MR, int NR>
[[gnu::always_inline]] static inline void add_block_tile(const Broadcast<AValue<V, P>> a, int64_t pairs,
                                                         const P* panels, float* out, int64_t out_stride) {
  V sum[MR][NR];
  block_sums<V, P, MR, NR>(0, pairs, a, panels, kDotBlock * kLanes, sum);
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) {
      float* to = out + i * out_stride + j * kLanes;
      (V::load(to) + sum[i][j]).store(to);
    }
}

// out[i][columns] += dot over the first `pairs` of a block of 32 of A, whose value t of row i is a[i * kRowStride + t *
// kKStride], and panels(column, k), for rows i < `rows` (and up to 7 beyond: buffers have 32).
// Not inlined, so that its tiles have all registers.
template <class V, class P, int64_t kRowStride, int64_t kKStride>
[[gnu::noinline]] static void add_block_product(const AValue<V, P>* a, int64_t rows, int64_t pairs, const P* panels,
                                                int64_t columns, float* out) {
  constexpr int64_t kPanel = kDotBlock * kLanes;
  const auto at = [&](int64_t row) { return Broadcast<AValue<V, P>>{a + row * kRowStride, kRowStride, kKStride}; };
  int64_t column = 0;
  if constexpr (!V::kTwoPass)
    for (; column + 2 * kLanes <= columns; column += 2 * kLanes)
      for (int64_t row = 0; row < rows; row += 4)
        add_block_tile<V, P, 4, 2>(at(row), pairs, panels + column / kLanes * kPanel, out + row * columns + column,
                                   columns);
  for (; column < columns; column += kLanes) {
    constexpr int kRows = V::kTwoPass ? 4 : 8;
    for (int64_t row = 0; row < rows; row += kRows)
      add_block_tile<V, P, kRows, 1>(at(row), pairs, panels + column / kLanes * kPanel, out + row * columns + column,
                                     columns);
  }
}

// out[i][32 keys] = dot over `width` of rows (row-major, stride `stride`) and panels of 32 keys, for i < `rows` (and up
// to 3 beyond). On the diagonal keys 16 to 31 are left out where none of a tile's rows sees them.
template <class V, class E>
[[gnu::noinline]] static void row_product(const AValue<V, E>* from, int64_t stride, int64_t width, int64_t rows,
                                          bool diagonal, const E* panels, float* out) {
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

// Row-major [32][stride] as panels with the columns of the rows and the 32 rows as contraction.
template <class V, class P>
static inline void panels_of_rows(const float* rows, int64_t stride, int64_t columns, P* panels) {
  for (int64_t panel = 0; panel < columns / kLanes; ++panel)
    for (int64_t k = 0; k < kKeyBlock; k += 2) {
      const float* from = rows + k * stride + panel * kLanes;
      V::store_pair(panels + (panel * kKeyBlock + k) * kLanes, V::load(from), V::load(from + stride));
    }
}

// 16 columns by 16 k of a panel, turned: its columns become the k of another.
template <class V, class E, class P>
[[gnu::always_inline]] static inline void turn(const E* pairs, P* to) {
  V x[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < kLanes / 2; ++i) {
    x[2 * i] = V::even(pairs + i * 32);
    x[2 * i + 1] = V::odd(pairs + i * 32);
  }
  V::transpose(x);
#pragma GCC unroll 8
  for (int i = 0; i < kLanes; i += 2) V::store_pair(to + i * kLanes, x[i], x[i + 1]);
}

// What is made once per key block:
// K with the width as columns and the keys as contraction (for dQ), V with the keys as columns (for dP).
template <class V, class E, class P>
static inline void turn_keys(const E* block, int64_t d, int64_t columns, P* panels) {
  const int64_t pairs = round_up(d, kDotBlock) / 2;
  for (int64_t column = 0; column < columns; column += kLanes)
    for (int64_t key = 0; key < kKeyBlock; key += kLanes)
      turn<V>(block + ((key / kLanes) * pairs + column / 2) * 32,
              panels + (column * kKeyBlock / kLanes + key) * kLanes);
}
template <class V, class E, class P>
static inline void turn_values(const E* block, int64_t v, P* panels) {
  const int64_t width = round_up(v, kDotBlock), written = round_up(v, kLanes);
  for (int64_t key = 0; key < kKeyBlock; key += kLanes) {
    P* to = panels + key * width;
    for (int64_t i = 0; i < written; i += kLanes)
      turn<V>(block + (i / kLanes * kKeyBlock / 2 + key / 2) * 32, to + i * kLanes);
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

// A tile's P or dS, row r = query r, as A of products: by keys (contraction over the queries; value t of key i at
// [t * 32 + i]) and by queries (value t of query i at [i * kRowOfKeys + t]). Elements serve as they lie.
template <class V, class E>
struct TileOperands {
  const AValue<V, E>*by_key, *by_query;
  alignas(64) uint32_t words[2][kWords<V, E> ? kTile / 2 : 1];
};
template <class V, class E>
static inline void make_operands(const float* tile, TileOperands<V, E>& t) {
  if constexpr (kWords<V, E>) {
    for (int64_t r = 0; r < kKeyBlock; r += 4)
      for (int64_t half = 0; half < kKeyBlock; half += kLanes) {
        const auto row = [&](int64_t i) { return V::load(tile + (r + i) * kKeyBlock + half); };
        V even, odd;
        V::column_words(row(0), row(1), row(2), row(3), even, odd);
        V::store_words(t.words[0] + r / 2 * kKeyBlock + half, even);
        V::store_words(t.words[0] + (r / 2 + 1) * kKeyBlock + half, odd);
      }
    for (int64_t r = 0; r < kKeyBlock; ++r)
      store_rounded<V, E>(tile + r * kKeyBlock, kKeyBlock, t.words[1] + r * kRowOfKeys<V, E>);
    t.by_key = t.words[0];
    t.by_query = t.words[1];
  } else {
    t.by_key = t.by_query = tile;
  }
}

// dK and dV of all keys, rows of d and v: from +0, or what the earlier query heads of the group left; and back.
template <class V>
static inline void begin_keys(const AttentionBackwardParams& p, int64_t rows, int64_t d, int64_t v, float* dk,
                              float* dv) {
  __builtin_memset(dk, 0, static_cast<size_t>(rows * d) * sizeof(float));
  __builtin_memset(dv, 0, static_cast<size_t>(rows * v) * sizeof(float));
  for (int64_t r = 0; p.continue_kv && r < p.rows; ++r) {
    for (int64_t i = 0; i < p.d; i += kLanes) load<V>(p.dk + r * p.dk_stride + i, p.d - i).store(dk + r * d + i);
    for (int64_t i = 0; i < p.v; i += kLanes) load<V>(p.dv + r * p.dv_stride + i, p.v - i).store(dv + r * v + i);
  }
}
template <class V>
static inline void end_keys(const AttentionBackwardParams& p, int64_t d, int64_t v, const float* dk, const float* dv) {
  for (int64_t r = 0; r < p.rows; ++r) {
    for (int64_t i = 0; i < p.d; i += kLanes) store(p.dk + r * p.dk_stride + i, p.d - i, V::load(dk + r * d + i));
    for (int64_t i = 0; i < p.v; i += kLanes) store(p.dv + r * p.dv_stride + i, p.v - i, V::load(dv + r * v + i));
  }
}

template <class V, class E>
static inline void attention_backward_elements(const AttentionBackwardParams& p) {
  using A = AValue<V, E>;
  using P = Turned<V, E>;
  const int64_t blocks = (p.rows + kKeyBlock - 1) / kKeyBlock, d = round_up(p.d, kLanes), v = round_up(p.v, kLanes);
  const int64_t d_wide = round_up(p.d, kDotBlock), v_wide = round_up(p.v, kDotBlock);
  auto* next = reinterpret_cast<std::byte*>(p.scratch);
  const auto take = [&]<class T>(int64_t count, T*& to) {
    to = reinterpret_cast<T*>(next);
    next += round_up(count * static_cast<int64_t>(sizeof(T)), 64);
  };
  P *turned_keys, *turned_values, *q_panels, *dout_panels;
  float *dk, *dv, *q, *dout, *dq, *probability, *dp, *ds;
  take(blocks * kKeyBlock * d, turned_keys);
  take(blocks * kKeyBlock * v_wide, turned_values);
  take(blocks * kKeyBlock * d, dk);
  take(blocks * kKeyBlock * v, dv);
  take(kKeyBlock * d, q);
  take(kKeyBlock * d, q_panels);
  take(kKeyBlock * v, dout);
  take(kKeyBlock * v, dout_panels);
  take(kKeyBlock * d, dq);
  take(kTile, probability);
  take(kTile, dp);
  take(kTile, ds);
  // Rows of q and dout as A: their words, or they themselves.
  const int64_t q_stride = kWords<V, E> ? d_wide / 2 : d, dout_stride = kWords<V, E> ? v_wide / 2 : v;
  A *q_rows, *dout_rows;
  if constexpr (kWords<V, E>) {
    take(kKeyBlock * q_stride, q_rows);
    take(kKeyBlock * dout_stride, dout_rows);
  } else {
    q_rows = q;
    dout_rows = dout;
  }
  TileOperands<V, E> p_tile, ds_tile;
  for (int64_t b = 0; b < blocks; ++b) {
    turn_keys<V>(static_cast<const E*>(p.key_blocks[b]), p.d, d, turned_keys + b * kKeyBlock * d);
    turn_values<V>(static_cast<const E*>(p.value_blocks[b]), p.v, turned_values + b * kKeyBlock * v_wide);
  }
  begin_keys<V>(p, blocks * kKeyBlock, d, v, dk, dv);

  for (int64_t qb = 0; qb < blocks; ++qb) {
    const int64_t query = qb * kKeyBlock, rows = p.rows - query < kKeyBlock ? p.rows - query : kKeyBlock;
    load_rows<V, E>(p.q + query * p.q_stride, p.q_stride, rows, p.d, d, q);
    load_rows<V, E>(p.dout + query * p.out_stride, p.out_stride, rows, p.v, v, dout);
    panels_of_rows<V>(q, d, d, q_panels);
    panels_of_rows<V>(dout, v, v, dout_panels);
    if constexpr (kWords<V, E>)
      for (int64_t r = 0; r < kKeyBlock; ++r) {
        store_rounded<V, E>(q + r * d, d, q_rows + r * q_stride);
        store_rounded<V, E>(dout + r * v, v, dout_rows + r * dout_stride);
      }
    float delta[kKeyBlock] = {};
    row_dot<V>(
        {p.dout + query * p.out_stride, p.out + query * p.out_stride, delta, rows, p.v, p.out_stride, p.out_stride});
    __builtin_memset(dq, 0, static_cast<size_t>(kKeyBlock * d) * sizeof(float));
    const int64_t pairs = (rows + 1) / 2;  // of query rows: those beyond the segment are zeros in both operands
    const int64_t first_key = query + 1 - p.window;
    for (int64_t kb = first_key > 0 ? first_key / kKeyBlock : 0; kb <= qb; ++kb) {
      const bool diagonal = kb == qb;
      const int64_t keys = diagonal ? rows : kKeyBlock;
      row_product<V, E>(q_rows, q_stride, p.d, rows, diagonal, static_cast<const E*>(p.key_blocks[kb]), probability);
      row_product<V, P>(dout_rows, dout_stride, p.v, rows, diagonal, turned_values + kb * kKeyBlock * v_wide, dp);
      tile_gradients<V, E>(p, query, kb * kKeyBlock, rows, delta, dp, probability, ds);
      make_operands<V, E>(probability, p_tile);
      make_operands<V, E>(ds, ds_tile);
      constexpr int64_t kRow = kRowOfKeys<V, E>;
      add_block_product<V, P, 1, kKeyBlock>(p_tile.by_key, keys, pairs, dout_panels, v, dv + kb * kKeyBlock * v);
      add_block_product<V, P, 1, kKeyBlock>(ds_tile.by_key, keys, pairs, q_panels, d, dk + kb * kKeyBlock * d);
      add_block_product<V, P, kRow, 1>(ds_tile.by_query, rows, kKeyBlock / 2, turned_keys + kb * kKeyBlock * d, d, dq);
    }
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < p.d; i += kLanes)
        store(p.dq + (query + r) * p.dq_stride + i, p.d - i, V::load(dq + r * d + i));
  }
  end_keys<V>(p, d, v, dk, dv);
}

template <class V>
static inline void attention_backward(const AttentionBackwardParams& p) {
  if (p.element == Element::bf16)
    attention_backward_elements<V, uint16_t>(p);
  else
    attention_backward_elements<V, float>(p);
}

}  // namespace jamsu::kernels::cpu

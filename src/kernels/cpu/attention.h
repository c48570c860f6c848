#pragma once
// Attention forward over the 16-lane type V: numerics.md section 4. Tiles of 4 query rows (or 1) against blocks of 32
// keys; lanes are keys in the scores and value columns in the output, so both blocks are B operands as they lie. What a
// row carries (m, l, alpha) lies in its quarter of one vector, so that one exp serves the alphas of four rows.
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/rows.h"

namespace jamsu::kernels::cpu {

inline constexpr int kQueryRows = 4;
// Between rows of the query tile: a constant, so that a row is an offset; 16 more than a page's worth, so that rows do
// not share a cache set.
inline constexpr int64_t kQueryStride = kMaxHeadWidth + kLanes;

// m, l and O of each row of a tile, within a chunk and merged.
struct TileState {
  alignas(64) float m[kLanes];  // row r in lanes 4 r to 4 r + 3
  alignas(64) float l[kLanes];
  alignas(64) float o[kQueryRows][kMaxHeadWidth];
};

template <class A>
struct AttentionScratch {
  TileState total, part;
  alignas(64) A q[kQueryRows * kQueryStride];  // rounded rows, or their words
};

// Free and static, here and below: members would be inline functions with external linkage (tools/check_isa_symbols).
template <class V, int MR>
static inline void clear(TileState& t, int64_t v_padded) {
  V::set1(-__builtin_inff()).store(t.m);
  V::zero().store(t.l);
  for (int r = 0; r < MR; ++r)
    for (int64_t i = 0; i < v_padded; i += kLanes) V::zero().store(t.o[r] + i);
}

// The row as `clear` leaves it.
template <class V>
static inline void clear_row(TileState& t, int row, int64_t v_padded) {
  for (int lane = 4 * row; lane < 4 * row + 4; ++lane) {
    t.m[lane] = -__builtin_inff();
    t.l[lane] = 0;
  }
  for (int64_t i = 0; i < v_padded; i += kLanes) V::zero().store(t.o[row] + i);
}

// m with NaN in the quarters of rows that have one among their scores.
template <class V, int MR>
[[gnu::noinline]] static V with_nan_rows(V m, const V (&s)[MR][2]) {
  float lanes[kLanes];
  m.store(lanes);
  for (int r = 0; r < MR; ++r)
    for (int l = 0; V::any_nan(s[r][0], s[r][1]) && l < 4; ++l) lanes[(4 * r + l) % kLanes] = __builtin_nanf("");
  return MR == 1 ? V::set1(lanes[0]) : V::load(lanes);
}

// A row as A of a product: rounded elements, or their words; to whole registers.
template <class V, class E>
[[gnu::always_inline]] static inline void store_rounded(const float* from, int64_t width, AValue<V, E>* to) {
  if constexpr (kWords<V, E>) {
    for (int64_t i = 0; i < width; i += kDotBlock) V::store_words(to + i / 2, rounded_words<V>(from + i, width - i));
  } else {
    for (int64_t i = 0; i < width; i += kLanes) {
      const V x = load<V>(from + i, width - i);
      (sizeof(E) == 2 ? V::round_to_bf16(x) : x).store(to + i);
    }
  }
}

// S = q K^T * scale for MR rows and the first NP panels of 16 keys.
template <class V, class E, int MR, int NP>
[[gnu::always_inline]] static inline void scores(const AValue<V, E>* q, const E* keys, int64_t d, float scale,
                                                 V (&s)[MR][2]) {
  const int64_t panel_stride = round_up(d, kDotBlock) * kLanes, pairs = (d + 1) / 2;
  constexpr int kTogether = V::kTwoPass ? 1 : NP;  // one panel at a time where there are sixteen registers
#pragma GCC unroll 2
  for (int j = 0; j < NP; j += kTogether) {
    V acc[MR][kTogether];
    for (int r = 0; r < MR; ++r)
      for (int i = 0; i < kTogether; ++i) acc[r][i] = V::zero();
    dot_tile<V, E, MR, kTogether>(pairs, {q, kQueryStride, 1}, keys + j * panel_stride, panel_stride, acc);
    for (int r = 0; r < MR; ++r)
      for (int i = 0; i < kTogether; ++i) s[r][j + i] = acc[r][i] * V::set1(scale);
  }
}

// Values of A in a row of 32 keys.
template <class V, class E>
inline constexpr int64_t kRowOfKeys = kWords<V, E> ? kKeyBlock / 2 : kKeyBlock;

// O = dot(p, v_block, acc = O * alpha), NR panels of value columns.
template <class V, class E, int MR, int NR>
[[gnu::always_inline]] static inline void add_values(const AValue<V, E>* probability, V alpha, const E* values,
                                                     int64_t panel, TileState& t) {
  constexpr int64_t kPanel = kKeyBlock * kLanes;
  V sum[MR][NR];
  block_sums<V, E, MR, NR>(0, kKeyBlock / 2, {probability, kRowOfKeys<V, E>, 1}, values + panel * kPanel, kPanel, sum);
#pragma GCC unroll 4
  for (int r = 0; r < MR; ++r) {
    const V a = V::quarter(alpha, r);
#pragma GCC unroll 4
    for (int j = 0; j < NR; ++j) {
      float* o = t.o[r] + (panel + j) * kLanes;
      (V::load(o) * a + sum[r][j]).store(o);
    }
  }
}

// Of a block's 32 keys those that row 0 of a tile sees: [begin, end), both maybe beyond the block.
// Row r's are r further on.
struct SeenKeys {
  int64_t begin, end;
};

// The first n lanes, n of any size.
template <class V>
[[gnu::always_inline]] static inline typename V::Mask lanes_below(int64_t n) {
  return V::first_lanes(n < 0 ? 0 : n < kLanes ? n : kLanes);
}

// Row r of a tile: `otherwise` in place of keys before its window, or behind its own.
template <class V>
[[gnu::always_inline]] static inline void mask_early(SeenKeys seen, int r, V otherwise, V& low, V& high) {
  low = V::select(lanes_below<V>(seen.begin + r), otherwise, low);
  high = V::select(lanes_below<V>(seen.begin + r - kLanes), otherwise, high);
}
template <class V>
[[gnu::always_inline]] static inline void mask_late(SeenKeys seen, int r, V otherwise, V& low, V& high) {
  const int64_t end = seen.end + r;
  low = V::select(V::first_lanes(end), low, otherwise);
  high = V::select(V::first_lanes(end > kLanes ? end - kLanes : 0), high, otherwise);
}

// One block of keys for MR rows, kEarly if some lie before a row's window. Row 0 sees one of them at least; a later row
// that does not has seen none before.
template <class V, class E, int MR, bool kEarly>
[[gnu::noinline]] static void attend_block(const AttentionParams& p, const AValue<V, E>* q, int64_t block,
                                           SeenKeys seen, TileState& t) {
  V s[MR][2];
  const E* keys = static_cast<const E*>(p.key_blocks[block]);
  const V none = V::set1(-__builtin_inff());
  const bool whole = seen.end >= kKeyBlock;
  if (seen.end + MR - 1 <= kLanes) {
    scores<V, E, MR, 1>(q, keys, p.d, p.scale, s);
    for (int r = 0; r < MR; ++r) s[r][1] = none;
  } else {
    scores<V, E, MR, 2>(q, keys, p.d, p.scale, s);
  }
  if (!whole)
    for (int r = 0; r < MR; ++r) mask_late(seen, r, none, s[r][0], s[r][1]);
  if constexpr (kEarly)
    for (int r = 0; r < MR; ++r) mask_early(seen, r, none, s[r][0], s[r][1]);
  V top[4], sum[4];
  bool nan = false;
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    top[r] = V::max(s[r % MR][0], s[r % MR][1]);
    if (r < MR) nan |= V::any_nan(s[r][0], s[r][1]);
  }
  const V old = V::load(t.m);
  V m = V::max(V::quarters_max(top), old);  // old where old is NaN
  if (nan) [[unlikely]]
    m = with_nan_rows<V, MR>(m, s);
  const V alpha = exp(old - m);
  alignas(64) AValue<V, E> probability[MR * kRowOfKeys<V, E>];
#pragma GCC unroll 4
  for (int r = 0; r < MR; ++r) {
    const V row_m = V::quarter(m, r);
    V p0 = exp(s[r][0] - row_m), p1 = exp(s[r][1] - row_m);
    if (!whole) mask_late(seen, r, V::zero(), p0, p1);  // +0, also where m is NaN
    if constexpr (kEarly) mask_early(seen, r, V::zero(), p0, p1);
    if constexpr (kWords<V, E>) {
      const V pairs = V::pairs_rounded(p0, p1);
      V::store_words(probability + r * kRowOfKeys<V, E>, V::row_words(pairs));
      p0 = V::first_half(pairs);
      p1 = V::second_half(pairs);
    } else {
      if constexpr (sizeof(E) == 2) {
        p0 = V::round_to_bf16(p0);
        p1 = V::round_to_bf16(p1);
      }
      p0.store(probability + r * kKeyBlock);
      p1.store(probability + r * kKeyBlock + kLanes);
    }
    sum[r] = p0 + p1;
  }
  for (int r = MR; r < 4; ++r) sum[r] = sum[0];
  V::fma(V::load(t.l), alpha, V::quarters_sum(sum)).store(t.l);
  m.store(t.m);
  const E* values = static_cast<const E*>(p.value_blocks[block]);
  const int64_t panels = (p.v + kLanes - 1) / kLanes;
  int64_t panel = 0;
  if constexpr (!V::kTwoPass)
    for (; panel + 2 <= panels; panel += 2) add_values<V, E, MR, 2>(probability, alpha, values, panel, t);
  for (; panel < panels; ++panel) add_values<V, E, MR, 1>(probability, alpha, values, panel, t);
  for (int r = 0; kEarly && r < MR; ++r)
    if (seen.begin + r >= kKeyBlock) clear_row<V>(t, r, panels * kLanes);
}

// total = total and part, by the rule for chunks.
template <class V, int MR>
static inline void merge_chunk(TileState& total, const TileState& part, int64_t v_padded) {
  const V m1 = V::load(total.m), m2 = V::load(part.m);
  V m = V::max(m1, m2);  // m2 where either is NaN: wrong only where m1 is
  if (V::any_nan(m1, m1)) [[unlikely]] {
    float a[kLanes], b[kLanes];
    m1.store(a);
    m.store(b);
    for (int l = 0; l < kLanes; ++l) b[l] = a[l] != a[l] ? a[l] : b[l];
    m = V::load(b);
  }
  const V a = exp(m1 - m), b = exp(m2 - m);
  V::fma(V::load(total.l), a, V::load(part.l) * b).store(total.l);
  m.store(total.m);
  for (int r = 0; r < MR; ++r) {
    const V row_a = V::quarter(a, r), row_b = V::quarter(b, r);
    for (int64_t i = 0; i < v_padded; i += kLanes)
      V::fma(V::load(total.o[r] + i), row_a, V::load(part.o[r] + i) * row_b).store(total.o[r] + i);
  }
}

// Rows [row, row + MR), which lie in one block of 32 positions: they see the same blocks, but for the first of their
// windows, and each in part only the first and the last. A chunk of which a row sees nothing leaves it cleared, and
// merging with a cleared row changes nothing.
template <class V, class E, int MR>
static inline void attend_rows(const AttentionParams& p, int64_t row, AttentionScratch<AValue<V, E>>& scratch) {
  const int64_t v_padded = round_up(p.v, kLanes);
  for (int r = 0; r < MR; ++r) store_rounded<V, E>(p.q + (row + r) * p.q_stride, p.d, scratch.q + r * kQueryStride);
  const int64_t end_key = p.first_position + row + 1, blocks = (end_key - 1) / kKeyBlock + 1;
  const int64_t first_key = end_key - p.window, first_block = first_key > 0 ? first_key / kKeyBlock : 0;
  constexpr int64_t chunk_blocks = kKeyChunk / kKeyBlock;
  const int64_t first_chunk = first_block / chunk_blocks * chunk_blocks;
  TileState& total = scratch.total;
  for (int64_t chunk = first_chunk; chunk < blocks; chunk += chunk_blocks) {
    TileState& t = chunk == first_chunk ? total : scratch.part;
    clear<V, MR>(t, v_padded);
    const int64_t end = chunk + chunk_blocks < blocks ? chunk + chunk_blocks : blocks;
    for (int64_t block = chunk < first_block ? first_block : chunk; block < end; ++block) {
      const SeenKeys seen{first_key - block * kKeyBlock, end_key - block * kKeyBlock};
      if (seen.begin + MR - 1 > 0) [[unlikely]]
        attend_block<V, E, MR, true>(p, scratch.q, block, seen, t);
      else
        attend_block<V, E, MR, false>(p, scratch.q, block, seen, t);
    }
    if (chunk != first_chunk) merge_chunk<V, MR>(total, t, v_padded);
  }
  const V l = V::load(total.l);
  if (p.lse) {
    alignas(64) float lse[kLanes];
    (V::load(total.m) + log(l)).store(lse);
    for (int r = 0; r < MR; ++r) p.lse[(row + r) * p.lse_stride] = lse[4 * r];
  }
  for (int r = 0; r < MR; ++r) {
    float* out = p.out + (row + r) * p.out_stride;
    const V row_l = V::quarter(l, r);
    for (int64_t i = 0; i < p.v; i += kLanes) store(out + i, p.v - i, V::div(V::load(total.o[r] + i), row_l));
  }
}

template <class V, class E>
static inline void attention_elements(const AttentionParams& p) {
  AttentionScratch<AValue<V, E>> scratch;
  for (int64_t row = 0; row < p.rows;) {
    const bool tile = (p.first_position + row) % kQueryRows == 0 && p.rows - row >= kQueryRows;
    if (tile)
      attend_rows<V, E, kQueryRows>(p, row, scratch);
    else
      attend_rows<V, E, 1>(p, row, scratch);
    row += tile ? kQueryRows : 1;
  }
}

template <class V>
static inline void attention(const AttentionParams& p) {
  if (p.element == Element::bf16)
    attention_elements<V, uint16_t>(p);
  else
    attention_elements<V, float>(p);
}

}  // namespace jamsu::kernels::cpu

// Attention forward with tiles: 16 query rows against blocks of 32 keys, both blocks second operands as they lie. What
// a row carries (m, l, alpha) is its lane of a vector. Single rows, windows that begin behind the first key, f32, and
// rows that meet NaN or minus infinity take the AVX-512 kernel's way, which has the same bits.
#include "kernels/cpu/attention.h"

#include "kernels/cpu/amx/tiles.h"
#include "kernels/cpu/avx512bf16/vec.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

constexpr int64_t kRows = kTileRows, kTile = kRows * kLanes;  // floats of a tile of results

struct State {
  Avx512Bf16 m, l;                                     // by row
  alignas(64) float o[kMaxHeadWidth / kLanes][kTile];  // a tile for each 16 value columns
};
struct Rows16 {
  alignas(64) uint16_t q[round_up(kMaxHeadWidth, kDotBlock) / kDotBlock][kTileElements];
  alignas(64) float s[2][kTile];
  alignas(64) uint16_t p[kTileElements];
  State total, part;
};

// Sums or maxima along rows: x[r] lane l becomes lane r, by the tree 8, 4, 2, 1 over l.
template <class Op>
[[gnu::always_inline]] inline Avx512Bf16 along_rows(Avx512Bf16 (&x)[kRows], Op op) {
  Avx512Bf16::transpose(x);
#pragma GCC unroll 4
  for (int64_t half = kRows / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int64_t i = 0; i < half; ++i) x[i] = op(x[i], x[i + half]);
  return x[0];
}

void load_queries(const AttentionParams& p, int64_t row, int64_t rows, Rows16& t) {
  for (int64_t k = 0; k < p.d; k += kDotBlock)
    for (int64_t r = 0; r < kRows; ++r) {
      const float* q = p.q + (row + r) * p.q_stride + k;
      const int64_t n = r < rows ? p.d - k : 0;
      Avx512Bf16::pairs_rounded(n > 0 ? cpu::load<Avx512Bf16>(q, n) : Avx512Bf16::zero(),
                                n > kLanes ? cpu::load<Avx512Bf16>(q + kLanes, n - kLanes) : Avx512Bf16::zero())
          .store_pairs(t.q[k / kDotBlock] + r * kDotBlock);
    }
  published();
}

// S = q K^T, 32 keys.
void scores(const AttentionParams& p, const uint16_t* keys, Rows16& t) {
  const int64_t steps = (p.d + kDotBlock - 1) / kDotBlock;
  const uint16_t* second = keys + steps * kTileElements;
  _tile_zero(0);
  _tile_zero(1);
  for (int64_t k = 0; k < steps; ++k) {
    _tile_loadd(4, t.q[k], 64);
    _tile_loadd(5, keys + k * kTileElements, 64);
    _tile_loadd(6, second + k * kTileElements, 64);
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 6);
  }
  _tile_stored(0, t.s[0], 64);
  _tile_stored(1, t.s[1], 64);
}

// O = O alpha + P V: alpha[r] by row, O from +0 if `first`.
void add_values(const AttentionParams& p, const uint16_t* values, bool first, Avx512Bf16 alpha, Rows16& t,
                State& state) {
  const int64_t panels = (p.v + kLanes - 1) / kLanes;
  alignas(64) float factor[kRows];
  alpha.store(factor);
  const bool scales = !first && _mm512_cmp_ps_mask(alpha.v, _mm512_set1_ps(1.0f), _CMP_NEQ_UQ) != 0;
  published();
  _tile_loadd(4, t.p, 64);
  for (int64_t j = 0; j < panels; ++j) {
    float* o = state.o[j];
    if (scales) {
#pragma GCC unroll 16
      for (int64_t r = 0; r < kRows; ++r)
        (Avx512Bf16::load(o + r * kLanes) * Avx512Bf16::set1(factor[r])).store(o + r * kLanes);
      published();
    }
    if (first)
      _tile_zero(0);
    else
      _tile_loadd(0, o, 64);
    _tile_loadd(5, values + j * kTileElements, 64);
    _tile_dpbf16ps(0, 4, 5);
    _tile_stored(0, o, 64);
  }
}

// One block for 16 rows; of row r keys below `end` + r are visible. False where a row's maximum is NaN or -infinity.
bool attend(const AttentionParams& p, int64_t block, int64_t end, bool first, Rows16& t, State& state) {
  scores(p, static_cast<const uint16_t*>(p.key_blocks[block]), t);
  const Avx512Bf16 none = Avx512Bf16::set1(-__builtin_inff()), scale = Avx512Bf16::set1(p.scale);
  const bool whole = end >= kKeyBlock;
  Avx512Bf16 x[kRows];
  bool nan = false;
#pragma GCC unroll 16
  for (int64_t r = 0; r < kRows; ++r) {
    Avx512Bf16 low = Avx512Bf16::load(t.s[0] + r * kLanes) * scale,
               high = Avx512Bf16::load(t.s[1] + r * kLanes) * scale;
    if (!whole) {
      low = Avx512Bf16::select(cpu::lanes_below<Avx512Bf16>(end + r), low, none);
      high = Avx512Bf16::select(cpu::lanes_below<Avx512Bf16>(end + r - kLanes), high, none);
    }
    nan |= Avx512Bf16::any_nan(low, high);
    low.store(t.s[0] + r * kLanes);
    high.store(t.s[1] + r * kLanes);
    x[r] = Avx512Bf16::max(low, high);
  }
  const Avx512Bf16 top = along_rows(x, [](Avx512Bf16 a, Avx512Bf16 b) { return Avx512Bf16::max(a, b); });
  const Avx512Bf16 m = first ? top : Avx512Bf16::max(top, state.m);
  if (nan || _mm512_cmp_ps_mask(m.v, none.v, _CMP_GT_OQ) != 0xFFFF) return false;
  const Avx512Bf16 alpha = first ? Avx512Bf16::zero() : cpu::exp(state.m - m);
  alignas(64) float row_m[kRows];
  m.store(row_m);
#pragma GCC unroll 2
  for (int64_t r = 0; r < kRows; ++r) {
    const Avx512Bf16 mr = Avx512Bf16::set1(row_m[r]);
    Avx512Bf16 low = cpu::exp(Avx512Bf16::load(t.s[0] + r * kLanes) - mr),
               high = cpu::exp(Avx512Bf16::load(t.s[1] + r * kLanes) - mr);
    const Avx512Bf16 pairs = Avx512Bf16::pairs_rounded(low, high);  // exp(-inf) is +0: keys not visible
    pairs.store_pairs(t.p + r * kDotBlock);
    x[r] = Avx512Bf16::first_half(pairs) + Avx512Bf16::second_half(pairs);
  }
  const Avx512Bf16 sum = along_rows(x, [](Avx512Bf16 a, Avx512Bf16 b) { return a + b; });
  state.l = first ? Avx512Bf16::fma(Avx512Bf16::zero(), alpha, sum) : Avx512Bf16::fma(state.l, alpha, sum);
  state.m = m;
  add_values(p, static_cast<const uint16_t*>(p.value_blocks[block]), first, alpha, t, state);
  return true;
}

// total = total and part, by the rule for chunks.
void merge(const AttentionParams& p, State& total, const State& part) {
  const Avx512Bf16 m = Avx512Bf16::max(total.m, part.m), a = cpu::exp(total.m - m), b = cpu::exp(part.m - m);
  alignas(64) float row_a[kRows], row_b[kRows];
  a.store(row_a);
  b.store(row_b);
  total.l = Avx512Bf16::fma(total.l, a, part.l * b);
  total.m = m;
  for (int64_t j = 0; j * kLanes < p.v; ++j)
    for (int64_t r = 0; r < kRows; ++r) {
      float* o = total.o[j] + r * kLanes;
      Avx512Bf16::fma(Avx512Bf16::load(o), Avx512Bf16::set1(row_a[r]),
                      Avx512Bf16::load(part.o[j] + r * kLanes) * Avx512Bf16::set1(row_b[r]))
          .store(o);
    }
}

// Rows [row, row + rows), up to 16, which lie in one block of 32 positions. False: nothing was written.
bool attend_rows(const AttentionParams& p, int64_t row, int64_t rows, Rows16& t) {
  load_queries(p, row, rows, t);
  const int64_t end_key = p.first_position + row + 1, blocks = (end_key - 1) / kKeyBlock + 1;
  constexpr int64_t kChunkBlocks = kKeyChunk / kKeyBlock;
  for (int64_t chunk = 0; chunk < blocks; chunk += kChunkBlocks) {
    State& state = chunk == 0 ? t.total : t.part;
    const int64_t end = chunk + kChunkBlocks < blocks ? chunk + kChunkBlocks : blocks;
    for (int64_t block = chunk; block < end; ++block)
      if (!attend(p, block, end_key - block * kKeyBlock, block == chunk, t, state)) return false;
    if (chunk != 0) merge(p, t.total, t.part);
  }
  alignas(64) float l[kRows], lse[kRows];
  t.total.l.store(l);
  if (p.lse) {
    (t.total.m + cpu::log(t.total.l)).store(lse);
    for (int64_t r = 0; r < rows; ++r) p.lse[(row + r) * p.lse_stride] = lse[r];
  }
  for (int64_t r = 0; r < rows; ++r) {
    float* out = p.out + (row + r) * p.out_stride;
    const Avx512Bf16 divisor = Avx512Bf16::set1(l[r]);
    for (int64_t i = 0; i < p.v; i += kLanes)
      cpu::store(out + i, p.v - i, Avx512Bf16::div(Avx512Bf16::load(t.total.o[i / kLanes] + r * kLanes), divisor));
  }
  return true;
}

void attention(const AttentionParams& p) {
  if (p.element != Element::bf16) return cpu::attention<Avx512Bf16>(p);
  Rows16 t;
  configure();
  for (int64_t row = 0; row < p.rows;) {
    const int64_t position = p.first_position + row, to_next = kRows - position % kRows;
    const int64_t rows = to_next < p.rows - row ? to_next : p.rows - row;
    const bool sees_all = position + rows <= p.window;
    if (rows < cpu::kQueryRows || !sees_all || !attend_rows(p, row, rows, t)) {
      AttentionParams rest = p;
      rest.q += row * p.q_stride;
      rest.out += row * p.out_stride;
      if (rest.lse) rest.lse += row * p.lse_stride;
      rest.rows = rows;
      rest.first_position = position;
      cpu::attention<Avx512Bf16>(rest);
    }
    row += rows;
  }
  _tile_release();
}

}  // namespace

void register_amx_attention(Kernels& table) {
  table.attention = {"amx_attention", attention};
}

}  // namespace jamsu::kernels

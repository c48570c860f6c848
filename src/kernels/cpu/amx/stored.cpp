// Products with matrices as they lie in a file: C^T = W x^T. A row of W is a row of TDPBF16PS's first operand as it
// is, so that nothing of W is turned or packed; x is packed to the second operand, once for all columns.
//   Up to 128 rows of x: 16 rows of W pass from memory to tiles, k innermost, long rows' next lines prefetched. (Of
//   36 GB/s of plain reads: 32 GB/s, 30 without prefetch; short rows 29.5, 29 with. With the next 16 rows prefetched as
//   they lie 24 to 27, with rows copied one after another 20 to 22; docs/LOG.md.)
//   More: blocks of 32 rows by 256 k are copied to cache (16 KiB, a third of L1), then all of x passes them, while the
//   next block is prefetched; C^T lies in scratch until it is whole.
// Loops around tile products have constant or short trip counts: a mispredicted exit costs what is in flight, here up
// to a thousand cycles (docs/LOG.md).
#include <immintrin.h>

#include <initializer_list>

#include "kernels/cpu/amx/tiles.h"
#include "kernels/cpu/avx512bf16/vec.h"
#include "kernels/cpu/vec_math.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

constexpr int64_t kLongRow = 4096;  // below, fetching ahead is a little slower than not
constexpr int64_t kFewTokens = 128, kManyTokens = 512;
constexpr int64_t kStrip = 2 * kTileRows;  // rows of W of a block
constexpr int64_t kBlockK = 256;           // its k: two scales of FP8
constexpr int64_t kBlockSteps = kBlockK / kDotBlock, kScaleSteps = kScaleBlock / kDotBlock;
constexpr int64_t kTileFloats = 256;

int64_t panels_of(int64_t m) {
  return (m + kLanes - 1) / kLanes;
}
// Tokens that lie side by side in a panel of x: all of them where there is only one panel.
int64_t panel_width(int64_t m) {
  return m < kLanes ? m : kLanes;
}
int64_t steps_of(int64_t k) {
  return (k + kDotBlock - 1) / kDotBlock;
}

// ---- x: panels of 16 rows (or all m, if fewer), [steps][16 pairs][width][2] bf16 ----
int64_t x_bytes(int64_t m, int64_t k) {
  return panels_of(m) * panel_width(m) * round_up(k, kDotBlock) * 2;
}

void pack_x(const PackXParams& p) {
  const int64_t width = panel_width(p.m), steps = steps_of(p.k);
  for (int64_t panel = p.panel_begin; panel < p.panel_end; ++panel) {
    auto* to = static_cast<uint16_t*>(p.packed) + panel * width * steps * kDotBlock;
    const int64_t first = panel * kLanes, rows = p.m - first < kLanes ? p.m - first : kLanes;
    for (int64_t k = 0; k < p.k; k += kDotBlock, to += width * kDotBlock) {
      Avx512Bf16 x[kLanes];
      for (int64_t r = 0; r < kLanes; ++r) {
        if (r >= rows) {
          x[r] = Avx512Bf16::zero();
          continue;
        }
        const float* row = p.source + (p.rows ? p.rows[first + r] : first + r) * p.row_stride + k;
        const int64_t n = p.k - k;
        x[r] = n >= kDotBlock
                   ? Avx512Bf16::pairs_rounded(Avx512Bf16::load(row), Avx512Bf16::load(row + kLanes))
                   : Avx512Bf16::pairs_rounded(
                         Avx512Bf16::load_partial(row, n),
                         n > kLanes ? Avx512Bf16::load_partial(row + kLanes, n - kLanes) : Avx512Bf16::zero());
      }
      if (width == 1) {
        x[0].store_pairs(to);
        continue;
      }
      Avx512Bf16::transpose(x);
      for (int64_t pair = 0; pair < kLanes; ++pair)
        x[pair].store_partial(reinterpret_cast<float*>(to) + pair * width, width);
    }
  }
}

// ---- C^T to C: a tile [16 of n][width tokens] to rows of tokens ----
struct Output {
  float* c;  // token 0, column 0 of the tile
  int64_t ldc;
  const float* bias;        // of column 0, or null
  int64_t tokens, columns;  // of them; 16 at most are there
};
void write_tile(const float* tile, int64_t width, const Output& o) {
  Avx512Bf16 x[kLanes];
  if (width == 1) {
    x[0] = Avx512Bf16::load(tile);
  } else {
#pragma GCC unroll 16
    for (int64_t i = 0; i < kLanes; ++i)
      x[i] = width == kLanes ? Avx512Bf16::load(tile + i * kLanes) : Avx512Bf16::load_partial(tile + i * width, width);
    Avx512Bf16::transpose(x);
  }
  const Avx512Bf16 bias = o.bias ? Avx512Bf16::load_partial(o.bias, o.columns) : Avx512Bf16::zero();
  if (o.tokens >= kLanes && o.columns >= kLanes) {
#pragma GCC unroll 16
    for (int64_t i = 0; i < kLanes; ++i) (o.bias ? x[i] + bias : x[i]).store(o.c + i * o.ldc);
    return;
  }
  for (int64_t i = 0; i < kLanes && i < o.tokens; ++i)
    (o.bias ? x[i] + bias : x[i]).store_partial(o.c + i * o.ldc, o.columns);
}

// ---- W: 16 rows of tiles, zero beyond rows and k ----
// Values of bf16: a step of each row.
void copy_rows(const GemmStoredParams& p, int64_t row, int64_t k, int64_t steps, uint16_t* tiles) {
  const auto* from = static_cast<const uint16_t*>(p.w) + row * p.k + k;
  for (int64_t r = 0; r < kTileRows; ++r, from += p.k, tiles += kDotBlock) {
    if (row + r >= p.n) {
      for (int64_t s = 0; s < steps; ++s) Avx512Bf16::zero().store_pairs(tiles + s * kTileElements);
    } else if (steps == kBlockSteps && k + kBlockK <= p.k) {
#pragma GCC unroll 8
      for (int64_t s = 0; s < kBlockSteps; ++s)
        Avx512Bf16::pairs(from + s * kDotBlock).store_pairs(tiles + s * kTileElements);
    } else {
      for (int64_t s = 0; s < steps; ++s) {
        const int64_t left = p.k - k - s * kDotBlock;
        (left >= kDotBlock ? Avx512Bf16::pairs(from + s * kDotBlock)
                           : Avx512Bf16::pairs_partial(from + s * kDotBlock, left))
            .store_pairs(tiles + s * kTileElements);
      }
    }
  }
}
struct Fetch {  // what to prefetch at every step: 16 lines, `stride` bytes apart, each `step` bytes after those before
  const char* at = nullptr;
  int64_t stride = 0, step = 0;
};
// Of e4m3 without their scale.
template <bool kFetch = false>
[[gnu::always_inline]] inline void decode_rows(const GemmStoredParams& p, int64_t row, int64_t k, int64_t steps,
                                               uint16_t* tiles, Fetch fetch = {}) {
  const E4m3Decoder decoder;
  const auto* from = static_cast<const uint8_t*>(p.w) + row * p.k + k;
  const int64_t rows = p.n - row < kTileRows ? p.n - row : kTileRows, left = p.k - k;
  for (int64_t s = 0; s < steps; s += 2, from += 2 * kDotBlock, tiles += 2 * kTileElements) {
    __m512i first, second;
    if constexpr (kFetch) {
#pragma GCC unroll 16
      for (int64_t i = 0; i < kTileRows; ++i) __builtin_prefetch(fetch.at + i * fetch.stride, 0, 2);
      fetch.at += fetch.step;
    }
    if (rows == kTileRows && s + 2 <= steps && (s + 2) * kDotBlock <= left) {  // 64 bytes of 16 rows: two tiles
#pragma GCC unroll 16
      for (int64_t r = 0; r < kTileRows; ++r) {
        decoder.decode(_mm512_loadu_si512(from + r * p.k), first, second);
        _mm512_store_si512(tiles + r * kDotBlock, first);
        _mm512_store_si512(tiles + r * kDotBlock + kTileElements, second);
      }
      continue;
    }
    const int64_t n = left - s * kDotBlock;
    const __mmask64 there = n >= 64 ? ~__mmask64{0} : n > 0 ? (__mmask64{1} << n) - 1 : 0;
    for (int64_t r = 0; r < kTileRows; ++r) {
      decoder.decode(_mm512_maskz_loadu_epi8(r < rows ? there : 0, from + r * p.k), first, second);
      _mm512_store_si512(tiles + r * kDotBlock, first);
      if (s + 1 < steps) _mm512_store_si512(tiles + r * kDotBlock + kTileElements, second);
    }
  }
}
void fetch_rows(const GemmStoredParams& p, int64_t row, int64_t k, int64_t steps, uint16_t* tiles) {
  if (p.stored == Source::bf16)
    copy_rows(p, row, k, steps, tiles);
  else
    decode_rows(p, row, k, steps, tiles);
}
float scale_at(const GemmStoredParams& p, int64_t row, int64_t k) {
  return p.scales[(p.first_row + row) / kScaleBlock * p.scale_stride + k / kScaleBlock];
}

// acc = fma(scale, partial, acc) of a tile of `width` columns, acc from +0 if `first`.
void add_scaled_tile(const float* partial, float scale, bool first, int64_t width, float* acc) {
  const Avx512Bf16 s = Avx512Bf16::set1(scale);
  for (int64_t i = 0; i < width; ++i) {
    float* a = acc + i * kLanes;
    Avx512Bf16::fma(s, Avx512Bf16::load(partial + i * kLanes), first ? Avx512Bf16::zero() : Avx512Bf16::load(a))
        .store(a);
  }
}

// ---- few tokens: tiles 0 to 3 hold C^T of as many panels of x, 4 a tile of W, 5 one of x ----
class Few {
 public:
  explicit Few(const GemmStoredParams& params)
      : p(params), width_(panel_width(p.m)), x_step_(width_ * kDotBlock * 2), x_panel_(x_step_ * steps_of(p.k)) {}

  void run() {
    configure(width_ * 4);
    if (p.stored == Source::e4m3) {
      e4m3();
    } else {
      for (int64_t row = 0; row < p.n; row += kTileRows) {
        // The first panels read the rows from memory, the others from cache.
        for_groups([&]<int kPanels>(int64_t panel) { bf16_rows<kPanels>(row, panel); });
        write(row);
      }
    }
    _tile_release();
  }

 private:
  // f<n>(panel) for groups of up to 4 panels, of nearly equal size.
  template <class F>
  [[gnu::always_inline]] void for_groups(const F& f) const {
    const int64_t panels = panels_of(p.m), groups = (panels + 3) / 4;
    for (int64_t i = 0; i < groups; ++i) {
      const int64_t panel = panels * i / groups;
      switch (panels * (i + 1) / groups - panel) {
        case 1:
          f.template operator()<1>(panel);
          break;
        case 2:
          f.template operator()<2>(panel);
          break;
        case 3:
          f.template operator()<3>(panel);
          break;
        default:
          f.template operator()<4>(panel);
      }
    }
  }
  template <int T, int kPanels>
  [[gnu::always_inline]] void product(const char* x) const {
    if constexpr (T < kPanels) {
      _tile_loadd(5, x + T * x_panel_, width_ * 4);
      multiply<T, 4, 5>();
    }
  }
  // kSteps steps of 16 rows of W, `stride` bytes apart; `ahead`: lines as far apart that will be read soon, or null.
  template <int kPanels, int kSteps>
  [[gnu::always_inline]] void steps(const char* w, int64_t stride, int64_t w_step, const char* x,
                                    const char* ahead = nullptr) const {
    for (int s = 0; s < kSteps; ++s, w += w_step, x += x_step_) {
      if (ahead) {
#pragma GCC unroll 16
        for (int64_t i = 0; i < kTileRows; ++i) __builtin_prefetch(ahead + s * 64 + i * stride, 0, 3);
      }
      _tile_loadd(4, w, stride);
      product<0, kPanels>(x);
      product<1, kPanels>(x);
      product<2, kPanels>(x);
      product<3, kPanels>(x);
    }
  }
  const char* x_at(int64_t panel, int64_t k) const {
    return static_cast<const char*>(p.x) + panel * x_panel_ + k / kDotBlock * x_step_;
  }
  void write(int64_t row) const {
    for (int64_t t = 0; t < panels_of(p.m); ++t)
      write_tile(out_[t], width_,
                 {p.c + t * kLanes * p.ldc + row, p.ldc, p.bias ? p.bias + row : nullptr, p.m - t * kLanes, p.n - row});
  }

  template <int kPanels>
  void bf16_rows(int64_t row, int64_t panel) {
    const char* x = x_at(panel, 0);
    const auto* w = reinterpret_cast<const char*>(static_cast<const uint16_t*>(p.w) + row * p.k);
    const int64_t whole = row + kTileRows <= p.n ? p.k / kDotBlock : 0;  // steps to be read where they lie
    zero_tiles<kPanels>();
    int64_t s = 0;
    const int64_t stride = p.k * 2;
    if (p.k >= kLongRow && panel == 0)
      for (; s + 20 <= whole; s += 16) steps<kPanels, 16>(w + s * 64, stride, 64, x + s * x_step_, w + (s + 4) * 64);
    for (; s + 16 <= whole; s += 16) steps<kPanels, 16>(w + s * 64, stride, 64, x + s * x_step_);
    for (; s + 4 <= whole; s += 4) steps<kPanels, 4>(w + s * 64, stride, 64, x + s * x_step_);
    for (; s < whole; ++s) steps<kPanels, 1>(w + s * 64, stride, 64, x + s * x_step_);
    for (const int64_t all = steps_of(p.k); s < all; ++s) {
      copy_rows(p, row, s * kDotBlock, 1, tiles_[0]);
      published();
      steps<kPanels, 1>(reinterpret_cast<const char*>(tiles_[0]), 64, 0, x + s * x_step_);
    }
    store_tiles<kPanels>(out_[panel], width_ * 4);
  }

  // Scale block by scale block; the next one is decoded before the tiles of this one are read, which could not be
  // forwarded from stores still on their way.
  void e4m3() {
    decode_rows(p, 0, 0, steps_in(0), tiles_[0]);
    for (int64_t row = 0, half = 0; row < p.n; row += kTileRows) {
      for (int64_t k = 0; k < p.k; k += kScaleBlock, half ^= 1) {
        if (k + kScaleBlock < p.k)
          decode_rows<true>(p, row, k + kScaleBlock, steps_in(k + kScaleBlock), tiles_[half ^ 1],
                            ahead(row, k + kScaleBlock));
        else if (row + kTileRows < p.n)
          decode_rows<true>(p, row + kTileRows, 0, steps_in(0), tiles_[half ^ 1], ahead(row + kTileRows, 0));
        published();
        for_groups([&]<int kPanels>(int64_t panel) { e4m3_block<kPanels>(row, k, panel, tiles_[half]); });
      }
      write(row);
    }
  }
  template <int kPanels>
  void e4m3_block(int64_t row, int64_t k, int64_t panel, const uint16_t* tiles) {
    zero_tiles<kPanels>();
    const auto* w = reinterpret_cast<const char*>(tiles);
    const char* x = x_at(panel, k);
    const int64_t count = steps_in(k);
    if (count == kScaleSteps)
      steps<kPanels, kScaleSteps>(w, 64, kTileBytes, x);
    else
      for (int64_t s = 0; s < count; ++s) steps<kPanels, 1>(w + s * kTileBytes, 64, 0, x + s * x_step_);
    alignas(64) float partial[kPanels][kTileFloats];
    store_tiles<kPanels>(partial[0], width_ * 4);
    for (int t = 0; t < kPanels; ++t) add_scaled_tile(partial[t], scale_at(p, row, k), k == 0, width_, out_[panel + t]);
  }
  int64_t steps_in(int64_t k) const {
    return steps_of(p.k - k < kScaleBlock ? p.k - k : kScaleBlock);
  }
  // Short rows: the 16 after these, as they lie. Long ones: of each what comes 512 values later. (Two threads, 34 GB/s
  // of plain reads: 21.8 and 17.5 GB/s for rows of 1,536, 21 and 28 for rows of 8,704; docs/LOG.md.)
  Fetch ahead(int64_t row, int64_t k) const {
    const auto* w = static_cast<const char*>(p.w) + row * p.k;
    if (p.k >= 4096) return {w + k + 512, p.k, 64};
    return {w + kTileRows * (p.k + k), 64, kTileBytes};
  }

  const GemmStoredParams& p;
  const int64_t width_, x_step_, x_panel_;  // tokens of a panel; bytes of a step, and of a panel, of x
  alignas(64) float out_[kFewTokens / kLanes][kTileFloats] = {};  // tiles of C^T, rows of `width`
  alignas(64) uint16_t tiles_[2][kScaleSteps * kTileElements];
};

// ---- many tokens ----
constexpr int64_t kBlockTileBytes = kStrip * kBlockK * 2;

class Many {
 public:
  // One matrix, or two that share x (and all shapes).
  Many(std::initializer_list<const GemmStoredParams*> matrices, void* scratch)
      : tiles_(static_cast<uint16_t*>(scratch)),
        c_(reinterpret_cast<float*>(static_cast<char*>(scratch) + kBlockTileBytes)) {
    for (const GemmStoredParams* p : matrices) matrices_[count_++] = p;
    const GemmStoredParams& p = *matrices_[0];
    panels_ = panels_of(p.m);
    strips_ = round_up(p.n, kStrip) / kTileRows;
    x_panel_ = steps_of(p.k) * kTileBytes;
    width_ = p.stored == Source::bf16 ? 2 : 1;
  }
  void multiply() {
    configure();
    const GemmStoredParams& first = *matrices_[0];
    for (int64_t k = 0; k < first.k; k += kBlockK) {
      const int64_t count = steps_of(first.k - k < kBlockK ? first.k - k : kBlockK);
      for (int64_t row = 0; row < first.n; row += kStrip)
        for (int64_t i = 0; i < count_; ++i) {
          const GemmStoredParams& p = *matrices_[i];
          fetch_rows(p, row, k, count, tiles_);
          fetch_rows(p, row + kTileRows, k, count, tiles_ + kBlockSteps * kTileElements);
          published();
          if (i + 1 < count_)
            next_ = block_at(i + 1, row, k);
          else
            next_ = row + kStrip < p.n ? block_at(0, row + kStrip, k) : block_at(0, 0, k + kBlockK);
          const int64_t strip = i * strips_ + row / kTileRows, pairs = panels_ / 2;
          if (pairs >= 16)
            all_pairs<2>(p, strip, row, k, count);
          else if (pairs >= 8)
            all_pairs<4>(p, strip, row, k, count);
          else if (pairs >= 4)
            all_pairs<8>(p, strip, row, k, count);
          else
            all_pairs<16>(p, strip, row, k, count);
        }
    }
    _tile_release();
  }
  int64_t strips() const { return strips_; }  // of a matrix
  float* tile(int64_t strip, int64_t panel) const { return c_ + (strip * panels_ + panel) * kTileFloats; }

 private:
  const char* block_at(int64_t matrix, int64_t row, int64_t k) const {
    const GemmStoredParams& p = *matrices_[matrix];
    return static_cast<const char*>(p.w) + (row * p.k + k) * width_;
  }

  // 2 tiles of W against kColumns panels of x, kSteps steps; kLines rows of the next block are prefetched.
  template <int kColumns, int kLines>
  [[gnu::always_inline]] static void steps(const char* w, int64_t second_w, const char* x, int64_t x_panel,
                                           int64_t count, const char* fetch, int64_t stride) {
    const auto step = [&](int64_t s) __attribute__((always_inline)) {
      _tile_loadd(4, w + s * kTileBytes, 64);
      _tile_loadd(6, x + s * kTileBytes, 64);
      if constexpr (kColumns == 2) {
        _tile_loadd(7, x + x_panel + s * kTileBytes, 64);
      }
      _tile_loadd(5, w + second_w + s * kTileBytes, 64);
#pragma GCC unroll 16
      for (int l = 0; l < kLines; ++l) __builtin_prefetch(fetch + l * stride + s * 64, 0, 2);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (kColumns == 2) {
        _tile_dpbf16ps(1, 4, 7);
      }
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kColumns == 2) {
        _tile_dpbf16ps(3, 5, 7);
      }
    };
    if (count == kBlockSteps)
      for (int64_t s = 0; s < kBlockSteps; ++s) step(s);
    else if (count == kScaleSteps)
      for (int64_t s = 0; s < kScaleSteps; ++s) step(s);
    else
      for (int64_t s = 0; s < count; ++s) step(s);
  }

  template <int kColumns, int kLines>
  void bf16_pair(const char* x, int64_t strip, int64_t panel, int64_t count, bool first, const char* fetch,
                 int64_t stride) const {
    float *a = tile(strip, panel), *b = tile(strip + 1, panel);
    if (first) {
      zero_tiles<4>();
    } else {
      _tile_loadd(0, a, 64);
      if constexpr (kColumns == 2) {
        _tile_loadd(1, a + kTileFloats, 64);
      }
      _tile_loadd(2, b, 64);
      if constexpr (kColumns == 2) {
        _tile_loadd(3, b + kTileFloats, 64);
      }
    }
    steps<kColumns, kLines>(reinterpret_cast<const char*>(tiles_), kBlockSteps * kTileBytes, x, x_panel_, count, fetch,
                            stride);
    store<kColumns>(a, b);
  }
  template <int kColumns>
  static void store(float* a, float* b) {
    _tile_stored(0, a, 64);
    if constexpr (kColumns == 2) {
      _tile_stored(1, a + kTileFloats, 64);
    }
    _tile_stored(2, b, 64);
    if constexpr (kColumns == 2) {
      _tile_stored(3, b + kTileFloats, 64);
    }
  }

  // Scale by scale: their parts come to C through a buffer.
  template <int kColumns, int kLines>
  void e4m3_pair(const GemmStoredParams& p, const char* x, int64_t strip, int64_t row, int64_t panel, int64_t k,
                 int64_t count, const char* fetch) const {
    for (int64_t s = 0; s < count; s += kScaleSteps, k += kScaleBlock) {
      alignas(64) float parts[4][kTileFloats];
      zero_tiles<4>();
      steps<kColumns, kLines>(reinterpret_cast<const char*>(tiles_) + s * kTileBytes, kBlockSteps * kTileBytes,
                              x + s * kTileBytes, x_panel_, count - s < kScaleSteps ? count - s : kScaleSteps,
                              fetch + s * 32, p.k);
      store<kColumns>(parts[0], parts[2]);
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t first = row + half * kTileRows;
        const float scale = first < p.n ? scale_at(p, first, k) : 0;
        for (int64_t j = 0; j < kColumns; ++j)
          add_scaled_tile(parts[2 * half + j], scale, k == 0, kLanes, tile(strip + half, panel + j));
      }
    }
  }

  template <int kColumns, int kLines>
  void pair(const GemmStoredParams& p, int64_t strip, int64_t row, int64_t panel, int64_t k, int64_t count) const {
    const char* x = static_cast<const char*>(p.x) + panel * x_panel_ + k / kDotBlock * kTileBytes;
    const int64_t stride = p.k * width_;
    const char* fetch = next_ + panel / 2 * kLines * stride;
    if (p.stored == Source::bf16)
      bf16_pair<kColumns, kLines>(x, strip, panel, count, k == 0, fetch, stride);
    else
      e4m3_pair<kColumns, kLines>(p, x, strip, row, panel, k, count, fetch);
  }
  // kLines of the 32 rows of the next block with each pair of panels, until there are no more.
  template <int kLines>
  void all_pairs(const GemmStoredParams& p, int64_t strip, int64_t row, int64_t k, int64_t count) const {
    int64_t panel = 0;
    for (; panel + 2 <= panels_ && panel / 2 * kLines < kStrip; panel += 2)
      pair<2, kLines>(p, strip, row, panel, k, count);
    for (; panel + 2 <= panels_; panel += 2) pair<2, 0>(p, strip, row, panel, k, count);
    if (panel < panels_) pair<1, 0>(p, strip, row, panel, k, count);
  }

  const GemmStoredParams* matrices_[2] = {};
  int64_t count_ = 0, panels_, strips_, x_panel_, width_;
  uint16_t* tiles_;             // a block of W: [2][kBlockSteps] tiles
  float* c_;                    // C^T: [strips of 16][panels] tiles
  const char* next_ = nullptr;  // the block after this one
};

int64_t scratch_bytes(int64_t m, int64_t n) {
  // A strip more: two matrices are rounded up apart.
  return m <= kFewTokens ? 0 : kBlockTileBytes + (round_up(n, kStrip) + kStrip) * panels_of(m) * kLanes * 4;
}

void gemm_stored(const GemmStoredParams& p) {
  if (p.m <= kFewTokens) return Few(p).run();
  Many many({&p}, p.scratch);
  many.multiply();
  for (int64_t panel = 0; panel < panels_of(p.m); ++panel)
    for (int64_t row = 0; row < p.n; row += kTileRows)
      write_tile(many.tile(row / kTileRows, panel), kLanes,
                 {p.c + panel * kLanes * p.ldc + row, p.ldc, p.bias ? p.bias + row : nullptr, p.m - panel * kLanes,
                  p.n - row});
}

// C^T of gate and up has tokens side by side, as panels of x have them: nothing is turned.
void gemm_gated(const GemmGatedParams& p) {
  Many many({&p.gate, &p.up}, p.gate.scratch);
  many.multiply();
  const int64_t x_step = kTileElements, x_panel = steps_of(p.width) * x_step;
  for (int64_t panel = 0; panel < panels_of(p.gate.m); ++panel)
    for (int64_t row = 0; row < round_up(p.gate.n, kDotBlock); row += kTileRows) {
      const float *gate = many.tile(row / kTileRows, panel), *up = many.tile(many.strips() + row / kTileRows, panel);
      const int64_t k = p.column + row;
      auto* to = static_cast<uint16_t*>(p.h) + panel * x_panel + k / kDotBlock * x_step + k % kDotBlock * kLanes;
      const auto value = [&](int64_t i) __attribute__((always_inline)) {
        const Avx512Bf16 g = Avx512Bf16::load(gate + i * kLanes);
        return g * cpu::sigmoid(g) * Avx512Bf16::load(up + i * kLanes);
      };
#pragma GCC unroll 2
      for (int64_t i = 0; i < kTileRows; i += 2) Avx512Bf16::store_pair(to + i * kLanes, value(i), value(i + 1));
    }
}

}  // namespace

void register_amx_stored(Kernels& table) {
  table.gemm_stored = {"amx_gemm_stored", kManyTokens, true, x_bytes, pack_x, scratch_bytes, gemm_stored};
  table.gemm_gated = {"amx_gemm_gated", gemm_gated};
}

}  // namespace jamsu::kernels

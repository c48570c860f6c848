#pragma once
// What both ways of a product with rows as they lie share (stored.cpp): x in panels, W in tiles, C^T to C.
#include <type_traits>

#include "kernels/cpu/amx/tiles.h"
#include "kernels/cpu/avx512bf16/vec.h"
#include "kernels/stored_rows.h"

namespace jamsu::kernels {
namespace {

constexpr int64_t kFewTokens = 128, kManyTokens = 512;
constexpr int64_t kBlockK = 256;  // k of a block: two scales of FP8
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
template <class Rows>
void fetch_rows(const GemmStoredParams& p, int64_t row, int64_t k, int64_t steps, uint16_t* tiles) {
  if constexpr (std::is_same_v<Rows, Bf16Rows>)
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

}  // namespace
}  // namespace jamsu::kernels

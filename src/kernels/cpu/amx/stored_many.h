#pragma once
// More rows of x than 128: blocks of 32 rows by 256 k of W are copied to cache (16 KiB, a third of L1), then all of x
// passes them, while the next block is prefetched; C^T lies in scratch until it is whole.
#include <initializer_list>

#include "kernels/cpu/amx/stored.h"

namespace jamsu::kernels {
namespace {

constexpr int64_t kStrip = 2 * kTileRows;  // rows of W of a block
constexpr int64_t kBlockTileBytes = kStrip * kBlockK * 2;

template <class Rows>
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
  }
  void multiply() {
    configure();
    const GemmStoredParams& first = *matrices_[0];
    for (int64_t k = 0; k < first.k; k += kBlockK) {
      const int64_t count = steps_of(first.k - k < kBlockK ? first.k - k : kBlockK);
      for (int64_t row = 0; row < first.n; row += kStrip)
        for (int64_t i = 0; i < count_; ++i) {
          const GemmStoredParams& p = *matrices_[i];
          fetch_rows<Rows>(p, row, k, count, tiles_);
          fetch_rows<Rows>(p, row + kTileRows, k, count, tiles_ + kBlockSteps * kTileElements);
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
  static constexpr int64_t kWidth = sizeof(typename Rows::Value);

  const char* block_at(int64_t matrix, int64_t row, int64_t k) const {
    const GemmStoredParams& p = *matrices_[matrix];
    return static_cast<const char*>(p.w) + (row * p.k + k) * kWidth;
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
    const int64_t stride = p.k * kWidth;
    const char* fetch = next_ + panel / 2 * kLines * stride;
    if constexpr (std::is_same_v<Rows, Bf16Rows>)
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
  int64_t count_ = 0, panels_, strips_, x_panel_;
  uint16_t* tiles_;             // a block of W: [2][kBlockSteps] tiles
  float* c_;                    // C^T: [strips of 16][panels] tiles
  const char* next_ = nullptr;  // the block after this one
};

int64_t scratch_bytes(int64_t m, int64_t n) {
  // A strip more: two matrices are rounded up apart.
  return m <= kFewTokens ? 0 : kBlockTileBytes + (round_up(n, kStrip) + kStrip) * panels_of(m) * kLanes * 4;
}

}  // namespace
}  // namespace jamsu::kernels

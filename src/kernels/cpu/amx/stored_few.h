#pragma once
// Up to 128 rows of x: 16 rows of W pass from memory to tiles, k innermost, long rows' next lines prefetched. (Of 36
// GB/s of plain reads: 32 GB/s, 30 without prefetch; short rows 29.5, 29 with. With the next 16 rows prefetched as they
// lie 24 to 27, with rows copied one after another 20 to 22; docs/LOG.md.)
#include "kernels/cpu/amx/stored.h"

namespace jamsu::kernels {
namespace {

constexpr int64_t kLongRow = 4096;  // below, fetching ahead is a little slower than not

// ---- few tokens: tiles 0 to 3 hold C^T of as many panels of x, 4 a tile of W, 5 one of x ----
template <class Rows>
class Few {
 public:
  explicit Few(const GemmStoredParams& params)
      : p(params), width_(panel_width(p.m)), x_step_(width_ * kDotBlock * 2), x_panel_(x_step_ * steps_of(p.k)) {}

  void run() {
    configure(width_ * 4);
    if constexpr (std::is_same_v<Rows, E4m3Rows>) {
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

}  // namespace
}  // namespace jamsu::kernels

#pragma once
// Tiles of AMX: 16 rows of 64 bytes. Only for sources of this folder: everything has internal linkage.
#include <immintrin.h>

#include "kernels/params.h"

namespace jamsu::kernels {
namespace {

constexpr int64_t kTileRows = 16, kTileBytes = 1024, kTileElements = kTileRows * kDotBlock;

struct __attribute__((packed)) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t column_bytes[16] = {};
  uint8_t rows[16] = {};
};

// All tiles whole; or, with fewer than 64, tiles 0 to 3 (results) and 5 (second operand) of so many bytes a row.
inline void configure(int64_t narrow = 64) {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    config.column_bytes[i] = i < 4 || i == 5 ? static_cast<uint16_t>(narrow) : 64;
    config.rows[i] = 16;
  }
  asm volatile("" ::"r"(&config) : "memory");  // g++ 12 drops stores to the config otherwise (numerics.md section 8)
  _tile_loadconfig(&config);
}

// g++ 12's _tile_loadd does not say that it reads memory: between stores and loads of the same buffer.
[[gnu::always_inline]] inline void published() {
  asm volatile("" ::: "memory");
}

// The intrinsics paste the tile's number into assembly text: it must be a literal.
template <int C, int A, int B>
[[gnu::always_inline]] inline void multiply() {
  static_assert(A == 4 && B == 5 && C < 4);
  if constexpr (C == 0) {
    _tile_dpbf16ps(0, 4, 5);
  }
  if constexpr (C == 1) {
    _tile_dpbf16ps(1, 4, 5);
  }
  if constexpr (C == 2) {
    _tile_dpbf16ps(2, 4, 5);
  }
  if constexpr (C == 3) {
    _tile_dpbf16ps(3, 4, 5);
  }
}
template <int kCount>
[[gnu::always_inline]] inline void zero_tiles() {
  _tile_zero(0);
  if constexpr (kCount > 1) {
    _tile_zero(1);
  }
  if constexpr (kCount > 2) {
    _tile_zero(2);
  }
  if constexpr (kCount > 3) {
    _tile_zero(3);
  }
}
// Tiles 0 to kCount - 1, 1 KiB apart, rows `stride` bytes apart.
template <int kCount>
[[gnu::always_inline]] inline void store_tiles(float* to, int64_t stride) {
  _tile_stored(0, to, stride);
  if constexpr (kCount > 1) {
    _tile_stored(1, to + 256, stride);
  }
  if constexpr (kCount > 2) {
    _tile_stored(2, to + 512, stride);
  }
  if constexpr (kCount > 3) {
    _tile_stored(3, to + 768, stride);
  }
  published();
}

}  // namespace
}  // namespace jamsu::kernels

// bf16 products on AMX tiles (TDPBF16PS computes exactly the dot of numerics.md section 2). B panels are tiles as they
// lie; A is packed to tiles of 16 rows by 32 k.
// f32 elements and very few rows keep the table's AVX-512 kernels (choose_gemm).
#include <immintrin.h>

#include "kernels/cpu/amx/tiles.h"
#include "kernels/cpu/avx512bf16/vec.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

int64_t a_bytes(int64_t m, int64_t k) {
  return round_up(m, kTileRows) * round_up(k, kDotBlock) * 2;
}

// Rows as they are read forward: 32 values of a row are one row of a tile.
void pack_rows(const PackAParams& p) {
  const int64_t blocks = round_up(p.k, kDotBlock) / kDotBlock;
  auto* tiles = static_cast<uint16_t*>(p.packed);
  for (int64_t i = 0; i < round_up(p.m, kTileRows); ++i) {
    const float* row = i < p.m ? p.source + (p.rows ? p.rows[i] : i) * p.row_stride : nullptr;
    uint16_t* to = tiles + (i / kTileRows * blocks) * kTileElements + i % kTileRows * kDotBlock;
    for (int64_t b = 0; b < blocks; ++b, to += kTileElements)
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t k = b * kDotBlock + half * kLanes, n = row ? p.k - k : 0;
        const Avx512Bf16 x = n >= kLanes ? Avx512Bf16::load(row + k)
                             : n > 0     ? Avx512Bf16::load_partial(row + k, n)
                                         : Avx512Bf16::zero();
        Avx512Bf16::store_bf16(to + half * kLanes, x);
      }
  }
}

// Columns as a weight gradient reads dY: two source rows give the pairs of 16 tile rows, turned in registers.
void pack_columns(const PackAParams& p) {
  const int64_t blocks = round_up(p.k, kDotBlock) / kDotBlock;
  auto* tile = static_cast<uint16_t*>(p.packed);
  for (int64_t i = 0; i < p.m; i += kTileRows)
    for (int64_t b = 0; b < blocks; ++b, tile += kTileElements) {
      const auto row = [&](int64_t k) {
        if (k >= p.k) return Avx512Bf16::zero();
        const float* from = p.source + k * p.k_stride + i;
        return p.m - i >= kLanes ? Avx512Bf16::load(from) : Avx512Bf16::load_partial(from, p.m - i);
      };
      Avx512Bf16 x[kLanes];
      for (int64_t pair = 0; pair < kLanes; ++pair) {
        const int64_t k = b * kDotBlock + 2 * pair;
        x[pair] = Avx512Bf16::interleaved(row(k), row(k + 1));
      }
      Avx512Bf16::transpose(x);
      for (int64_t r = 0; r < kTileRows; ++r) x[r].store_pairs(tile + r * kDotBlock);
    }
}

void pack_a(const PackAParams& p) {
  if (p.k_stride == 1)
    pack_rows(p);
  else
    pack_columns(p);
}

// C in and out of tiles: directly where 16 x 16 of it are there, else through a buffer. Tiles are named by constants.
struct Edge {
  alignas(64) float values[16][16];
};
const float* incoming(const GemmParams& p, int64_t row, int64_t column, Edge& edge, int64_t& stride) {
  if (p.m - row >= 16 && p.n - column >= 16) {
    stride = p.ldc * 4;
    return p.c + row * p.ldc + column;
  }
  stride = 64;
  for (int64_t r = 0; r < 16; ++r)
    (row + r < p.m ? Avx512Bf16::load_partial(p.c + (row + r) * p.ldc + column, p.n - column) : Avx512Bf16::zero())
        .store(edge.values[r]);
  published();
  return edge.values[0];
}
void outgoing(const GemmParams& p, int64_t row, int64_t column, const Edge& edge) {
  for (int64_t r = 0; r < 16 && row + r < p.m; ++r)
    Avx512Bf16::load(edge.values[r]).store_partial(p.c + (row + r) * p.ldc + column, p.n - column);
}

// The intrinsics paste the tile's number into assembly text: it must be a literal.
template <int T>
void zero_tile() {
  if constexpr (T == 0) {
    _tile_zero(0);
  }
  if constexpr (T == 1) {
    _tile_zero(1);
  }
  if constexpr (T == 2) {
    _tile_zero(2);
  }
  if constexpr (T == 3) {
    _tile_zero(3);
  }
}
template <int T>
void load_tile(const float* c, int64_t stride) {
  if constexpr (T == 0) {
    _tile_loadd(0, c, stride);
  }
  if constexpr (T == 1) {
    _tile_loadd(1, c, stride);
  }
  if constexpr (T == 2) {
    _tile_loadd(2, c, stride);
  }
  if constexpr (T == 3) {
    _tile_loadd(3, c, stride);
  }
}
template <int T>
void store_tile(float* c, int64_t stride) {
  if constexpr (T == 0) {
    _tile_stored(0, c, stride);
  }
  if constexpr (T == 1) {
    _tile_stored(1, c, stride);
  }
  if constexpr (T == 2) {
    _tile_stored(2, c, stride);
  }
  if constexpr (T == 3) {
    _tile_stored(3, c, stride);
  }
}

template <int T>
void begin_tile(const GemmParams& p, int64_t row, int64_t column, Edge& edge) {
  if (!p.accumulate) return zero_tile<T>();
  int64_t stride = 0;
  const float* c = incoming(p, row, column, edge, stride);
  load_tile<T>(c, stride);
}
template <int T>
void end_tile(const GemmParams& p, int64_t row, int64_t column, Edge& edge) {
  if (p.m - row >= 16 && p.n - column >= 16) return store_tile<T>(p.c + row * p.ldc + column, p.ldc * 4);
  store_tile<T>(edge.values[0], 64);
  outgoing(p, row, column, edge);
}

// 2 x 2 tiles of C; `two_rows` and `two_columns` say which are there.
template <bool kTwoRows, bool kTwoColumns>
void tile_block(const GemmParams& p, int64_t row, int64_t panel, int64_t blocks) {
  Edge edge;
  const int64_t column = panel * kLanes;
  begin_tile<0>(p, row, column, edge);
  if constexpr (kTwoColumns) begin_tile<1>(p, row, column + 16, edge);
  if constexpr (kTwoRows) begin_tile<2>(p, row + 16, column, edge);
  if constexpr (kTwoRows && kTwoColumns) begin_tile<3>(p, row + 16, column + 16, edge);
  const char* a0 = static_cast<const char*>(p.a) + row / kTileRows * blocks * kTileBytes;
  const char* b0 = static_cast<const char*>(p.b) + panel * blocks * kTileBytes;
  const int64_t next = blocks * kTileBytes;
  for (int64_t k = 0; k < blocks; ++k) {
    // All loads first: in between they cost a tenth (docs/LOG.md).
    _tile_loadd(4, a0 + k * kTileBytes, 64);
    _tile_loadd(6, b0 + k * kTileBytes, 64);
    if constexpr (kTwoColumns) {
      _tile_loadd(7, b0 + next + k * kTileBytes, 64);
    }
    if constexpr (kTwoRows) {
      _tile_loadd(5, a0 + next + k * kTileBytes, 64);
    }
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kTwoColumns) {
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kTwoRows) {
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kTwoColumns) {
        _tile_dpbf16ps(3, 5, 7);
      }
    }
  }
  end_tile<0>(p, row, column, edge);
  if constexpr (kTwoColumns) end_tile<1>(p, row, column + 16, edge);
  if constexpr (kTwoRows) end_tile<2>(p, row + 16, column, edge);
  if constexpr (kTwoRows && kTwoColumns) end_tile<3>(p, row + 16, column + 16, edge);
}

void add_bias(const GemmParams& p) {
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; j += kLanes) {
      float* c = p.c + i * p.ldc + j;
      const int64_t n = p.n - j;
      (Avx512Bf16::load_partial(c, n) + Avx512Bf16::load_partial(p.bias + j, n)).store_partial(c, n);
    }
}

void gemm(const GemmParams& p) {
  configure();
  const int64_t blocks = round_up(p.k, kDotBlock) / kDotBlock, panels = (p.n + kLanes - 1) / kLanes;
  for (int64_t panel = 0; panel < panels; panel += 2) {
    const bool two_columns = panel + 1 < panels;
    for (int64_t row = 0; row < p.m; row += 32) {
      const bool two_rows = row + 16 < p.m;
      if (two_rows && two_columns)
        tile_block<true, true>(p, row, panel, blocks);
      else if (two_rows)
        tile_block<true, false>(p, row, panel, blocks);
      else if (two_columns)
        tile_block<false, true>(p, row, panel, blocks);
      else
        tile_block<false, false>(p, row, panel, blocks);
    }
  }
  _tile_release();
  if (p.bias) add_bias(p);
}

}  // namespace

void register_amx_gemm(Kernels& table) {
  table.gemm_bf16 = {"amx_gemm_bf16", a_bytes, pack_a, gemm};
}

}  // namespace jamsu::kernels

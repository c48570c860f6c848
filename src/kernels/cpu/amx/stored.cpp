// Products with matrices as they lie in a file: C^T = W x^T. A row of W is a row of TDPBF16PS's first operand as it
// is, so that nothing of W is turned or packed; x is packed to the second operand, once for all columns. Up to 128 rows
// of x go one way (stored_few.h), more another (stored_many.h).
// Loops around tile products have constant or short trip counts: a mispredicted exit costs what is in flight, here up
// to a thousand cycles (docs/LOG.md).
#include "kernels/cpu/amx/stored_few.h"
#include "kernels/cpu/amx/stored_many.h"
#include "kernels/cpu/vec_math.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

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

template <class Rows>
void gemm_stored(const GemmStoredParams& p) {
  if (p.m <= kFewTokens) return Few<Rows>(p).run();
  Many<Rows> many({&p}, p.scratch);
  many.multiply();
  for (int64_t panel = 0; panel < panels_of(p.m); ++panel)
    for (int64_t row = 0; row < p.n; row += kTileRows)
      write_tile(many.tile(row / kTileRows, panel), kLanes,
                 {p.c + panel * kLanes * p.ldc + row, p.ldc, p.bias ? p.bias + row : nullptr, p.m - panel * kLanes,
                  p.n - row});
}

// C^T of gate and up has tokens side by side, as panels of x have them: nothing is turned.
template <class Rows>
void gemm_gated(const GemmGatedParams& p) {
  Many<Rows> many({&p.gate, &p.up}, p.gate.scratch);
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
  table.stored_x = {x_bytes, pack_x};
  table.gemm_stored_bf16 = {"amx_gemm_stored_bf16", kManyTokens, true, scratch_bytes, gemm_stored<Bf16Rows>};
  table.gemm_stored_e4m3 = {"amx_gemm_stored_e4m3", kManyTokens, true, scratch_bytes, gemm_stored<E4m3Rows>};
  table.gemm_gated_bf16 = {"amx_gemm_gated_bf16", gemm_gated<Bf16Rows>};
  table.gemm_gated_e4m3 = {"amx_gemm_gated_e4m3", gemm_gated<E4m3Rows>};
}

}  // namespace jamsu::kernels

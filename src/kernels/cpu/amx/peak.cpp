#include "kernels/peak.h"

#include <immintrin.h>

namespace jamsu::kernels {
namespace {

// Intel SDM, LDTILECFG: palette 1, eight tiles of 16 rows of 64 bytes.
struct TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes_per_row[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

// Four accumulators (0-3) over two A (4, 5) and two B (6, 7): a product each 16 cycles, four cover its latency of 52.
void run(int64_t iterations) {
  alignas(64) TileConfig config;
  for (int t = 0; t < 8; ++t) {
    config.bytes_per_row[t] = 64;
    config.rows[t] = 16;
  }
  asm volatile("" ::"r"(&config) : "memory");  // g++ 12 drops the stores otherwise (docs/numerics.md section 8)
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t i = 0; i < iterations; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

}  // namespace

PeakLoop amx_peak_loop() {
  return {"tdpbf16ps", 4.0 * 2 * 16 * 16 * 32, run};
}

}  // namespace jamsu::kernels

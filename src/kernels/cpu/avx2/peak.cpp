#include "kernels/peak.h"

#include <immintrin.h>

namespace jamsu::kernels {
namespace {

// 12 chains cover two FMAs a cycle at a latency of 4 or 5; with two operands they fit 16 registers.
constexpr int kChains = 12;

void run(int64_t iterations) {
  __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  __m256 sum[kChains];
  for (__m256& s : sum) s = y;
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : "+x"(x), "+x"(y));  // unknown to the compiler in every round
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sum[c] = _mm256_fmadd_ps(sum[c], x, y);
  }
  for (__m256& s : sum) asm volatile("" ::"x"(s));
}

}  // namespace

PeakLoop avx2_peak_loop() {
  return {"vfmadd ymm f32", 2.0 * 8 * kChains, run};
}

}  // namespace jamsu::kernels

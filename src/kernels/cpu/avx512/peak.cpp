#include "kernels/peak.h"

#include <immintrin.h>

namespace jamsu::kernels {
namespace {

// More chains than two FMAs a cycle at a latency of 4 need, in 26 of 32 registers.
constexpr int kChains = 24;

void run(int64_t iterations) {
  __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  __m512 sum[kChains];
  for (__m512& s : sum) s = y;
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : "+v"(x), "+v"(y));  // unknown to the compiler in every round
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) sum[c] = _mm512_fmadd_ps(sum[c], x, y);
  }
  for (__m512& s : sum) asm volatile("" ::"v"(s));
}

}  // namespace

PeakLoop avx512_peak_loop() {
  return {"vfmadd zmm f32", 2.0 * 16 * kChains, run};
}

}  // namespace jamsu::kernels

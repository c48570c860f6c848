#include "kernels/peak.h"

#include <immintrin.h>

namespace jamsu::kernels {
namespace {

// More chains than two products a cycle at a latency of 6 need, in 26 of 32 registers.
constexpr int kChains = 24;

void run(int64_t iterations) {
  __m512i x = _mm512_set1_epi16(0x3F7F), y = _mm512_set1_epi16(0x3A83);  // 0.996, 0.001
  __m512 sum[kChains];
  for (__m512& s : sum) s = _mm512_setzero_ps();
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : "+v"(x), "+v"(y));  // unknown to the compiler in every round
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) sum[c] = _mm512_dpbf16_ps(sum[c], (__m512bh)x, (__m512bh)y);
  }
  for (__m512& s : sum) asm volatile("" ::"v"(s));
}

}  // namespace

PeakLoop avx512bf16_peak_loop() {
  return {"vdpbf16ps zmm", 2.0 * 32 * kChains, run};
}

}  // namespace jamsu::kernels

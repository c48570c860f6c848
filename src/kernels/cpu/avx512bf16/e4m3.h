#pragma once
// FP8 to bf16, 64 bytes at a time (VBMI): both bytes of the bf16 by tables of 128, the sign as it is.
#include <immintrin.h>

#include "base/e4m3.h"

namespace jamsu::kernels {
namespace {

struct E4m3Tables {
  alignas(64) uint8_t low[128], high[128];
};
constexpr E4m3Tables kE4m3Tables = [] {
  E4m3Tables t{};
  for (uint32_t q = 0; q < 128; ++q) {
    t.low[q] = static_cast<uint8_t>(e4m3_to_bf16(static_cast<uint8_t>(q)) & 0xFF);
    t.high[q] = static_cast<uint8_t>(e4m3_to_bf16(static_cast<uint8_t>(q)) >> 8);
  }
  return t;
}();

class E4m3Decoder {
 public:
  // 64 bytes: the first 32, and the others.
  [[gnu::always_inline]] void decode(__m512i bytes, __m512i& first, __m512i& second) const {
    // So that the low quarters of unpacking are the first 32 bytes.
    const __m512i q = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), bytes);
    __m512i low, high;
    halves(q, low, high);
    first = _mm512_unpacklo_epi8(low, high);
    second = _mm512_unpackhi_epi8(low, high);
  }
  // Of 4 k in every 32 bits the words of kernels/cpu/dot_tile.h.
  [[gnu::always_inline]] void words(__m512i bytes, __m512i& even, __m512i& odd) const {
    constexpr __mmask64 kHigh = 0xAAAAAAAAAAAAAAAAu;
    __m512i low, high;
    halves(_mm512_rol_epi32(bytes, 16), low, high);  // k + 2, k + 3, k, k + 1
    even = _mm512_mask_blend_epi8(kHigh, low, _mm512_slli_epi16(high, 8));
    odd = _mm512_mask_blend_epi8(kHigh, _mm512_srli_epi16(low, 8), high);
  }

 private:
  [[gnu::always_inline]] void halves(__m512i q, __m512i& low, __m512i& high) const {
    low = _mm512_permutex2var_epi8(low_[0], q, low_[1]);
    const __m512i magnitude = _mm512_permutex2var_epi8(high_[0], q, high_[1]);
    // magnitude | (q & 0x80)
    high = _mm512_ternarylogic_epi32(magnitude, q, _mm512_set1_epi8(char(0x80)), 0xF8);
  }
  __m512i low_[2] = {_mm512_load_si512(kE4m3Tables.low), _mm512_load_si512(kE4m3Tables.low + 64)},
          high_[2] = {_mm512_load_si512(kE4m3Tables.high), _mm512_load_si512(kE4m3Tables.high + 64)};
};

}  // namespace
}  // namespace jamsu::kernels

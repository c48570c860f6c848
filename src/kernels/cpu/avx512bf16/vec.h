#pragma once
// AVX-512 with BF16 and VBMI (Zen 4, Sapphire Rapids and what follows them).
#include "kernels/cpu/avx512/zmm.h"
#include "kernels/cpu/avx512bf16/e4m3.h"

namespace jamsu::kernels {
namespace {

struct Bf16Instructions {
  static constexpr bool kTwoAtOnce = true;  // VDPBF16PS
  static constexpr const char* kName = "avx512bf16";

  static __m256i round(__m512 x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)); }
  static __m512i round(__m512 low, __m512 high) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)); }
  [[gnu::always_inline]] static void decode_e4m3(__m512i bytes, __m512i& first, __m512i& second) {
    E4m3Decoder().decode(bytes, first, second);
  }
  [[gnu::always_inline]] static __m512i decode_e4m3(__m256i bytes) {
    __m512i first, second;
    E4m3Decoder().decode(_mm512_castsi256_si512(bytes), first, second);
    return first;
  }
  [[gnu::always_inline]] static void e4m3_words(__m512i bytes, __m512i& even, __m512i& odd) {
    E4m3Decoder().words(bytes, even, odd);
  }
  static __m512 add_products(__m512 acc, __m512 a, __m512 b) {
    return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

using Avx512Bf16 = Zmm<Bf16Instructions>;

}  // namespace
}  // namespace jamsu::kernels

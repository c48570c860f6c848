#pragma once
// AVX-512 without bf16 instructions (Skylake-X, Cascade Lake, Ice Lake, ...): F, BW, DQ and VL.
#include "kernels/cpu/avx512/zmm.h"

namespace jamsu::kernels {
namespace {

struct IntegerBits {
  static constexpr bool kTwoAtOnce = false;
  static constexpr const char* kName = "avx512";

  // VCVTNEPS2BF16: RNE, subnormals to signed zero, NaN quieted.
  static __m256i round(__m512 x) { return _mm512_cvtepi32_epi16(rounded(x)); }
  static __m512i round(__m512 low, __m512 high) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(round(low)), round(high), 1);
  }
  // 64 bytes of e4m3: the first 32 as bf16, and the others.
  [[gnu::always_inline]] static void decode_e4m3(__m512i bytes, __m512i& first, __m512i& second) {
    // So that the low quarters of unpacking are the first 32 bytes.
    decode_lanes(_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), bytes), first, second);
  }
  [[gnu::always_inline]] static __m512i decode_e4m3(__m256i bytes) {
    __m512i first, second;
    decode_lanes(_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3), _mm512_castsi256_si512(bytes)),
                 first, second);
    return first;
  }

 private:
  // bf16 in the low half of each 32-bit lane.
  static __m512i rounded(__m512 x) {
    const __m512i u = _mm512_castps_si512(x), high = _mm512_srli_epi32(u, 16);
    const __m512i magnitude = _mm512_and_si512(u, _mm512_set1_epi32(0x7FFFFFFF));
    const __m512i odd_bit = _mm512_and_si512(high, _mm512_set1_epi32(1));
    const __m512i half = _mm512_add_epi32(odd_bit, _mm512_set1_epi32(0x7FFF));
    __m512i r = _mm512_srli_epi32(_mm512_add_epi32(u, half), 16);
    r = _mm512_mask_or_epi32(r, _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7F800000)), high,
                             _mm512_set1_epi32(0x40));
    return _mm512_mask_and_epi32(r, _mm512_cmplt_epi32_mask(magnitude, _mm512_set1_epi32(0x00800000)), high,
                                 _mm512_set1_epi32(0x8000));
  }
  // Of every 128 bits the lower 8 bytes, and the upper: low and high bytes of bf16 apart, then interleaved (as in
  // ../avx2/vec.h, whose comments say what the tables hold).
  [[gnu::always_inline]] static void decode_lanes(__m512i q, __m512i& first, __m512i& second) {
    const auto table = [](char a, char b, char c, char d, char e, char f, char g, char h, char i, char j, char k,
                          char l, char m, char n, char o, char p) __attribute__((always_inline)) {
      return _mm512_broadcast_i32x4(_mm_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p));
    };
    const __m512i nibble = _mm512_set1_epi8(0x0F);
    __m512i low = _mm512_andnot_si512(nibble, _mm512_slli_epi16(q, 4));
    __m512i high = _mm512_shuffle_epi8(table(0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x41, 0x42, 0x43, char(0xBC), char(0xBD),
                                             char(0xBE), char(0xBF), char(0xC0), char(0xC1), char(0xC2), char(0xC3)),
                                       _mm512_and_si512(_mm512_srli_epi16(q, 4), nibble));
    const __m512i index = _mm512_add_epi8(
        _mm512_and_si512(_mm512_add_epi8(q, _mm512_set1_epi8(1)), _mm512_set1_epi8(0x7F)), _mm512_set1_epi8(0x70));
    low = _mm512_xor_si512(
        low, _mm512_shuffle_epi8(
                 table(0x30, 0, 0x10, char(0xA0), char(0xF0), 0x40, 0x70, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0), index));
    high = _mm512_xor_si512(
        high, _mm512_shuffle_epi8(table(0x3C, 0x3C, 0x07, 0x07, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), index));
    first = _mm512_unpacklo_epi8(low, high);
    second = _mm512_unpackhi_epi8(low, high);
  }
};

using Avx512 = Zmm<IntegerBits>;

}  // namespace
}  // namespace jamsu::kernels

#pragma once
// F32x16 as two ymm registers. Only for sources of this folder: everything has internal linkage.
#include <immintrin.h>

#include <cstdint>

namespace jamsu::kernels {
namespace {

struct Avx2 {
  static constexpr bool kTwoPass = true;  // 16 registers: even chains first, parked, then odd chains
  static constexpr bool kTwoAtOnce = false;
  static constexpr const char* kName = "avx2";
  struct Mask {
    __m256 lo, hi;
  };
  __m256 lo, hi;

  static Avx2 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Avx2 set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Avx2 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Avx2 load_partial(const float* p, int64_t n) {
    return {_mm256_maskload_ps(p, lanes(n, 0)), _mm256_maskload_ps(p + 8, lanes(n, 8))};
  }
  void store(float* p) const {
    _mm256_storeu_ps(p, lo);
    _mm256_storeu_ps(p + 8, hi);
  }
  void store_partial(float* p, int64_t n) const {
    _mm256_maskstore_ps(p, lanes(n, 0), lo);
    _mm256_maskstore_ps(p + 8, lanes(n, 8), hi);
  }
  static Avx2 even(const uint16_t* pair) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(integers(pair), 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(integers(pair + 16), 16))};
  }
  static Avx2 odd(const uint16_t* pair) {
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(0xFFFF0000u));
    return {_mm256_castsi256_ps(_mm256_and_si256(integers(pair), mask)),
            _mm256_castsi256_ps(_mm256_and_si256(integers(pair + 16), mask))};
  }
  static Avx2 even(const float* pair) { return load(pair); }
  static Avx2 odd(const float* pair) { return load(pair + 16); }

  // 32 bf16 as 16 pairs of bits; the first `n` of them; from 32 bytes of e4m3 (base/e4m3.h).
  static Avx2 pairs(const uint16_t* p) {
    return {_mm256_castsi256_ps(integers(p)), _mm256_castsi256_ps(integers(p + 16))};
  }
  static Avx2 pairs_partial(const uint16_t* p, int64_t n) {
    alignas(32) uint16_t part[32] = {};
    __builtin_memcpy(part, p, static_cast<size_t>(n) * sizeof(uint16_t));
    return pairs(part);
  }
  static Avx2 pairs_of_e4m3(const uint8_t* p) {
    return e4m3_bits(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  // The same of 64 bytes: of the first 32, and of the others.
  static void pairs_of_e4m3(const uint8_t* p, Avx2& first, Avx2& second) {
    first = pairs_of_e4m3(p);
    second = pairs_of_e4m3(p + 32);
  }
  void store_pairs(uint16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_castps_si256(lo));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 16), _mm256_castps_si256(hi));
  }
  // Of pairs in a register the first and the second, widened.
  static Avx2 low_halves(Avx2 a) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.lo), 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.hi), 16))};
  }
  static Avx2 high_halves(Avx2 a) {
    const __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0xFFFF0000u)));
    return {_mm256_and_ps(a.lo, mask), _mm256_and_ps(a.hi, mask)};
  }
  // Of 32 columns of two rows as bits of bf16: pairs of the first 16 columns, and of the others.
  static void interleave(Avx2 row, Avx2 next, Avx2& first, Avx2& second) {
    interleave(row.lo, next.lo, first);
    interleave(row.hi, next.hi, second);
  }

  static Avx2 fma(Avx2 a, Avx2 b, Avx2 c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
  }
  static Avx2 div(Avx2 a, Avx2 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
  static Avx2 sqrt(Avx2 a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
  static Avx2 max(Avx2 a, Avx2 b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
  static Avx2 min(Avx2 a, Avx2 b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
  friend Avx2 operator+(Avx2 a, Avx2 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
  friend Avx2 operator-(Avx2 a, Avx2 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
  friend Avx2 operator*(Avx2 a, Avx2 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }

  static Mask less(Avx2 a, Avx2 b) {
    return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
  }
  static Mask greater(Avx2 a, Avx2 b) {
    return {_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ)};
  }
  static Mask first_lanes(int64_t n) { return {_mm256_castsi256_ps(lanes(n, 0)), _mm256_castsi256_ps(lanes(n, 8))}; }
  static Avx2 select(Mask m, Avx2 yes, Avx2 no) {
    return {_mm256_blendv_ps(no.lo, yes.lo, m.lo), _mm256_blendv_ps(no.hi, yes.hi, m.hi)};
  }
  // A NaN in either.
  static bool any_nan(Avx2 a, Avx2 b) {
    return _mm256_movemask_ps(
               _mm256_or_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_UNORD_Q), _mm256_cmp_ps(a.hi, b.hi, _CMP_UNORD_Q))) != 0;
  }
  static bool any_nan(Avx2 a, Mask m) {
    const __m256 x = _mm256_and_ps(_mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q), m.lo);
    const __m256 y = _mm256_and_ps(_mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q), m.hi);
    return _mm256_movemask_ps(_mm256_or_ps(x, y)) != 0;
  }
  // y * 2^(shifted - shift), an integer.
  static Avx2 times_power(Avx2 y, Avx2 shifted, Avx2 shift) {
    return {times_power(y.lo, shifted.lo, shift.lo), times_power(y.hi, shifted.hi, shift.hi)};
  }
  // x = m 2^e, m in [sqrt(1/2), sqrt(2)): by the bits of sqrt(1/2), as base/math.cpp's log.
  static void split_at_root_half(Avx2 x, Avx2& m, Avx2& e) {
    split_at_root_half(x.lo, m.lo, e.lo);
    split_at_root_half(x.hi, m.hi, e.hi);
  }
  static Avx2 round_to_bf16(Avx2 a) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(bf16_bits(a.lo), 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(bf16_bits(a.hi), 16))};
  }
  static void store_bf16(uint16_t* p, Avx2 a) {
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(bf16_bits(a.lo), bf16_bits(a.hi)), 0xD8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), packed);
  }
  static void store_pair(uint16_t* p, Avx2 e, Avx2 o) {
    const __m256i x = _mm256_or_si256(bf16_bits(e.lo), _mm256_slli_epi32(bf16_bits(o.lo), 16));
    const __m256i y = _mm256_or_si256(bf16_bits(e.hi), _mm256_slli_epi32(bf16_bits(o.hi), 16));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 16), y);
  }
  static void store_pair(float* p, Avx2 e, Avx2 o) {
    e.store(p);
    o.store(p + 16);
  }
  // Lanes 0-7 twice each; neighbours exchanged (RoPE's pairs).
  static Avx2 spread(Avx2 a) {
    return {_mm256_permutevar8x32_ps(a.lo, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)),
            _mm256_permutevar8x32_ps(a.lo, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7))};
  }
  static Avx2 swap_pairs(Avx2 a) { return {_mm256_permute_ps(a.lo, 0xB1), _mm256_permute_ps(a.hi, 0xB1)}; }
  // For four vectors at once the trees of tree_sum and tree_max: quarter r of the result is four times that of x[r].
  static Avx2 quarters_sum(const Avx2 (&x)[4]) {
    return quarters(x, [](__m256 a, __m256 b) { return _mm256_add_ps(a, b); });
  }
  static Avx2 quarters_max(const Avx2 (&x)[4]) {
    return quarters(x, [](__m256 a, __m256 b) { return _mm256_max_ps(a, b); });
  }
  // All lanes as quarter r's first.
  static Avx2 quarter(Avx2 a, int r) {
    const __m256 x = _mm256_permutevar8x32_ps(r < 2 ? a.lo : a.hi, _mm256_set1_epi32(4 * (r % 2)));
    return {x, x};
  }
  // x[i] lane j <-> x[j] lane i.
  static void transpose(Avx2 (&x)[16]) {
    __m256 a[8], b[8], c[8], d[8];
    for (int i = 0; i < 8; ++i) {
      a[i] = x[i].lo;
      b[i] = x[i].hi;
      c[i] = x[i + 8].lo;
      d[i] = x[i + 8].hi;
    }
    transpose8(a);
    transpose8(b);
    transpose8(c);
    transpose8(d);
    for (int i = 0; i < 8; ++i) {
      x[i] = {a[i], c[i]};
      x[i + 8] = {b[i], d[i]};
    }
  }
  static float tree_sum(Avx2 a) {
    return tree(_mm256_add_ps(a.lo, a.hi), [](__m128 x, __m128 y) { return _mm_add_ps(x, y); });
  }
  static float tree_max(Avx2 a) {
    return tree(_mm256_max_ps(a.lo, a.hi), [](__m128 x, __m128 y) { return _mm_max_ps(x, y); });
  }

 private:
  // 32 bytes of e4m3 as bits of bf16: low bytes and high bytes apart, then interleaved.
  static Avx2 e4m3_bits(__m256i bytes) {
    const auto table = [](char a, char b, char c, char d, char e, char f, char g, char h, char i, char j, char k,
                          char l, char m, char n, char o, char p) __attribute__((always_inline)) {
      return _mm256_broadcastsi128_si256(_mm_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p));
    };
    const __m256i q = _mm256_permute4x64_epi64(bytes, 0xD8);  // so that the low halves of unpacking are the first 16
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    __m256i low = _mm256_andnot_si256(nibble, _mm256_slli_epi16(q, 4));
    // (sign | exponent + 120) >> 1 by sign and exponent's upper three bits.
    __m256i high = _mm256_shuffle_epi8(table(0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x41, 0x42, 0x43, char(0xBC), char(0xBD),
                                             char(0xBE), char(0xBF), char(0xC0), char(0xC1), char(0xC2), char(0xC3)),
                                       _mm256_and_si256(_mm256_srli_epi16(q, 4), nibble));
    // What NaN, zero and subnormals m 2^-9 differ in from that: index 0 is NaN, m + 1 is m; from 16 on bit 7 gives 0.
    const __m256i index = _mm256_add_epi8(
        _mm256_and_si256(_mm256_add_epi8(q, _mm256_set1_epi8(1)), _mm256_set1_epi8(0x7F)), _mm256_set1_epi8(0x70));
    low = _mm256_xor_si256(
        low, _mm256_shuffle_epi8(
                 table(0x30, 0, 0x10, char(0xA0), char(0xF0), 0x40, 0x70, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0), index));
    high = _mm256_xor_si256(
        high, _mm256_shuffle_epi8(table(0x3C, 0x3C, 0x07, 0x07, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), index));
    return {_mm256_castsi256_ps(_mm256_unpacklo_epi8(low, high)), _mm256_castsi256_ps(_mm256_unpackhi_epi8(low, high))};
  }
  static __m256i integers(const uint16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void interleave(__m256 row, __m256 next, Avx2& to) {
    const __m256i a = _mm256_castps_si256(row), b = _mm256_castps_si256(next);
    const __m256i low = _mm256_unpacklo_epi16(a, b), high = _mm256_unpackhi_epi16(a, b);  // 4 columns a half
    to = {_mm256_castsi256_ps(_mm256_permute2x128_si256(low, high, 0x20)),
          _mm256_castsi256_ps(_mm256_permute2x128_si256(low, high, 0x31))};
  }
  static __m256i lanes(int64_t n, int base) {
    const __m256i index = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(base));
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), index);
  }
  static void split_at_root_half(__m256 x, __m256& m, __m256& e) {
    const __m256i root = _mm256_set1_epi32(0x3F3504F3), shifted = _mm256_sub_epi32(_mm256_castps_si256(x), root);
    e = _mm256_cvtepi32_ps(_mm256_srai_epi32(shifted, 23));
    m = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_and_si256(shifted, _mm256_set1_epi32(0x007FFFFF)), root));
  }
  // By 2^(k >> 1) and 2^(k - (k >> 1)), as base/math.cpp: 2^k itself may overflow.
  static __m256 times_power(__m256 y, __m256 shifted, __m256 shift) {
    const __m256i k = _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_castps_si256(shift));
    const __m256i half = _mm256_srai_epi32(k, 1), bias = _mm256_set1_epi32(127);
    const __m256i a = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i b = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(k, half), bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(y, _mm256_castsi256_ps(a)), _mm256_castsi256_ps(b));
  }
  // VCVTNEPS2BF16 in the low half of each 32-bit lane: RNE, subnormals to signed zero, NaN quieted.
  static __m256i bf16_bits(__m256 x) {
    const __m256i u = _mm256_castps_si256(x), magnitude = _mm256_and_si256(u, _mm256_set1_epi32(0x7FFFFFFF));
    const __m256i odd_bit = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    const __m256i high = _mm256_srli_epi32(u, 16);
    __m256i r = _mm256_srli_epi32(_mm256_add_epi32(u, _mm256_add_epi32(odd_bit, _mm256_set1_epi32(0x7FFF))), 16);
    const __m256i nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7F800000));
    const __m256i tiny = _mm256_cmpgt_epi32(_mm256_set1_epi32(0x00800000), magnitude);
    r = _mm256_blendv_epi8(r, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
    return _mm256_blendv_epi8(r, _mm256_and_si256(high, _mm256_set1_epi32(0x8000)), tiny);
  }
  template <class Op>
  static Avx2 quarters(const Avx2 (&x)[4], Op op) {
    const auto pair = [&](Avx2 p, Avx2 q) {
      const __m256 a = op(p.lo, p.hi), b = op(q.lo, q.hi);
      __m256 y = op(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
      y = op(y, _mm256_permute_ps(y, 0x4E));
      return op(y, _mm256_permute_ps(y, 0xB1));
    };
    return {pair(x[0], x[1]), pair(x[2], x[3])};
  }
  static void transpose8(__m256 (&x)[8]) {
    __m256 t[8];
    for (int i = 0; i < 8; i += 4) {  // 4 x 4 within each half
      const __m256 a = _mm256_unpacklo_ps(x[i], x[i + 1]), b = _mm256_unpackhi_ps(x[i], x[i + 1]);
      const __m256 c = _mm256_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm256_unpackhi_ps(x[i + 2], x[i + 3]);
      t[i] = _mm256_shuffle_ps(a, c, 0x44);
      t[i + 1] = _mm256_shuffle_ps(a, c, 0xEE);
      t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
      t[i + 3] = _mm256_shuffle_ps(b, d, 0xEE);
    }
    for (int i = 0; i < 4; ++i) {
      x[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
      x[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
  }
  template <class Op>
  static float tree(__m256 y, Op op) {
    __m128 z = op(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    z = op(z, _mm_movehl_ps(z, z));
    z = op(z, _mm_movehdup_ps(z));
    return _mm_cvtss_f32(z);
  }
};

}  // namespace
}  // namespace jamsu::kernels

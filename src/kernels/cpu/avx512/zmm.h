#pragma once
// F32x16 as one zmm register. How values become bf16 and e4m3 becomes values is Bits': integers here (vec.h), bf16
// instructions and byte tables in ../avx512bf16. Only for sources of those folders (and amx): internal linkage.
#include <immintrin.h>

#include <cstdint>

namespace jamsu::kernels {
namespace {

// Bits: kName; kTwoAtOnce, whether bf16 are multiplied two at a time (kernels/cpu/dot_tile.h); round(16 f32), 16 bf16;
// round(low, high), 32; decode_e4m3(64 bytes, first, second) and decode_e4m3(32 bytes), 32 bf16 each. With kTwoAtOnce
// also e4m3_words and add_products.
template <class Bits>
struct Zmm {
  static constexpr bool kTwoPass = false;  // enough registers for even and odd chains at once
  static constexpr bool kTwoAtOnce = Bits::kTwoAtOnce;
  static constexpr const char* kName = Bits::kName;
  struct Mask {
    __mmask16 m;
  };
  __m512 v;

  static Zmm zero() { return {_mm512_setzero_ps()}; }
  static Zmm set1(float x) { return {_mm512_set1_ps(x)}; }
  static Zmm load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Zmm load_partial(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store_partial(float* p, int64_t n) const { _mm512_mask_storeu_ps(p, first(n), v); }
  // A pair of k of 16 columns (kernels/params.h), widened.
  static Zmm even(const uint16_t* pair) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(pair), 16))};
  }
  static Zmm odd(const uint16_t* pair) {
    return {_mm512_castsi512_ps(
        _mm512_and_si512(_mm512_loadu_si512(pair), _mm512_set1_epi32(static_cast<int>(0xFFFF0000u))))};
  }
  static Zmm even(const float* pair) { return load(pair); }
  static Zmm odd(const float* pair) { return load(pair + 16); }

  // 32 bf16 as 16 pairs of bits; the first `n` of them; from 32 bytes of e4m3 (base/e4m3.h).
  static Zmm pairs(const uint16_t* p) { return {_mm512_castsi512_ps(_mm512_loadu_si512(p))}; }
  static Zmm pairs_partial(const uint16_t* p, int64_t n) {
    return {_mm512_castsi512_ps(_mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << n) - 1), p))};
  }
  static Zmm pairs_of_e4m3(const uint8_t* p) {
    return {_mm512_castsi512_ps(Bits::decode_e4m3(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))))};
  }
  // The same of 64 bytes: of the first 32, and of the others.
  static void pairs_of_e4m3(const uint8_t* p, Zmm& first, Zmm& second) {
    __m512i a, b;
    Bits::decode_e4m3(_mm512_loadu_si512(p), a, b);
    first.v = _mm512_castsi512_ps(a);
    second.v = _mm512_castsi512_ps(b);
  }
  // 32 values rounded, as bits.
  static Zmm pairs_rounded(Zmm low, Zmm high) { return {_mm512_castsi512_ps(Bits::round(low.v, high.v))}; }
  void store_pairs(uint16_t* p) const { _mm512_storeu_si512(p, _mm512_castps_si512(v)); }
  // Of 32 values of bf16 the first 16 and the others, widened.
  static Zmm first_half(Zmm a) { return widened(_mm512_castsi512_si256(_mm512_castps_si512(a.v))); }
  static Zmm second_half(Zmm a) { return widened(_mm512_extracti64x4_epi64(_mm512_castps_si512(a.v), 1)); }
  // Of pairs in a register the first and the second, widened.
  static Zmm low_halves(Zmm a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.v), 16))}; }
  static Zmm high_halves(Zmm a) {
    return {_mm512_castsi512_ps(
        _mm512_and_si512(_mm512_castps_si512(a.v), _mm512_set1_epi32(static_cast<int>(0xFFFF0000u))))};
  }

  // Of 32 columns of two rows as bits of bf16: pairs of the first 16 columns, and of the others.
  static void interleave(Zmm row, Zmm next, Zmm& first, Zmm& second) {
    const __m512i a = _mm512_castps_si512(row.v), b = _mm512_castps_si512(next.v);
    const __m512i low = _mm512_unpacklo_epi16(a, b), high = _mm512_unpackhi_epi16(a, b);  // 4 columns a quarter
    first.v = _mm512_castsi512_ps(_mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high));
    second.v = _mm512_castsi512_ps(_mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high));
  }

  // kernels/cpu/dot_tile.h: of two adjacent pair rows of a panel the words of the even and of the odd chain.
  // (A shift and a blend each: 1.6 times FMA's peak, 1.3 with ternary logic, 1.4 with vpermt2w, on a Zen 4.)
  static void panel_words(const uint16_t* pair, Zmm& even, Zmm& odd) {
    constexpr __mmask32 kHigh = 0xAAAAAAAAu;
    const __m512i first = _mm512_loadu_si512(pair), second = _mm512_loadu_si512(pair + 32);
    even.v = _mm512_castsi512_ps(_mm512_mask_blend_epi16(kHigh, second, _mm512_slli_epi32(first, 16)));
    odd.v = _mm512_castsi512_ps(_mm512_mask_blend_epi16(kHigh, _mm512_srli_epi32(second, 16), first));
  }
  // Of 32 values along k as bits: words 2 i and 2 i + 1 of the 4 values from 4 i on.
  static Zmm row_words(Zmm values) {
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(4, 5, 0, 1, 6, 7, 2, 3, 12, 13, 8, 9, 14, 15, 10, 11));
    return {_mm512_castsi512_ps(_mm512_shuffle_epi8(_mm512_castps_si512(values.v), order))};
  }
  // k, k + 1, k + 2, k + 3 of 16 rows apart: their words.
  static void column_words(Zmm k0, Zmm k1, Zmm k2, Zmm k3, Zmm& even, Zmm& odd) {
    even = interleaved(k2, k0);
    odd = interleaved(k3, k1);
  }
  // Of e4m3, 4 k of 16 rows.
  static Zmm bytes(const uint8_t* p) { return {_mm512_castsi512_ps(_mm512_loadu_si512(p))}; }
  [[gnu::always_inline]] static void e4m3_words(Zmm q, Zmm& even, Zmm& odd) {
    __m512i e, o;
    Bits::e4m3_words(_mm512_castps_si512(q.v), e, o);
    even.v = _mm512_castsi512_ps(e);
    odd.v = _mm512_castsi512_ps(o);
  }
  static Zmm set1_word(uint32_t x) { return {_mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(x)))}; }
  static void store_words(uint32_t* p, Zmm a) { _mm512_storeu_si512(p, _mm512_castps_si512(a.v)); }
  // acc + the products of both halves, the high ones first: numerics.md section 2.
  static Zmm add_products(Zmm acc, Zmm a, Zmm b) { return {Bits::add_products(acc.v, a.v, b.v)}; }

  static Zmm fma(Zmm a, Zmm b, Zmm c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  static Zmm div(Zmm a, Zmm b) { return {_mm512_div_ps(a.v, b.v)}; }
  static Zmm sqrt(Zmm a) { return {_mm512_sqrt_ps(a.v)}; }
  static Zmm max(Zmm a, Zmm b) { return {_mm512_max_ps(a.v, b.v)}; }
  static Zmm min(Zmm a, Zmm b) { return {_mm512_min_ps(a.v, b.v)}; }
  friend Zmm operator+(Zmm a, Zmm b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Zmm operator-(Zmm a, Zmm b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Zmm operator*(Zmm a, Zmm b) { return {_mm512_mul_ps(a.v, b.v)}; }

  static Mask less(Zmm a, Zmm b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
  static Mask greater(Zmm a, Zmm b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
  static Mask first_lanes(int64_t n) { return {first(n)}; }
  static Zmm select(Mask m, Zmm yes, Zmm no) { return {_mm512_mask_blend_ps(m.m, no.v, yes.v)}; }
  // A NaN in either.
  static bool any_nan(Zmm a, Zmm b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_UNORD_Q) != 0; }
  static bool any_nan(Zmm a, Mask m) { return (_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q) & m.m) != 0; }
  // y * 2^(shifted - shift), an integer: one instruction here, equal to the two products of base/math.cpp's exp because
  // neither its results nor its factors are subnormal.
  static Zmm times_power(Zmm y, Zmm shifted, Zmm shift) {
    return {_mm512_scalef_ps(y.v, _mm512_sub_ps(shifted.v, shift.v))};
  }
  // x = m 2^e, m in [sqrt(1/2), sqrt(2)): by the bits of sqrt(1/2), as base/math.cpp's log.
  static void split_at_root_half(Zmm x, Zmm& m, Zmm& e) {
    const __m512i root = _mm512_set1_epi32(0x3F3504F3), shifted = _mm512_sub_epi32(_mm512_castps_si512(x.v), root);
    e.v = _mm512_cvtepi32_ps(_mm512_srai_epi32(shifted, 23));
    m.v = _mm512_castsi512_ps(_mm512_add_epi32(_mm512_and_si512(shifted, _mm512_set1_epi32(0x007FFFFF)), root));
  }
  static Zmm round_to_bf16(Zmm a) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(Bits::round(a.v)), 16))};
  }
  // 16 bf16 values to memory.
  static void store_bf16(uint16_t* p, Zmm a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), Bits::round(a.v)); }
  // even and odd rows interleaved to bf16 pairs.
  static Zmm interleaved(Zmm e, Zmm o) {
    const __m512i low = _mm512_cvtepu16_epi32(Bits::round(e.v));
    const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(Bits::round(o.v)), 16);
    return {_mm512_castsi512_ps(_mm512_or_si512(low, high))};
  }
  static void store_pair(uint16_t* p, Zmm e, Zmm o) { interleaved(e, o).store_pairs(p); }
  static void store_pair(float* p, Zmm e, Zmm o) {
    e.store(p);
    o.store(p + 16);
  }
  // Lanes 0-7 twice each; neighbours exchanged (RoPE's pairs).
  static Zmm spread(Zmm a) {
    return {_mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), a.v)};
  }
  static Zmm swap_pairs(Zmm a) { return {_mm512_permute_ps(a.v, 0xB1)}; }
  // For four vectors at once the trees of tree_sum and tree_max: quarter r of the result is four times that of x[r].
  static Zmm quarters_sum(const Zmm (&x)[4]) {
    return quarters(x, [](__m512 a, __m512 b) { return _mm512_add_ps(a, b); });
  }
  static Zmm quarters_max(const Zmm (&x)[4]) {
    return quarters(x, [](__m512 a, __m512 b) { return _mm512_max_ps(a, b); });
  }
  // All lanes as quarter r's first.
  static Zmm quarter(Zmm a, int r) { return {_mm512_permutexvar_ps(_mm512_set1_epi32(4 * r), a.v)}; }
  // x[i] lane j <-> x[j] lane i.
  [[gnu::always_inline]] static inline void transpose(Zmm (&x)[16]) {
    __m512 t[16];
    for (int i = 0; i < 16; i += 4) {  // 4 x 4 within each quarter
      const __m512 a = _mm512_unpacklo_ps(x[i].v, x[i + 1].v), b = _mm512_unpackhi_ps(x[i].v, x[i + 1].v);
      const __m512 c = _mm512_unpacklo_ps(x[i + 2].v, x[i + 3].v), d = _mm512_unpackhi_ps(x[i + 2].v, x[i + 3].v);
      t[i] = _mm512_shuffle_ps(a, c, 0x44);
      t[i + 1] = _mm512_shuffle_ps(a, c, 0xEE);
      t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
      t[i + 3] = _mm512_shuffle_ps(b, d, 0xEE);
    }
    for (int i = 0; i < 4; ++i) {  // then the quarters
      const __m512 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xDD);
      const __m512 c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88),
                   d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xDD);
      x[i].v = _mm512_shuffle_f32x4(a, c, 0x88);
      x[i + 4].v = _mm512_shuffle_f32x4(b, d, 0x88);
      x[i + 8].v = _mm512_shuffle_f32x4(a, c, 0xDD);
      x[i + 12].v = _mm512_shuffle_f32x4(b, d, 0xDD);
    }
  }
  // The tree 8, 4, 2, 1 of numerics.md section 2.
  static float tree_sum(Zmm a) {
    return tree(
        a.v, [](__m256 x, __m256 y) { return _mm256_add_ps(x, y); },
        [](__m128 x, __m128 y) { return _mm_add_ps(x, y); });
  }
  static float tree_max(Zmm a) {
    return tree(
        a.v, [](__m256 x, __m256 y) { return _mm256_max_ps(x, y); },
        [](__m128 x, __m128 y) { return _mm_max_ps(x, y); });
  }

 private:
  static Zmm widened(__m256i bf16) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16))}; }
  static __mmask16 first(int64_t n) { return static_cast<__mmask16>(n >= 16 ? 0xFFFFu : (1u << n) - 1u); }
  template <class Op>
  static Zmm quarters(const Zmm (&x)[4], Op op) {
    const __m512 a = op(_mm512_shuffle_f32x4(x[0].v, x[1].v, 0x44), _mm512_shuffle_f32x4(x[0].v, x[1].v, 0xEE));
    const __m512 b = op(_mm512_shuffle_f32x4(x[2].v, x[3].v, 0x44), _mm512_shuffle_f32x4(x[2].v, x[3].v, 0xEE));
    __m512 y = op(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
    y = op(y, _mm512_permute_ps(y, 0x4E));
    return {op(y, _mm512_permute_ps(y, 0xB1))};
  }
  template <class Op8, class Op4>
  static float tree(__m512 x, Op8 op8, Op4 op4) {
    const __m256 y = op8(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 z = op4(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    z = op4(z, _mm_movehl_ps(z, z));
    z = op4(z, _mm_movehdup_ps(z));
    return _mm_cvtss_f32(z);
  }
};

}  // namespace
}  // namespace jamsu::kernels

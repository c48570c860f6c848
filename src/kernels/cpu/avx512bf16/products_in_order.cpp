#include "kernels/cpu/avx512bf16/vec.h"
#include "kernels/cpu_features.h"

namespace jamsu::kernels {
namespace {

// 16 words of bf16 from a counter (splitmix64). Exponents around 1, or so small that products and sums are subnormal,
// or any bits at all.
__m512i words_of(uint64_t index, int kind) {
  alignas(64) uint16_t values[32];
  for (uint64_t i = 0; i < 32; ++i) {
    uint64_t x = (index * 32 + i + 1) * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    x ^= x >> 31;
    const uint64_t exponent = kind == 0 ? 110 + (x >> 20) % 34 : kind == 1 ? 55 + (x >> 20) % 12 : x >> 7 & 0xFF;
    values[i] = static_cast<uint16_t>((x & 0x807F) | exponent << 7);
  }
  return _mm512_load_si512(values);
}

}  // namespace

bool avx512bf16_adds_products_in_order(int64_t words, bool high_first) {
  for (int64_t i = 0; i < words; ++i) {
    const int kind = static_cast<int>(i % 3);
    const auto at = [&](int64_t of) {
      return Avx512Bf16{_mm512_castsi512_ps(words_of(static_cast<uint64_t>(3 * i + of), kind))};
    };
    const Avx512Bf16 a = at(0), b = at(1),
                     acc = kind == 1 ? Avx512Bf16::low_halves(at(2)) * Avx512Bf16::set1(0x1p-58f) : at(2);
    const auto high = [&](Avx512Bf16 to) {
      return Avx512Bf16::fma(Avx512Bf16::high_halves(a), Avx512Bf16::high_halves(b), to);
    };
    const auto low = [&](Avx512Bf16 to) {
      return Avx512Bf16::fma(Avx512Bf16::low_halves(a), Avx512Bf16::low_halves(b), to);
    };
    const Avx512Bf16 want = high_first ? low(high(acc)) : high(low(acc));
    const Avx512Bf16 is = Avx512Bf16::add_products(acc, a, b);
    // Equal numbers (so -0 is +0), or NaN both.
    const __mmask16 equal = _mm512_cmp_ps_mask(is.v, want.v, _CMP_EQ_OQ);
    const __mmask16 nan =
        _mm512_cmp_ps_mask(is.v, is.v, _CMP_UNORD_Q) & _mm512_cmp_ps_mask(want.v, want.v, _CMP_UNORD_Q);
    if ((equal | nan) != 0xFFFF) return false;
  }
  return true;
}

}  // namespace jamsu::kernels

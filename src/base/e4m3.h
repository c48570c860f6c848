#pragma once
// FP8 e4m3 (Micikevicius et al. 2022, arXiv:2209.05433): sign, 4 bits of exponent (bias 7), 3 of mantissa; no
// infinities, NaN is all ones below the sign. Every value is a bf16.
#include <array>
#include <bit>
#include <cstdint>

namespace jamsu {

// Bits of the bf16.
constexpr uint16_t e4m3_to_bf16(uint8_t q) {
  const uint32_t sign = static_cast<uint32_t>(q & 0x80) << 8, magnitude = q & 0x7Fu;
  if (magnitude == 0x7F) return static_cast<uint16_t>(sign | 0x7FC0);
  uint32_t exponent = magnitude >> 3, mantissa = magnitude & 7;
  if (exponent == 0) {
    if (mantissa == 0) return static_cast<uint16_t>(sign);
    // mantissa * 2^-9, made normal.
    const auto shift = static_cast<uint32_t>(std::countl_zero(static_cast<uint8_t>(mantissa)) - 4);
    mantissa = (mantissa << shift) & 7;
    return static_cast<uint16_t>(sign | ((127 - 6 - shift) << 7) | (mantissa << 4));
  }
  return static_cast<uint16_t>(sign | ((exponent + 127 - 7) << 7) | (mantissa << 4));
}
inline float e4m3_to_f32(uint8_t q) {
  return std::bit_cast<float>(static_cast<uint32_t>(e4m3_to_bf16(q)) << 16);
}

inline constexpr std::array<uint16_t, 256> kE4m3ToBf16 = [] {
  std::array<uint16_t, 256> table{};
  for (uint32_t q = 0; q < 256; ++q) table[q] = e4m3_to_bf16(static_cast<uint8_t>(q));
  return table;
}();

}  // namespace jamsu

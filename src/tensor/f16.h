#pragma once
// IEEE binary16, as some checkpoints store weights.
#include <bit>
#include <cstdint>

namespace jamsu {

inline float f16_to_f32(uint16_t h) {
  // Without branches and without subnormals of f32, so that loops become vectors.
  constexpr uint32_t kBias = 112u << 23, kInfinite = 31u << 23;
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, magnitude = static_cast<uint32_t>(h & 0x7FFFu) << 13;
  const uint32_t exponent = magnitude & kInfinite;
  const uint32_t normal = magnitude + kBias + (exponent == kInfinite ? kBias : 0);
  const float subnormal = std::bit_cast<float>(magnitude + kBias + (1u << 23)) - 0x1p-14f;
  return std::bit_cast<float>(sign | (exponent == 0 ? std::bit_cast<uint32_t>(subnormal) : normal));
}

}  // namespace jamsu

#include "base/rng.h"

#include <cmath>
#include <numbers>

#include "base/check.h"
#include "base/math.h"

namespace jamsu {

std::array<uint32_t, 4> philox4x32(uint64_t seed, uint64_t index, uint32_t draw, Purpose purpose) {
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  std::array<uint32_t, 4> c{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), draw,
                            static_cast<uint32_t>(purpose)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0], p1 = uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

uint32_t RandomStream::word() {
  if (used_ == 4) {
    block_ = philox4x32(seed_, index_, draw_++, purpose_);
    used_ = 0;
  }
  return block_[static_cast<size_t>(used_++)];
}

uint32_t RandomStream::below(uint32_t bound) {
  JAMSU_CHECK(bound > 0);
  const uint32_t threshold = (0u - bound) % bound;  // 2^32 mod bound
  for (;;) {
    const uint64_t product = uint64_t{word()} * bound;
    if (static_cast<uint32_t>(product) >= threshold) return static_cast<uint32_t>(product >> 32);
  }
}

int64_t RandomStream::between(int64_t low, int64_t high) {
  JAMSU_CHECK(low <= high && high - low < 0xFFFFFFFFll);
  return low + below(static_cast<uint32_t>(high - low + 1));
}

double RandomStream::uniform() {
  const uint64_t high = word(), low = word();
  return static_cast<double>(((high << 32) | low) >> 11) * 0x1p-53;
}

std::array<float, 2> box_muller(uint32_t w0, uint32_t w1) {
  const double u0 = (static_cast<double>(w0) + 1.0) * 0x1p-32, u1 = static_cast<double>(w1) * 0x1p-32;
  const double r = std::sqrt(-2.0 * math::log(u0)), angle = 2.0 * std::numbers::pi * u1;
  return {static_cast<float>(r * math::cos(angle)), static_cast<float>(r * math::sin(angle))};
}

}  // namespace jamsu

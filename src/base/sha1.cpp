#include "base/sha1.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace jamsu {

void Sha1::block(const std::byte* bytes) {
  std::array<uint32_t, 80> w;
  for (size_t t = 0; t < 16; ++t) {
    w[t] = 0;
    for (size_t i = 0; i < 4; ++i) w[t] = w[t] << 8 | std::to_integer<uint32_t>(bytes[4 * t + i]);
  }
  for (size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  auto [a, b, c, d, e] = state_;
  for (size_t t = 0; t < 80; ++t) {
    const uint32_t f = t < 20   ? (b & c) ^ (~b & d)
                       : t < 40 ? b ^ c ^ d
                       : t < 60 ? (b & c) ^ (b & d) ^ (c & d)
                                : b ^ c ^ d;
    constexpr uint32_t kConstants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    const uint32_t next = std::rotl(a, 5) + f + e + kConstants[t / 20] + w[t];
    e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
  }
  state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d, state_[4] + e};
}

Sha1& Sha1::update(std::span<const std::byte> bytes) {
  size_t held = bytes_ % 64;
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (held == 0 && bytes.size() >= 64) {
      block(bytes.data());
      bytes = bytes.subspan(64);
      continue;
    }
    const size_t n = std::min(64 - held, bytes.size());
    std::memcpy(waiting_.data() + held, bytes.data(), n);
    bytes = bytes.subspan(n);
    held = (held + n) % 64;
    if (held == 0) block(waiting_.data());
  }
  return *this;
}
Sha1& Sha1::update(std::string_view text) {
  return update(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha1::hex() {
  const uint64_t bits = bytes_ * 8;
  std::string end(1, '\x80');
  end.append((119 - bytes_ % 64) % 64, '\0');
  for (int shift = 56; shift >= 0; shift -= 8) end += static_cast<char>(bits >> shift & 255);
  update(end);
  std::string text;
  for (const uint32_t word : state_)
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[word >> shift & 15];
  return text;
}

}  // namespace jamsu

#pragma once
// SHA-1 (FIPS 180-4), for git's object names alone: it tells two files apart, but guards against nobody who wants a
// collision. Everything of our own uses base/sha256.h.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace jamsu {

class Sha1 {
 public:
  Sha1& update(std::span<const std::byte> bytes);
  Sha1& update(std::string_view text);
  // 40 lower-case hexadecimal digits. Ends the hash.
  std::string hex();

 private:
  void block(const std::byte* bytes);  // 64 of them
  std::array<uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::array<std::byte, 64> waiting_;  // less than a block
  uint64_t bytes_ = 0;
};

}  // namespace jamsu

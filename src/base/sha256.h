#pragma once
// SHA-256 (FIPS 180-4, by libsodium).
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace jamsu {

class Sha256 {
 public:
  Sha256();
  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  // 64 lower-case hexadecimal digits. Ends the hash.
  std::string hex();

 private:
  alignas(16) std::array<std::byte, 128> state_;  // crypto_hash_sha256_state, whose header stays out of here
};

std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);

}  // namespace jamsu

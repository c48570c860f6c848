#include "base/sha256.h"

#include <sodium/crypto_hash_sha256.h>

#include <new>

namespace jamsu {
namespace {
crypto_hash_sha256_state* state_of(std::array<std::byte, 128>& bytes) {
  static_assert(sizeof(crypto_hash_sha256_state) <= 128 && alignof(crypto_hash_sha256_state) <= 16);
  return std::launder(reinterpret_cast<crypto_hash_sha256_state*>(bytes.data()));
}
}  // namespace

Sha256::Sha256() {
  crypto_hash_sha256_init(new (state_.data()) crypto_hash_sha256_state);
}

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  crypto_hash_sha256_update(state_of(state_), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return *this;
}
Sha256& Sha256::update(std::string_view text) {
  return update(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha256::hex() {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256_final(state_of(state_), digest.data());
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  return Sha256().update(bytes).hex();
}
std::string sha256_hex(std::string_view text) {
  return Sha256().update(text).hex();
}

}  // namespace jamsu

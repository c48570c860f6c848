// libFuzzer: any bytes are answered with a header whose tensors lie inside them, or an error; never with a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto header = jamsu::formats::parse_safetensors({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  if (!header) return 0;
  int64_t covered = 0;
  for (const auto& t : header->tensors) {
    if (t.offset < 8 || t.bytes < 0 || t.offset + t.bytes > static_cast<int64_t>(size)) std::abort();
    if (t.bytes * 8 != t.shape.elements() * jamsu::dtype_bits(t.dtype)) std::abort();
    covered += t.bytes;
  }
  if (covered > static_cast<int64_t>(size) - 8) std::abort();
  return 0;
}

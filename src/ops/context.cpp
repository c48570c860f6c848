#include "ops/context.h"

#include <cstdlib>
#include <new>

namespace jamsu::ops {

std::byte* Scratch::bytes(int worker, Slot slot, int64_t size) {
  Buffer& buffer = buffers_[static_cast<size_t>(worker)][slot];
  if (buffer.size < size) {
    const auto rounded = static_cast<size_t>((size + size / 2 + 4095) / 4096 * 4096);
    auto* data = static_cast<std::byte*>(std::aligned_alloc(64, rounded));
    if (!data) throw std::bad_alloc();
    buffer.data = {data, [](std::byte* p) { std::free(p); }};
    buffer.size = static_cast<int64_t>(rounded);
  }
  return buffer.data.get();
}

}  // namespace jamsu::ops

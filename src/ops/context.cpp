#include "ops/context.h"

#include <cstdlib>
#include <new>

#include "base/memory.h"

namespace jamsu::ops {

std::byte* Scratch::bytes(int worker, Slot slot, int64_t size) {
  Buffer& buffer = buffers_[static_cast<size_t>(worker)][slot];
  if (buffer.size < size) {
    // What is large is read over and over by kernels: huge pages.
    constexpr int64_t kLarge = int64_t{1} << 19;
    const int64_t wanted = size + size / 2, unit = wanted >= kLarge ? int64_t{2} << 20 : 4096;
    const int64_t rounded = (wanted + unit - 1) / unit * unit;
    std::byte* data = allocate_aligned(rounded);
    if (!data) throw std::bad_alloc();
    buffer.data = {data, [](std::byte* p) { std::free(p); }};
    buffer.size = rounded;
  }
  return buffer.data.get();
}

}  // namespace jamsu::ops

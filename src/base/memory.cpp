#include "base/memory.h"

#include <sys/mman.h>

#include <cstdlib>

namespace jamsu {

std::byte* allocate_aligned(int64_t bytes) {
  constexpr int64_t kHuge = int64_t{2} << 20;
  const int64_t unit = bytes >= kHuge ? kHuge : 64;
  void* data = nullptr;  // posix_memalign: aligned_alloc wants sizes that are multiples of the alignment
  if (::posix_memalign(&data, static_cast<size_t>(unit), static_cast<size_t>((bytes + 63) / 64 * 64)) != 0)
    return nullptr;
  if (unit == kHuge) ::madvise(data, static_cast<size_t>(bytes / kHuge * kHuge), MADV_HUGEPAGE);
  return static_cast<std::byte*>(data);
}

}  // namespace jamsu

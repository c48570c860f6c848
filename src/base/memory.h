#pragma once
// Memory for numbers.
#include <cstddef>
#include <cstdint>

namespace jamsu {

// 64-byte aligned; from 2 MiB on in huge pages where the system has them (madvise; fewer TLB misses and page faults,
// works without). Null where there is none. Freed by std::free.
std::byte* allocate_aligned(int64_t bytes);

}  // namespace jamsu

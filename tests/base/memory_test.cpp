#include "base/memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace jamsu {
namespace {

// Sizes around 2 MiB that are no multiples of it too:
// the address sanitizer takes offence at an alignment they do not fit.
TEST(Memory, IsAlignedAndWhole) {
  for (const int64_t bytes : {int64_t{1}, int64_t{64}, int64_t{100}, (int64_t{2} << 20) - 1, int64_t{2} << 20,
                              (int64_t{9} << 18) + 5, int64_t{5} << 20}) {
    const std::unique_ptr<std::byte, void (*)(std::byte*)> data(allocate_aligned(bytes),
                                                                [](std::byte* p) { std::free(p); });
    ASSERT_NE(data, nullptr) << bytes;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data.get()) % (bytes >= int64_t{2} << 20 ? 2 << 20 : 64), 0u) << bytes;
    std::memset(data.get(), 1, static_cast<size_t>(bytes));
  }
}

}  // namespace
}  // namespace jamsu

#include "base/rng.h"

#include <gtest/gtest.h>

namespace jamsu {
namespace {

// Known answers of Random123 (kat_vectors, philox4x32-10): counter and key all zero, all ones.
TEST(Philox, KnownAnswers) {
  const auto zero = philox4x32(0, 0, 0, static_cast<Purpose>(0));
  EXPECT_EQ(zero, (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const auto ones = philox4x32(~0ull, ~0ull, ~0u, static_cast<Purpose>(~0u));
  EXPECT_EQ(ones, (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(RandomStream, BelowIsUniformAndInRange) {
  RandomStream stream(7, 3, Purpose::test);
  int counts[6] = {};
  for (int i = 0; i < 60000; ++i) ++counts[stream.below(6)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(RandomStream, SameCounterSameWords) {
  RandomStream a(1, 2, Purpose::task), b(1, 2, Purpose::task), c(1, 3, Purpose::task);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint32_t x = a.word();
    EXPECT_EQ(x, b.word());
    differs |= x != c.word();
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace jamsu

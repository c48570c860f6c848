#include "session/loop_watch.h"

#include <gtest/gtest.h>

namespace jamsu::session {
namespace {

// After how many tokens of a block, said again and again after a beginning, the watch speaks; 0: not within 20,000.
int64_t ends_after(int32_t block, int32_t beginning = 0) {
  LoopWatch watch;
  for (int32_t i = 0; i < beginning; ++i) EXPECT_FALSE(watch.push(1000 + i));
  for (int64_t i = 0; i < 20'000; ++i)
    if (watch.push(static_cast<int32_t>(i % block))) return i + 1;
  return 0;
}

TEST(LoopWatch, ABlockManyTimesInARowIsALoop) {
  EXPECT_EQ(ends_after(1), 384);
  EXPECT_EQ(ends_after(10), 384);
  EXPECT_EQ(ends_after(16), 384);
  EXPECT_EQ(ends_after(17), 24 * 17);
  EXPECT_EQ(ends_after(256), 24 * 256);
  EXPECT_EQ(ends_after(257), 0);  // too long to be watched
  EXPECT_EQ(ends_after(12, 5), 384);
  EXPECT_EQ(ends_after(12, 1000), 384);
}

// A table whose rows differ in one token now and then, a number that counts up, rows that end.
TEST(LoopWatch, WhatOnlyLooksAlikeIsNone) {
  LoopWatch table;
  for (int32_t row = 0; row < 300; ++row)
    for (int32_t i = 0; i < 12; ++i) ASSERT_FALSE(table.push(i == 3 ? 100 + row : i)) << "row " << row;
  LoopWatch rows;
  for (int32_t part = 0; part < 50; ++part)
    for (int32_t i = 0; i < 23 * 20; ++i) ASSERT_FALSE(rows.push(i == 0 ? 1000 + part : i % 20));
  LoopWatch ruler;
  for (int32_t line = 0; line < 20; ++line)
    for (int32_t i = 0; i < 120; ++i) ASSERT_FALSE(ruler.push(i == 119 ? 7 + line : 5));
}

}  // namespace
}  // namespace jamsu::session

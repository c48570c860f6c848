// Advantages of groups: by hand. Against PyTorch: policy_loss_test.
#include "post/advantage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace jamsu::post {
namespace {

TEST(Advantages, GroupsOfAnySizeByHand) {
  // Means 2, 0.25 and none; deviations with n - 1: sqrt(1), 0.5; with n: sqrt(2 / 3), sqrt(3) / 4.
  const std::vector<float> rewards = {1, 2, 3, 1, 0, 0, 0};
  const std::vector<int64_t> groups = {0, 3, 7};
  const auto none = group_advantages(rewards, groups, Normalisation::none);
  EXPECT_EQ(none.values, (std::vector<float>{-1, 0, 1, 0.75f, -0.25f, -0.25f, -0.25f}));
  const auto sample = group_advantages(rewards, groups, Normalisation::std);
  EXPECT_FLOAT_EQ(sample.values[2], static_cast<float>(1 / (1 + 1e-4)));
  EXPECT_FLOAT_EQ(sample.values[3], static_cast<float>(0.75 / (0.5 + 1e-4)));
  const auto population = group_advantages(rewards, groups, Normalisation::population);
  EXPECT_FLOAT_EQ(population.values[0], static_cast<float>(-1 / (std::sqrt(2.0 / 3) + 1e-4)));
  EXPECT_FLOAT_EQ(population.values[4], static_cast<float>(-0.25 / (std::sqrt(3.0) / 4 + 1e-4)));
  EXPECT_EQ(sample.used, 2);
  EXPECT_EQ(sample.even + sample.failed, 0);
}

TEST(Advantages, AGroupWithoutSpreadIsDroppedAndCounted) {
  // A mean of equal f32 rewards need not equal them: 0.1 three times. One reply, or none, has no spread either.
  const std::vector<float> rewards = {0.1f, 0.1f, 0.1f, 5, 1, 0};
  const auto got = group_advantages(rewards, std::vector<int64_t>{0, 3, 4, 4, 6}, Normalisation::std);
  EXPECT_EQ(got.groups, (std::vector{GroupState::even, GroupState::even, GroupState::even, GroupState::used}));
  EXPECT_EQ(got.even, 3);
  EXPECT_EQ(got.used, 1);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(got.values[i], 0.0f);
  EXPECT_GT(got.values[4], 0.0f);
  EXPECT_EQ(got.values[4], -got.values[5]);
}

TEST(Advantages, ARewardThatIsNoNumberFailsItsGroupAlone) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> rewards = {1, nan, 0, -inf, inf, 1, 1, 0};
  const auto got = group_advantages(rewards, std::vector<int64_t>{0, 3, 6, 8}, Normalisation::population);
  EXPECT_EQ(got.groups, (std::vector{GroupState::failed, GroupState::failed, GroupState::used}));
  EXPECT_EQ(got.failed, 2);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(got.values[i], 0.0f);
  EXPECT_GT(got.values[6], 0.0f);
}

TEST(Advantages, NamesAreThoseOfARecipe) {
  EXPECT_EQ(*normalisation_named("population"), Normalisation::population);
  const auto wrong = normalisation_named("stdev");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message, "\"stdev\" is none of std, none, population");
}

}  // namespace
}  // namespace jamsu::post

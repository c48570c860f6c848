// What each kind of scaling makes of a config, against transformers' formulas written down again in f64
// (modeling_rope_utils.py of 5.24).
#include "ops/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "kernels/test_isas.h"
#include "ops/context.h"

namespace jamsu::ops {
namespace {

RopeConfig config_of(RopeScaling scaling, int64_t width = 16) {
  RopeConfig c;
  c.width = width;
  c.theta = 50000;
  c.scaling = scaling;
  c.factor = 4;
  c.original_context = 64;
  return c;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_FLOAT_EQ(got[i], static_cast<float>(want[i])) << i;
}

std::vector<double> plain(double theta, int64_t width) {
  std::vector<double> f;
  for (int64_t i = 0; i < width; i += 2)
    f.push_back(1.0 / std::pow(theta, static_cast<double>(i) / static_cast<double>(width)));
  return f;
}

TEST(Rope, DynamicGrowsThetaWithTheLength) {
  const RopeConfig c = config_of(RopeScaling::dynamic);
  const Rope rope(c);
  ASSERT_TRUE(rope.by_length());
  for (const int64_t length : {1, 63, 64}) EXPECT_EQ(rope.frequencies_of(length), rope.inverse_frequency);
  expect_near(rope.inverse_frequency, plain(c.theta, c.width));
  for (const int64_t length : {65, 100, 256}) {
    const double base =
        c.theta * std::pow(c.factor * static_cast<double>(length) / 64 - (c.factor - 1), 16.0 / (16.0 - 2.0));
    expect_near(rope.frequencies_of(length), plain(base, c.width));
  }
  EXPECT_EQ(rope.attention_factor, 1.0f);
  const Rope narrow(config_of(RopeScaling::dynamic, 2));  // (width - 2) below the line: its one frequency is 1
  EXPECT_EQ(narrow.frequencies_of(1000), std::vector<float>{1.0f});
}

// Phi-3's: which of the two lists it is, is said by the length of the text; their factor on cos and sin stays.
TEST(Rope, LongropeTakesTheLongFactorsBeyondTheLengthTrainedOn) {
  RopeConfig c = config_of(RopeScaling::longrope, 8);
  c.short_factor = {1, 1.1, 1.25, 2};
  c.long_factor = {1, 3, 17.5, 64};
  const Rope rope(c);
  ASSERT_TRUE(rope.by_length());
  std::vector<double> within = plain(c.theta, 8), beyond = within;
  for (size_t i = 0; i < 4; ++i) {
    within[i] /= c.short_factor[i];
    beyond[i] /= c.long_factor[i];
  }
  for (const int64_t length : {1, 63, 64}) expect_near(rope.frequencies_of(length), within);
  for (const int64_t length : {65, 256, 1 << 20}) expect_near(rope.frequencies_of(length), beyond);
  EXPECT_EQ(rope.inverse_frequency, rope.frequencies_of(64));
  EXPECT_FLOAT_EQ(rope.attention_factor, static_cast<float>(std::sqrt(1 + std::log(4.0) / std::log(64.0))));
  EXPECT_EQ(rope.softmax_factor, 1.0);
  c.factor = 1;
  EXPECT_EQ(Rope(c).attention_factor, 1.0f);
  c.factor = 0.5;
  EXPECT_EQ(Rope(c).attention_factor, 1.0f);
  c.attention_factor = 1.19;
  EXPECT_EQ(Rope(c).attention_factor, 1.19f);
}

TEST(Rope, ATableOfRowsOfDifferentLengthsHasEachRowsOwn) {
  Runtime runtime(2, kernels::test::test_isa(), Numerics::bf16);
  RopeConfig longrope = config_of(RopeScaling::longrope);
  longrope.short_factor.assign(8, 1.5);
  longrope.long_factor.assign(8, 6);
  for (const Rope& rope : {Rope(config_of(RopeScaling::dynamic)), Rope(longrope)}) {
    const std::vector<int64_t> positions = {3, 70, 80, 5}, lengths = {64, 100, 100, 10};
    const RopeTable all = rope_table(rope, positions, lengths, runtime.context());
    for (size_t row = 0; row < positions.size(); ++row) {
      const RopeTable one = rope_table(rope, {&positions[row], 1}, {&lengths[row], 1}, runtime.context());
      for (int64_t j = 0; j < 8; ++j) {
        EXPECT_EQ(all.cosine.f32()[static_cast<int64_t>(row) * 8 + j], one.cosine.f32()[j]);
        EXPECT_EQ(all.sine.f32()[static_cast<int64_t>(row) * 8 + j], one.sine.f32()[j]);
      }
      const double angle =
          static_cast<double>(positions[row]) * static_cast<double>(rope.frequencies_of(lengths[row])[1]);
      EXPECT_NEAR(static_cast<double>(one.cosine.f32()[1]),
                  static_cast<double>(rope.attention_factor) * std::cos(angle), 1e-5);
    }
  }
}

TEST(Rope, YarnsFactorOnCosAndSin) {
  RopeConfig c = config_of(RopeScaling::yarn);
  EXPECT_FLOAT_EQ(Rope(c).attention_factor, static_cast<float>(0.1 * std::log(4.0) + 1));
  EXPECT_EQ(Rope(c).softmax_factor, 1.0);
  c.mscale = 0.7;
  c.mscale_all_dim = 1.2;
  c.has_mscale = true;
  const double above = 0.1 * 0.7 * std::log(4.0) + 1, below = 0.1 * 1.2 * std::log(4.0) + 1;
  EXPECT_FLOAT_EQ(Rope(c).attention_factor, static_cast<float>(above / below));
  EXPECT_DOUBLE_EQ(Rope(c).softmax_factor, below * below);
  c.attention_factor = 1.25;  // goes before what mscale gives
  EXPECT_EQ(Rope(c).attention_factor, 1.25f);
  EXPECT_DOUBLE_EQ(Rope(c).softmax_factor, below * below);
}

TEST(Rope, YarnsRampBetweenWholeDimensionsOrNot) {
  RopeConfig c = config_of(RopeScaling::yarn);
  const auto dimension = [&](double rotations) {
    return 16 * std::log(64 / (rotations * 2 * std::numbers::pi)) / (2 * std::log(c.theta));
  };
  for (const bool truncate : {true, false}) {
    c.truncate = truncate;
    double low = dimension(32), high = dimension(1);
    if (truncate) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.0);
    high = std::min(high, 15.0);
    std::vector<double> want = plain(c.theta, 16);
    for (size_t i = 0; i < want.size(); ++i) {
      const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
      want[i] = want[i] / 4 * ramp + want[i] * (1 - ramp);
    }
    expect_near(Rope(c).inverse_frequency, want);
  }
}

}  // namespace
}  // namespace jamsu::ops

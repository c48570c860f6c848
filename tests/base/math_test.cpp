#include "base/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace jamsu {
namespace {

double ulps(float got, double want) {
  const float reference = static_cast<float>(want);
  const double ulp = std::nextafter(std::abs(reference), std::numeric_limits<float>::infinity()) - std::abs(reference);
  return std::abs(static_cast<double>(got) - want) / ulp;
}

TEST(Math, ExpF32WithinTwoUlp) {
  double worst = 0;
  for (float x = -87.2f; x < 88.7f; x += 0.00137f)
    worst = std::max(worst, ulps(math::exp(x), std::exp(static_cast<double>(x))));
  EXPECT_LE(worst, 2.0);
  std::printf("exp f32: worst %.3f ulp\n", worst);
}

TEST(Math, ExpF32Edges) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(math::exp(0.0f), 1.0f);
  EXPECT_EQ(math::exp(-0.0f), 1.0f);
  EXPECT_EQ(math::exp(-inf), 0.0f);
  EXPECT_FALSE(std::signbit(math::exp(-inf)));
  EXPECT_EQ(math::exp(-88.0f), 0.0f);
  EXPECT_EQ(math::exp(inf), inf);
  EXPECT_EQ(math::exp(90.0f), inf);
  EXPECT_TRUE(std::isnan(math::exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Math, LogF32WithinTwoUlp) {
  double worst = 0;
  for (float x = 1e-37f; x < 1e38f; x *= 1.00093f) {
    const double want = std::log(static_cast<double>(x));
    // Near 1 the result is tiny: an absolute bound of half an ulp of the argument's distance holds there.
    worst = std::max(worst,
                     std::abs(static_cast<double>(math::log(x)) - want) / std::max(std::abs(want) * 0x1p-23, 0x1p-26));
  }
  EXPECT_LE(worst, 2.0);
  std::printf("log f32: worst %.3f ulp\n", worst);
}

TEST(Math, LogF32Edges) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(math::log(1.0f), 0.0f);
  EXPECT_EQ(math::log(0.0f), -inf);
  EXPECT_EQ(math::log(-0.0f), -inf);
  EXPECT_EQ(math::log(inf), inf);
  EXPECT_TRUE(std::isnan(math::log(-1.0f)));
  EXPECT_TRUE(std::isnan(math::log(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Math, F64WithinTwoUlp) {
  const auto relative = [](double got, double want) {
    return std::abs(got - want) / std::max(std::abs(want), 1e-300) * 0x1p53;
  };
  double worst_exp = 0, worst_log = 0, worst_sin = 0, worst_cos = 0;
  for (double x = -700; x < 700; x += 0.0237) worst_exp = std::max(worst_exp, relative(math::exp(x), std::exp(x)));
  for (double x = 1e-300; x < 1e300; x *= 1.0179) worst_log = std::max(worst_log, relative(math::log(x), std::log(x)));
  for (double x = -1e6; x < 1e6; x += 3.1713) {
    const double y = static_cast<float>(x);  // arguments are f32 angles
    worst_sin = std::max(worst_sin, std::abs(math::sin(y) - std::sin(y)) * 0x1p53);
    worst_cos = std::max(worst_cos, std::abs(math::cos(y) - std::cos(y)) * 0x1p53);
  }
  EXPECT_LE(worst_exp, 4.0);
  EXPECT_LE(worst_log, 4.0);
  EXPECT_LE(worst_sin, 4.0);
  EXPECT_LE(worst_cos, 4.0);
}

TEST(Math, Bf16Rounding) {
  EXPECT_EQ(f32_to_bf16(1.0f), 0x3F80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F808000u)), 0x3F80);  // tie to even
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F818000u)), 0x3F82);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x80000001u)), 0x8000);  // subnormal to signed zero
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x7F800001u)), 0x7FC0);  // NaN quieted
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7F80);
}

}  // namespace
}  // namespace jamsu

// GELU against its formula in f64 (std::erfc), value and derivative. The bounds are those that base/gelu.h states.
#include "base/gelu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace jamsu {
namespace {

double ulps(float got, double want) {
  const float reference = std::abs(static_cast<float>(want));
  const double ulp = std::nextafter(reference, std::numeric_limits<float>::infinity()) - reference;
  return std::abs(static_cast<double>(got) - want) / ulp;
}
double exact_cdf(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}
double twice_u(double x) {
  return 2 * std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
}

// Down to where exp(-x^2 / 2) leaves the normal range.
TEST(Gelu, NormalDistributionWithinSixUlp) {
  double cdf = 0, bell = 0, value = 0;
  for (double step = -13.0; step < 13.0; step += 0.000731) {
    const auto x = static_cast<float>(step);
    const double d = static_cast<double>(x);
    const math::Normal n = math::normal(x);
    cdf = std::max(cdf, ulps(n.cdf, exact_cdf(d)));
    bell = std::max(bell, ulps(n.bell, std::exp(-d * d / 2)));
    value = std::max(value, ulps(math::gelu(x), d * exact_cdf(d)));
  }
  EXPECT_LE(cdf, 6.0);
  EXPECT_LE(bell, 6.0);
  EXPECT_LE(value, 10.0);
  std::printf("normal distribution: worst %.2f ulp, its bell %.2f, gelu %.2f\n", cdf, bell, value);
}

// An error of an ulp in 2u is one of |2u| ulp in exp(2u).
TEST(Gelu, ByTanhWithinThreeUlpOfItsArgument) {
  double worst = 0;
  for (double step = -7.0; step < 20.0; step += 0.000731) {
    const auto x = static_cast<float>(step);
    const double a = twice_u(static_cast<double>(x)), want = static_cast<double>(x) / (1 + std::exp(-a));
    worst = std::max(worst, ulps(math::gelu_tanh(x), want) / (1 + std::abs(a)));
  }
  EXPECT_LE(worst, 3.0);
}

TEST(Gelu, DerivativesAreThose) {
  for (double step = -20.0; step < 20.0; step += 0.000731) {
    const auto x = static_cast<float>(step);
    const double d = static_cast<double>(x);
    const double exact = exact_cdf(d) + d * std::exp(-d * d / 2) / std::sqrt(2 * std::numbers::pi);
    EXPECT_NEAR(static_cast<double>(math::gelu_derivative(x)), exact, 3e-7) << x;
    const double s = 1 / (1 + std::exp(-twice_u(d)));
    const double slope = 2 * std::sqrt(2 / std::numbers::pi) * (1 + 3 * 0.044715 * d * d);
    EXPECT_NEAR(static_cast<double>(math::gelu_tanh_derivative(x)), s + d * s * (1 - s) * slope, 3e-7) << x;
  }
}

TEST(Gelu, Edges) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (float (*f)(float) : {math::gelu, math::gelu_tanh}) {
    EXPECT_EQ(f(0.0f), 0.0f);
    EXPECT_EQ(f(1e30f), 1e30f);
    EXPECT_EQ(f(-1e30f), 0.0f);
    EXPECT_EQ(f(inf), inf);
    EXPECT_TRUE(std::isnan(f(-inf)));  // as x * 0
    EXPECT_TRUE(std::isnan(f(nan)));
  }
  for (float (*f)(float) : {math::gelu_derivative, math::gelu_tanh_derivative}) {
    EXPECT_EQ(f(0.0f), 0.5f);
    EXPECT_EQ(f(1e30f), 1.0f);
    EXPECT_EQ(f(-1e30f), 0.0f);
    EXPECT_TRUE(std::isnan(f(nan)));
  }
}

}  // namespace
}  // namespace jamsu

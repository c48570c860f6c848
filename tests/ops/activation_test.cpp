// Gated MLPs by other functions than silu: against their formulas in f64, whatever the threads and the number of rows.
#include "ops/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "base/rng.h"
#include "kernels/test_isas.h"

namespace jamsu::ops {
namespace {

constexpr Activation kAll[] = {Activation::silu, Activation::gelu, Activation::gelu_tanh, Activation::relu};

double exact(Activation f, double x) {
  switch (f) {
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu:
      return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
    case Activation::gelu_tanh:  // NewGELUActivation of transformers
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::relu:
      return std::max(x, 0.0);
  }
  return 0;
}

Tensor random(int64_t rows, int64_t width, uint64_t index, Context& c) {
  Tensor t = c.empty({rows, width});
  RandomStream stream(31, index, Purpose::test);
  for (int64_t i = 0; i < t.elements(); ++i) t.f32()[i] = (static_cast<float>(stream.uniform()) - 0.5f) * 12.0f;
  return t;
}

TEST(Gated, IsTheFunctionTimesUpAndItsGradient) {
  Runtime runtime(2, kernels::test::test_isa(), Numerics::f32);
  Context& c = runtime.context();
  const Tensor gate = random(37, 51, 1, c), up = random(37, 51, 2, c), dh = random(37, 51, 3, c);
  for (const Activation f : kAll) {
    const Tensor h = gated(f, gate, up, c);
    const SwigluGrads g = gated_backward(f, dh, gate, up, c);
    for (int64_t i = 0; i < h.elements(); ++i) {
      const double x = static_cast<double>(gate.f32()[i]), u = static_cast<double>(up.f32()[i]),
                   d = static_cast<double>(dh.f32()[i]);
      // Central differences in f64 are off by the third derivative (below 2) times 1e-10 / 6.
      const double slope = (exact(f, x + 1e-5) - exact(f, x - 1e-5)) / 2e-5;
      EXPECT_NEAR(static_cast<double>(h.f32()[i]), exact(f, x) * u, 1e-6 * (1 + std::abs(x * u)));
      EXPECT_NEAR(static_cast<double>(g.dup.f32()[i]), exact(f, x) * d, 1e-6 * (1 + std::abs(x * d)));
      EXPECT_NEAR(static_cast<double>(g.dgate.f32()[i]), slope * u * d, 1e-6 * (1 + std::abs(u * d)));
    }
  }
}

TEST(Gated, BitsDoNotDependOnNeighboursOrThreads) {
  Runtime one(1, kernels::test::test_isa(), Numerics::f32), three(3, kernels::test::test_isa(), Numerics::f32);
  const Tensor gate = random(301, 70, 1, one.context()), up = random(301, 70, 2, one.context());
  for (const Activation f : kAll) {
    const Tensor whole = gated(f, gate, up, three.context());
    const SwigluGrads grads = gated_backward(f, up, gate, up, three.context());
    for (const int64_t row : {0, 1, 150, 300}) {  // a row alone: the ends of vectors lie elsewhere
      const Tensor g = slice_columns(gate.reshape({1, 301 * 70}), row * 70, 70, one.context());
      const Tensor u = slice_columns(up.reshape({1, 301 * 70}), row * 70, 70, one.context());
      const Tensor h = gated(f, g, u, one.context());
      const SwigluGrads d = gated_backward(f, u, g, u, one.context());
      std::vector<float> values(70);
      activate(f, g.f32(), 70, values.data());
      for (int64_t i = 0; i < 70; ++i) {
        EXPECT_EQ(h.f32()[i], whole.f32()[row * 70 + i]);
        EXPECT_EQ(d.dgate.f32()[i], grads.dgate.f32()[row * 70 + i]);
        EXPECT_EQ(d.dup.f32()[i], grads.dup.f32()[row * 70 + i]);
        EXPECT_EQ(h.f32()[i], values[static_cast<size_t>(i)] * u.f32()[i]);
      }
    }
  }
}

TEST(Gated, NaNIsNotLost) {
  Runtime runtime(1, kernels::test::test_isa(), Numerics::f32);
  Context& c = runtime.context();
  Tensor gate = c.zeros({1, 20}), up = c.zeros({1, 20});
  gate.f32()[3] = up.f32()[17] = std::nanf("");
  for (const Activation f : kAll) {
    const Tensor h = gated(f, gate, up, c);
    for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(h.f32()[i]), i == 3 || i == 17) << i;
  }
}

}  // namespace
}  // namespace jamsu::ops

// Lightning attention against its formula in double, and its bits whatever the pieces, the batch and the threads.
#include "ops/lightning.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/math.h"
#include "base/rng.h"

namespace jamsu::ops {
namespace {

constexpr int64_t kRows = 37, kHeads = 3, kWidth = 20, kState = kHeads * kWidth * kWidth;
const std::vector<float> kDecay = {0.5f, 0.93f, 0.9995f};

Tensor random(Shape shape, Context& context) {
  Tensor t = context.empty(shape);
  RandomStream stream(5, 0, Purpose::test);
  for (int64_t i = 0; i < t.elements(); ++i)
    t.f32()[i] = (static_cast<float>(stream.word() >> 8) * 0x1p-23f - 1.0f) * 3.0f;
  return t;
}

TEST(Lightning, IsTheDecayedSumOfItsFormula) {
  Runtime runtime(1, kernels::best_isa(), Numerics::f32);
  Context& c = runtime.context();
  const Tensor qkv = random({kRows, kHeads * 3 * kWidth}, c);
  std::vector<float> state(kState, 0.0f);
  const std::vector<LightningSegment> segments = {{0, kRows, state.data()}};
  const Tensor out = lightning(qkv, {kHeads, kWidth, kDecay}, segments, c);
  Tensor activated_before = c.empty(qkv.shape());  // relu of relu is relu
  activate(Activation::relu, qkv.f32(), qkv.elements(), activated_before.f32());
  std::vector<float> first(kState, 0.0f), second(kState, 0.0f);
  const std::vector<LightningSegment> of_first = {{0, kRows, first.data()}}, of_second = {{0, kRows, second.data()}};
  const Tensor relu = lightning(qkv, {kHeads, kWidth, kDecay, Activation::relu}, of_first, c),
               twice = lightning(activated_before, {kHeads, kWidth, kDecay, Activation::relu}, of_second, c);
  EXPECT_TRUE(std::equal(relu.f32(), relu.f32() + relu.elements(), twice.f32()));
  EXPECT_FALSE(std::equal(relu.f32(), relu.f32() + relu.elements(), out.f32()));
  const auto silu = [](float x) { return x / (1.0 + std::exp(-static_cast<double>(x))); };
  for (int64_t t = 0; t < kRows; ++t)
    for (int64_t h = 0; h < kHeads; ++h) {
      const auto part = [&](int64_t row, int64_t which, int64_t i) {  // 0 q, 1 k, 2 v
        return silu(qkv.f32()[row * kHeads * 3 * kWidth + (h * 3 + which) * kWidth + i]);
      };
      for (int64_t j = 0; j < kWidth; ++j) {
        double expected = 0, size = 0;  // sum over s <= t of decay^(t - s) (q_t k_s) v_s
        for (int64_t s = 0; s <= t; ++s) {
          double score = 0;
          for (int64_t i = 0; i < kWidth; ++i) score += part(t, 0, i) * part(s, 1, i);
          const double term = std::pow(static_cast<double>(kDecay[static_cast<size_t>(h)]), t - s) * score;
          expected += term * part(s, 2, j);
          size += std::abs(term * part(s, 2, j));
        }
        EXPECT_NEAR(out.f32()[(t * kHeads + h) * kWidth + j], expected, 1e-5 * size + 1e-6);
      }
    }
}

TEST(Lightning, BitsDoNotDependOnPiecesNeighboursOrThreads) {
  Runtime one(1, kernels::best_isa(), Numerics::f32), two(2, kernels::best_isa(), Numerics::f32);
  const Tensor qkv = random({kRows, kHeads * 3 * kWidth}, one.context());
  std::vector<float> whole(kState, 0.0f);
  const std::vector<LightningSegment> all = {{0, kRows, whole.data()}};
  const Tensor expected = lightning(qkv, {kHeads, kWidth, kDecay}, all, one.context());
  for (const int64_t piece : {1, 5, 36}) {
    std::vector<float> state(kState, 0.0f);
    for (int64_t begin = 0; begin < kRows; begin += piece) {
      const int64_t rows = std::min(piece, kRows - begin);
      // The same rows twice, as two sequences; the second one's state is thrown away.
      Tensor part = two.context().empty({2 * rows, qkv.dim(1)});
      for (int64_t copy = 0; copy < 2; ++copy)
        std::copy_n(qkv.f32() + begin * qkv.dim(1), rows * qkv.dim(1), part.f32() + copy * rows * qkv.dim(1));
      std::vector<float> other(state);
      const std::vector<LightningSegment> segments = {{0, rows, state.data()}, {rows, rows, other.data()}};
      const Tensor out = lightning(part, {kHeads, kWidth, kDecay}, segments, two.context());
      for (int64_t i = 0; i < 2 * rows * kHeads * kWidth; ++i)
        ASSERT_EQ(out.f32()[i], expected.f32()[begin * kHeads * kWidth + i % (rows * kHeads * kWidth)]);
    }
    EXPECT_EQ(state, whole);
  }
}

TEST(SigmoidGate, MultipliesByTheSigmoid) {
  Runtime runtime(1, kernels::best_isa(), Numerics::f32);
  Context& c = runtime.context();
  const Tensor x = random({3, 17}, c), gate = random({3, 17}, c), y = sigmoid_gate(x, gate, c);
  for (int64_t i = 0; i < x.elements(); ++i) EXPECT_EQ(y.f32()[i], x.f32()[i] * math::sigmoid(gate.f32()[i]));
}

}  // namespace
}  // namespace jamsu::ops

#pragma once
// What the tests of objectives share: an objective's value at some logits, its gradient there, and differences.
#include <cmath>

#include "base/rng.h"
#include "ops/loss.h"
#include "parity/training_cases.h"
#include "train/objective.h"

namespace jamsu::golden {

constexpr double kLimit = 2e-6;  // golden/training/README.md, E and F

// What an objective reads of a micro-batch: its size, its labels and (where replies count) its segments.
inline train::MicroBatch rows_with(std::vector<int32_t> labels, const std::vector<int64_t>& segments = {}) {
  train::MicroBatch b;
  b.tokens.assign(labels.size(), 0);
  b.labels = std::move(labels);
  b.row_begin = {0, static_cast<int64_t>(b.tokens.size())};
  int64_t first = 0;
  for (const int64_t rows : segments) {
    b.segments.push_back({.first_row = first, .rows = rows});
    first += rows;
  }
  return b;
}

class Objectives : public ::testing::Test {
 protected:
  // The objective's value at `logits` and its gradient there.
  float run(const train::Objective& objective, const Tensor& logits, const train::MicroBatch& batch, Tensor* gradient) {
    const train::GlobalCounts counts = train::count({&batch, 1});
    autograd::Tape tape;
    models::ForwardContext c(runtime_.context(), gradient ? &tape : nullptr);
    autograd::Value leaf{logits, -1};
    if (gradient) leaf = tape.record(logits, [&](const Tensor& dy, autograd::Gradients&) { *gradient = dy; });
    const float value = objective.seed(leaf, {batch, counts, 0}, c);
    autograd::GradStore none(0);
    if (gradient) tape.backward(none, runtime_.context());
    return value;
  }
  Tensor random_logits(int64_t rows, int64_t vocab, uint64_t seed) {
    RandomStream random(seed, 0, Purpose::test);
    Tensor t = runtime_.context().empty({rows, vocab});
    for (int64_t i = 0; i < t.elements(); ++i) t.f32()[i] = static_cast<float>(random.below(4001)) / 500.0f - 4.0f;
    return t;
  }
  // Gradient against differences of the returned value divided by the labels (what the report is).
  void check_by_differences(const train::Objective& objective, const Tensor& logits, const train::MicroBatch& batch) {
    Tensor gradient;
    run(objective, logits, batch, &gradient);
    const double labels = static_cast<double>(train::count({&batch, 1}).labels);
    Tensor moved = ops::log_softmax(logits, runtime_.context());  // of the same shape; overwritten
    double worst = 0;
    for (int64_t i = 0; i < logits.elements(); ++i) {
      const auto at = [&](float by) {
        std::memcpy(moved.raw(), logits.raw(), static_cast<size_t>(logits.bytes()));
        moved.f32()[i] += by;
        return static_cast<double>(run(objective, moved, batch, nullptr)) / labels;
      };
      constexpr float kBy = 1.0f / 64;
      const double slope = (at(kBy) - at(-kBy)) / (2 * static_cast<double>(kBy));
      worst = std::max(worst, std::abs(slope - static_cast<double>(gradient.f32()[i])));
    }
    // The value is f32 of a few units: 2^-22 / labels over 2 kBy; and a third derivative below 1, kBy^2 / 6.
    EXPECT_LE(worst, 64.0 * std::ldexp(1.0, -20) / labels + 1.0 / 64 / 64 / 6);
  }
  ops::Runtime runtime_{2, kernels::test::test_isa(), ops::Numerics::f32};
};

inline std::vector<float> values_of(const Tensor& t) {
  return {t.f32(), t.f32() + t.elements()};
}

}  // namespace jamsu::golden

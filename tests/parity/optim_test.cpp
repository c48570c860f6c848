// golden/training/optim: AdamW over all steps and clipping of every variant of case.json, through the trainer's own
// step on a model that is nothing but its parameters (schedules and Muon: schedule_test.cpp, muon_test.cpp).
#include <fmt/format.h>

#include <cmath>

#include "base/math.h"
#include "kernels/test_isas.h"
#include "ops/rows.h"
#include "parity/golden.h"
#include "train/optimizer.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;
using train::OptimizerOptions;

constexpr double kLimit = 5e-6;  // golden/training/README.md, section "Tolerances", H

class Parameters : public models::Model {
 public:
  explicit Parameters(const std::vector<Tensor>& values) {
    for (size_t i = 0; i < values.size(); ++i)
      parameters_.add(fmt::format("p{}", i), values[i].shape(),
                      values[i].shape().rank() == 2 ? autograd::Role::matrix : autograd::Role::vector);
  }
  autograd::Value hidden(const models::Batch&, models::ForwardContext&) const override { return {}; }
  autograd::Value logits(const autograd::Value&, models::ForwardContext&) const override { return {}; }
};

struct Trained {
  ops::Runtime runtime{2, kernels::test::test_isa(), ops::Numerics::f32};
  std::unique_ptr<Parameters> model;
  train::TrainState state;

  void start(const std::vector<Tensor>& values) {
    model = std::make_unique<Parameters>(values);
    state = train::initial_state(*model, {}, runtime.context());
    for (size_t i = 0; i < values.size(); ++i)
      std::copy_n(values[i].f32(), values[i].elements(), state.master[i].f32());
  }
  float step(const std::vector<Tensor>& gradients, const OptimizerOptions& options, double learning_rate) {
    autograd::GradStore store(gradients.size());
    for (size_t i = 0; i < gradients.size(); ++i) store.slot(static_cast<int32_t>(i)) = gradients[i];
    return train::optimizer_step(*model, state, store, options, learning_rate, runtime.context());
  }
};

double number(const boost::json::object& o, const char* name) {
  return o.at(name).to_number<double>();
}
// Largest difference, relative where values are above 1.
double worst_of(const Tensor& got, const Tensor& want) {
  double worst = 0;
  for (int64_t i = 0; i < want.elements(); ++i) {
    const double w = static_cast<double>(want.f32()[i]), d = std::abs(static_cast<double>(got.f32()[i]) - w);
    worst = std::max(worst, std::isnan(d) ? HUGE_VAL : d / std::max(1.0, std::abs(w)));
  }
  return worst;
}
Tensor widened(const Tensor& t, ops::Context& c) {
  if (t.dtype() == DType::f32) return t;
  Tensor y = c.empty(t.shape());
  for (int64_t i = 0; i < t.elements(); ++i) y.f32()[i] = bf16_to_f32(t.bf16()[i]);
  return y;
}
// Stored moments, rounded: the trainer keeps f32; here the rounding between steps is the test's.
void round_to_stored(Tensor& t) {
  for (int64_t i = 0; i < t.elements(); ++i) t.f32()[i] = round_to_bf16(t.f32()[i]);
}

TEST(optim, adamw) {
  for (const fs::path& folder : golden::training_cases("optim")) {
    const auto info = golden::read_json(folder / "case.json").as_object();
    const auto& adamw = info.at("adamw").as_object();
    const auto& hyper = adamw.at("hyper").as_object();
    const auto& variants = adamw.at("variants").as_object();
    ASSERT_FALSE(variants.empty());
    for (const auto& [key, value] : variants) {
      const std::string name(key);
      const auto& variant = value.as_object();
      const bool bf16 = variant.at("moments").as_string() == "bfloat16";
      Trained t;
      const auto data = golden::read_tensors(folder / "adamw.safetensors", t.runtime.memory());
      const Tensor &start = data.at("param"), &grads = data.at("grads"), &params = data.at(name + ".param");
      const int64_t count = start.elements();
      const auto at_step = [&](const Tensor& all, int64_t step) {
        Tensor one = t.runtime.context().empty(start.shape());
        std::copy_n(all.f32() + step * count, count, one.f32());
        return one;
      };
      t.start({start});
      const OptimizerOptions options{.beta1 = number(hyper, "beta1"),
                                     .beta2 = number(hyper, "beta2"),
                                     .eps = number(hyper, "eps"),
                                     .weight_decay = number(variant, "weight_decay"),
                                     .max_norm = HUGE_VAL};
      double worst = 0;
      const auto steps = hyper.at("steps").to_number<int64_t>();
      for (int64_t step = 0; step < steps; ++step) {
        t.step({at_step(grads, step)}, options, number(hyper, "lr"));
        if (bf16) {
          round_to_stored(t.state.m[0]);
          round_to_stored(t.state.v[0]);
        }
        worst = std::max(worst, worst_of(t.state.master[0], at_step(params, step)));
      }
      EXPECT_LE(worst, kLimit) << name;
      // A stored bf16 moment may flip by one step, 2^-8, where the f32 value lies half-way.
      const double limit = bf16 ? 0x1p-8 : kLimit;
      EXPECT_LE(worst_of(t.state.m[0], widened(data.at(name + ".exp_avg"), t.runtime.context())), limit) << name;
      EXPECT_LE(worst_of(t.state.v[0], widened(data.at(name + ".exp_avg_sq"), t.runtime.context())), limit) << name;
      fmt::print("  {} adamw {}: {} steps, worst parameter {:.1e} off (limit {:.0e})\n", folder.filename().string(),
                 name, steps, worst, kLimit);
    }
  }
}

// With beta1 = 0 the first moment is the clipped gradient itself.
TEST(optim, clip) {
  for (const fs::path& folder : golden::training_cases("optim")) {
    const auto info = golden::read_json(folder / "case.json").as_object();
    ASSERT_FALSE(info.at("clip").as_object().empty());
    for (const auto& [key, value] : info.at("clip").as_object()) {
      const std::string name(key);
      const double norm = number(value.as_object(), "norm"), coefficient = number(value.as_object(), "coef");
      Trained t;
      const auto data = golden::read_tensors(folder / "clip.safetensors", t.runtime.memory());
      std::vector<Tensor> gradients;
      while (data.contains(fmt::format("{}.in.{}", name, gradients.size())))
        gradients.push_back(data.at(fmt::format("{}.in.{}", name, gradients.size())));
      ASSERT_FALSE(gradients.empty()) << name;
      t.start(gradients);
      const float got = t.step(gradients, {.beta1 = 0, .max_norm = 1}, 1e-3);
      EXPECT_NEAR(static_cast<double>(got), norm, kLimit * norm) << name;
      double worst = 0;
      for (size_t i = 0; i < gradients.size(); ++i) {
        const Tensor& want = data.at(fmt::format("{}.out.{}", name, i));
        worst = std::max(worst, worst_of(t.state.m[i], want));
        for (int64_t j = 0; j < want.elements(); ++j)
          EXPECT_NEAR(static_cast<double>(t.state.m[i].f32()[j]),
                      static_cast<double>(gradients[i].f32()[j]) * coefficient,
                      kLimit * std::abs(static_cast<double>(want.f32()[j])))
              << name;
      }
      EXPECT_LE(worst, kLimit) << name;
      fmt::print("  {} clip {}: norm {:.6g}, worst gradient {:.1e} off\n", folder.filename().string(), name,
                 static_cast<double>(got), worst);
    }
  }
}

}  // namespace
}  // namespace jamsu

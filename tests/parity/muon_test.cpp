// golden/training/optim: Muon as Moonlight scales it, every matrix of case.json over all its steps, in f32 mode.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/test_isas.h"
#include "ops/rows.h"
#include "parity/golden.h"
#include "train/optimizer.h"

namespace jamsu {
namespace {

struct Hyper {
  train::OptimizerOptions options;
  double learning_rate;
  int64_t steps;
};

Hyper hyper_of(const boost::json::object& o) {
  const auto number = [&](const char* name) { return o.at(name).to_number<double>(); };
  return {{.weight_decay = number("weight_decay"), .muon = true, .momentum = number("momentum")},
          number("lr"),
          o.at("steps").to_number<int64_t>()};
}

// The f32 results differ from torch's by the order of sums alone: golden/training/README.md gives 5e-6 for them.
constexpr double kLimit = 5e-6;

TEST(muon, equals_every_golden_matrix) {
  const auto folder = golden::root() / "training/optim";
  const auto root = golden::read_json(folder / "case.json");
  const auto& muon = root.as_object().at("muon").as_object();
  const Hyper hyper = hyper_of(muon.at("hyper").as_object());
  ops::Runtime runtime(1, kernels::test::test_isa(), ops::Numerics::f32);
  const auto golden = golden::read_tensors(folder / "muon.safetensors", runtime.memory());
  const auto& matrices = muon.at("matrices").as_object();
  ASSERT_FALSE(matrices.empty());
  for (const auto& [key, value] : matrices) {
    const std::string name(key);
    const Tensor grads = golden.at(name + ".grads"), params = golden.at(name + ".out.param"),
                 updates = golden.at(name + ".out.update");
    Tensor p = ops::copy(golden.at(name + ".param"), runtime.context()), momentum = runtime.context().zeros(p.shape()),
           g = runtime.context().empty(p.shape());
    const int64_t count = p.elements();
    double worst = 0;
    const auto compare = [&](const float* got, const float* want, const std::string& what) {
      for (int64_t i = 0; i < count; ++i) {
        const double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
        EXPECT_LE(difference, kLimit * std::max(1.0, std::abs(static_cast<double>(want[i]))))
            << name << " " << what << "[" << i << "]";
        worst = std::max(worst, difference);
      }
    };
    for (int64_t step = 0; step < hyper.steps; ++step) {
      std::copy_n(grads.f32() + step * count, count, g.f32());
      train::muon_update({p.f32(), momentum.f32(), g.f32(), p.shape()[0], p.shape()[1]}, hyper.options, 1.0,
                         hyper.learning_rate, 0, runtime.context());
      compare(g.f32(), updates.f32() + step * count, fmt::format("update {}", step));
      compare(p.f32(), params.f32() + step * count, fmt::format("param {}", step));
    }
    compare(momentum.f32(), golden.at(name + ".out.momentum").f32(), "momentum");
    fmt::print("golden muon {} {}: {} steps, worst difference {:.1e}\n", name, p.shape().text(), hyper.steps, worst);
  }
}

// A step is equal to the bit on every ISA, in both modes, and a matrix of zeros stays zero.
TEST(muon, equal_bits_on_every_isa) {
  for (const ops::Numerics numerics : {ops::Numerics::bf16, ops::Numerics::f32}) {
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 40}, {33, 64}, {80, 17}, {64, 128}}) {
      std::vector<float> want;
      for (const kernels::Isa isa : kernels::test::test_isas()) {
        ops::Runtime runtime(1, isa, numerics);
        ops::Context& context = runtime.context();
        Tensor p = context.zeros({rows, columns}), momentum = context.zeros({rows, columns}),
               g = context.empty({rows, columns});
        for (int64_t i = 0; i < g.elements(); ++i) g.f32()[i] = static_cast<float>((i * 7919 + 13) % 2003) / 1000 - 1;
        const FlushScope flush;
        train::muon_update({p.f32(), momentum.f32(), g.f32(), rows, columns}, {.muon = true}, 0.5, 0.01, 0, context);
        const std::vector<float> got(p.f32(), p.f32() + p.elements());
        EXPECT_NE(got, std::vector<float>(got.size()));
        if (want.empty()) want = got;
        EXPECT_EQ(got, want) << kernels::isa_name(isa) << " " << rows << " x " << columns;
        std::fill_n(g.f32(), g.elements(), 0.0f);
        std::fill_n(p.f32(), p.elements(), 0.0f);
        std::fill_n(momentum.f32(), momentum.elements(), 0.0f);
        train::muon_update({p.f32(), momentum.f32(), g.f32(), rows, columns}, {.muon = true}, 0.5, 0.01, 0, context);
        for (int64_t i = 0; i < p.elements(); ++i) ASSERT_EQ(p.f32()[i], 0.0f);
      }
    }
  }
}

}  // namespace
}  // namespace jamsu

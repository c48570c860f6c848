// train/objective.h against golden/training/grpo and distill, against cross-entropy's own bits, and by differences.
#include "train/objective.h"

#include <cmath>
#include <set>

#include "numerics/small_world.h"
#include "ops/loss.h"
#include "ops/token_logps.h"
#include "parity/training_cases.h"
#include "train/trainer.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;
using train::Part;

constexpr double kLimit = 2e-6;  // golden/training/README.md, E and F

// A micro-batch of rows that are their own documents: what an objective reads of it is its size and labels.
train::MicroBatch rows_with(std::vector<int32_t> labels) {
  train::MicroBatch b;
  b.tokens.assign(labels.size(), 0);
  b.labels = std::move(labels);
  b.row_begin = {0, static_cast<int64_t>(b.tokens.size())};
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

TEST_F(Objectives, log_probabilities_are_those_of_log_softmax) {
  const Tensor logits = random_logits(37, 103, 1);
  const Tensor all = ops::log_softmax(logits, runtime_.context());
  for (const int64_t each : {1, 5}) {
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < 37 * each; ++i) labels.push_back(static_cast<int32_t>(i * 31 % 104) - 1);
    const Tensor y = ops::token_logps(logits, labels, each, runtime_.context());
    for (int64_t i = 0; i < 37 * each; ++i) {
      const int32_t label = labels[static_cast<size_t>(i)];
      EXPECT_EQ(y.f32()[i], label < 0 ? 0.0f : all.f32()[i / each * 103 + label]) << i;
    }
  }
}

TEST_F(Objectives, several_labels_a_row_have_the_gradient_of_their_sum) {
  const Tensor logits = random_logits(9, 50, 2);
  std::vector<int32_t> labels;
  Tensor dy = random_logits(9, 4, 3), want = runtime_.context().zeros({9, 50});
  for (int64_t i = 0; i < 9 * 4; ++i) labels.push_back(static_cast<int32_t>(i * 7 % 51) - 1);
  labels[1] = labels[2];                          // twice in a row
  std::fill(labels.end() - 4, labels.end(), -1);  // a row without any
  const Tensor logp = ops::log_softmax(logits, runtime_.context());
  for (int64_t i = 0; i < 36; ++i) {
    const int32_t label = labels[static_cast<size_t>(i)];
    for (int64_t j = 0; label >= 0 && j < 50; ++j)
      want.f32()[i / 4 * 50 + j] += dy.f32()[i] * ((j == label) - std::exp(logp.f32()[i / 4 * 50 + j]));
  }
  const Tensor got = ops::token_logps_backward(dy, logits, labels, runtime_.context());
  EXPECT_LE(golden::difference(got.f32(), want.f32(), got.elements()).max_abs, 4e-6);
}

// -sum of logp / labels is the mean cross-entropy: the same bits of masters, moments and report.
TEST_F(Objectives, policy_gradient_with_equal_weights_is_cross_entropy) {
  std::vector<train::MicroBatch> parts;
  for (uint64_t j = 0; j < 2; ++j) parts.push_back(train::pack(numerics_test::data(j), true));
  const float weight = train::loss_seed(1.0, train::count(parts).labels);
  train::RowValues weights;
  for (const auto& part : parts) weights.emplace_back(part.tokens.size(), weight);
  const train::PolicyGradient policy(train::weighted_logp(weights));
  const auto trained = [&](const train::Objective* objective) {
    ops::Runtime runtime(2, kernels::test::test_isa(), ops::Numerics::bf16);
    const auto model = numerics_test::small_deepseek_v3(ops::Numerics::bf16);
    train::Trainer trainer(*model, runtime, {.seed = 5, .scale = 1.0, .embedding_std = 0.3});
    train::StepOptions options{.losses = {.mtp_lambda = 0.3, .balance_alpha = 0.02}, .optimizer = {}};
    options.losses.objective = objective;
    const auto report = trainer.step(parts, options);
    return std::pair(report.ce, numerics_test::sha256_of(trainer.tensors()));
  };
  const train::CrossEntropy named;
  const auto want = trained(nullptr), same = trained(&named), got = trained(&policy);
  EXPECT_EQ(same, want);
  EXPECT_EQ(got.second, want.second);
  EXPECT_NEAR(got.first, want.first, 1e-5);
}

TEST_F(Objectives, gradients_by_differences) {
  const Tensor logits = random_logits(5, 23, 4), teacher_logits = random_logits(5, 23, 5);
  const auto batch = rows_with({3, 22, -100, 0, 7});
  check_by_differences(train::CrossEntropy(), logits, batch);
  check_by_differences(train::PolicyGradient(train::weighted_logp({{0.3f, -0.2f, 9.0f, 0.1f, 0.4f}}), 0.7), logits,
                       batch);
  const Tensor logp = ops::token_logps(logits, batch.labels, 1, runtime_.context());
  std::vector<float> old(logp.f32(), logp.f32() + 5);
  old[0] -= 0.05f, old[1] += 0.9f, old[3] -= 0.9f, old[4] -= 0.8f;  // inside; clipped or not by the advantage's sign
  check_by_differences(train::PolicyGradient(train::clipped_ratio({.advantage = {{1.0f, -0.5f, 9.0f, 0.7f, -0.3f}},
                                                                   .old_logp = {old},
                                                                   .weight = {{0.25f, 0.25f, 9.0f, 0.25f, 0.25f}}})),
                       logits, batch);
  const Tensor all = ops::log_softmax(teacher_logits, runtime_.context());
  train::TeacherRows whole{23, {}, {all.f32(), all.f32() + all.elements()}}, top{3, {}, {}};
  for (int32_t i = 0; i < 5 * 3; ++i) {
    top.ids.push_back(i * 5 % 23);
    top.logp.push_back(all.f32()[i / 3 * 23 + i * 5 % 23]);
  }
  check_by_differences(train::Distillation({whole}), logits, batch);
  check_by_differences(train::Distillation({top}), logits, batch);

  // A student that says what the teacher says has nothing to learn.
  Tensor gradient;
  EXPECT_NEAR(run(train::Distillation({whole}), teacher_logits, batch, &gradient), 0, 1e-6);
  for (int64_t i = 0; i < gradient.elements(); ++i) EXPECT_NEAR(gradient.f32()[i], 0, 1e-7);
}

std::vector<float> values_of(const Tensor& t) {
  return {t.f32(), t.f32() + t.elements()};
}

// The policy terms of GRPO and its kin (no KL): the loss as a function of logp, and its gradient.
TEST_F(Objectives, grpo) {
  for (const auto& folder : golden::training_cases("grpo")) {
    const auto info = golden::read_json(folder / "case.json").as_object();
    const auto in = golden::read_tensors(folder / "inputs.safetensors", runtime_.memory()),
               out = golden::read_tensors(folder / "outputs.safetensors", runtime_.memory());
    const Tensor &mask = in.at("mask"), &logp = in.at("logp_new");
    const int64_t sequences = mask.dim(0), length = mask.dim(1);
    std::vector<int32_t> labels;
    std::vector<double> lengths(static_cast<size_t>(sequences));
    for (int64_t i = 0; i < mask.elements(); ++i) {
      labels.push_back(mask.f32()[i] != 0 ? 0 : -100);
      lengths[static_cast<size_t>(i / length)] += static_cast<double>(mask.f32()[i]);
    }
    double tokens = 0;
    for (const double l : lengths) tokens += l;
    const auto batch = rows_with(labels);
    const auto counts = train::count({&batch, 1});
    int checked = 0;
    for (const auto& [key, value] : info.at("variants").as_object()) {
      const std::string name(key);
      if (name.find(".kl_none.opsm_off") == std::string::npos) continue;
      const auto& variant = value.as_object();
      const Tensor& advantage = out.at("advantage." + std::string(variant.at("advantage").as_string()));
      train::ClippedRatio terms{.advantage = {{}}, .old_logp = {values_of(in.at("logp_old"))}, .weight = {{}}};
      for (int64_t i = 0; i < mask.elements(); ++i) {
        const auto sequence = static_cast<size_t>(i / length);
        const double weight =
            name.starts_with("dapo") ? 1 / tokens
            : name.starts_with("dr_grpo")
                ? 1 / (static_cast<double>(sequences) * info.at("max_completion_length").to_number<double>())
                : 1 / (static_cast<double>(sequences) * lengths[sequence]);
        terms.advantage[0].push_back(advantage.f32()[sequence]);
        terms.weight[0].push_back(static_cast<float>(weight));
      }
      const std::string clip_name = name.substr(name.find("clip_") + 5, name.find(".kl") - name.find("clip_") - 5);
      const auto& clip = info.at("clips").as_object().at(clip_name).as_object();
      terms.low = clip.at("low").to_number<double>();
      terms.high = clip.at("high").to_number<double>();
      std::vector<float> slopes(labels.size());
      const float loss = train::clipped_ratio(terms)({batch, counts, 0}, {logp.f32(), labels.size()}, slopes);
      EXPECT_NEAR(loss, variant.at("loss_f64").to_number<double>(), kLimit) << name;
      const Tensor& want = out.at("grad." + name);
      EXPECT_LE(golden::difference(slopes.data(), want.f32(), want.elements()).max_abs, kLimit) << name;
      ++checked;
    }
    EXPECT_EQ(checked, 12);
    std::printf("  %s: %d losses and gradients; with a KL term or a sequence mask: not run, a later issue\n",
                folder.filename().c_str(), checked);
  }
}

TEST_F(Objectives, distill) {
  for (const auto& folder : golden::training_cases("distill")) {
    const auto info = golden::read_json(folder / "case.json").as_object();
    const auto in = golden::read_tensors(folder / "inputs.safetensors", runtime_.memory()),
               out = golden::read_tensors(folder / "outputs.safetensors", runtime_.memory());
    const Tensor& mask = in.at("mask");
    const int64_t rows = mask.elements(), vocab = info.at("vocab").to_number<int64_t>(),
                  k = info.at("k").to_number<int64_t>();
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < rows; ++i) labels.push_back(reinterpret_cast<const uint8_t*>(mask.raw())[i] ? 0 : -100);
    const auto batch = rows_with(labels);
    const double counted = static_cast<double>(train::count({&batch, 1}).labels);
    const Tensor student = in.at("student_logits").reshape({rows, vocab});
    const auto check = [&](const std::string& name, train::TeacherRows teacher, double temperature) {
      Tensor gradient;
      const float sum = run(train::Distillation({std::move(teacher)}, temperature), student, batch, &gradient);
      const double want = info.at("variants").as_object().at(name).as_object().at("loss_f64").to_number<double>();
      EXPECT_NEAR(static_cast<double>(sum) / counted, want, kLimit) << name;
      const Tensor& grad = out.at(name + ".grad");
      EXPECT_LE(golden::difference(gradient.f32(), grad.f32(), grad.elements()).max_abs, kLimit) << name;
    };
    for (const int temperature : {1, 2}) {
      Tensor scaled = in.at("teacher_logits").reshape({rows, vocab});
      Tensor logits = runtime_.context().empty(scaled.shape());
      for (int64_t i = 0; i < logits.elements(); ++i)
        logits.f32()[i] = scaled.f32()[i] / static_cast<float>(temperature);
      check(fmt::format("forward_kl.T{}", temperature),
            {vocab, {}, values_of(ops::log_softmax(logits, runtime_.context()))}, temperature);
    }
    const Tensor& ids = in.at("teacher_topk.id");
    check("topk_forward_kl.teacher_renormalised",
          {k, {ids.i32(), ids.i32() + ids.elements()}, values_of(in.at("teacher_topk.logp"))}, 1);
    std::printf("  %s: reverse KL, JSD, other top-k forms and DPO: not run, a later issue\n",
                folder.filename().c_str());
  }
}

}  // namespace
}  // namespace jamsu

// train/objective.h against golden/training/distill (grpo: tests/post), against cross-entropy's own bits, and by differences.
#include "train/objective.h"

#include "numerics/small_world.h"
#include "ops/loss.h"
#include "ops/token_logps.h"
#include "parity/objectives.h"
#include "train/trainer.h"

namespace jamsu {
namespace {

using golden::rows_with, golden::values_of, golden::kLimit;
class Objectives : public golden::Objectives {};

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
    std::printf("  %s: reverse KL, JSD and other top-k forms: not run, a later issue\n", folder.filename().c_str());
  }
}

}  // namespace
}  // namespace jamsu

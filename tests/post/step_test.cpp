// A step of the trainer with the losses of post/: on policy the ratio is 1 to the bit, and the step is REINFORCE's.
#include "numerics/small_world.h"
#include "parity/training_cases.h"
#include "post/policy_loss.h"
#include "train/trainer.h"

namespace jamsu::post {
namespace {

struct Outcome {
  double loss;
  std::string weights;  // SHA-256
};

Outcome step_with(const std::vector<train::MicroBatch>& parts, train::LogpLoss loss, int threads) {
  ops::Runtime runtime(threads, kernels::test::test_isa(), ops::Numerics::bf16);
  const auto model = numerics_test::small_deepseek_v3(ops::Numerics::bf16);
  train::Trainer trainer(*model, runtime, {.seed = 5, .scale = 1.0, .embedding_std = 0.3});
  const train::PolicyGradient objective(std::move(loss), 0.7);
  train::StepOptions options{.losses = {.mtp_lambda = 0.3, .balance_alpha = 0.02}, .optimizer = {}};
  options.losses.objective = &objective;
  const auto report = trainer.step(parts, options);
  return {report.ce, numerics_test::sha256_of(trainer.tensors())};
}

TEST(PolicyStep, OnPolicyItIsTheStepOfReinforceToTheBit) {
  std::vector<train::MicroBatch> parts;
  for (uint64_t j = 0; j < 2; ++j) parts.push_back(train::pack(numerics_test::data(j), true));
  const double tokens = static_cast<double>(train::count(parts).labels);
  train::RowValues old, advantage, weights;
  step_with(
      parts,
      [&](const train::Part&, std::span<const float> logp, std::span<float>) {
        old.emplace_back(logp.begin(), logp.end());
        return 0.0f;
      },
      1);
  for (const auto& part : parts) {
    advantage.emplace_back();
    weights.emplace_back(part.tokens.size());
    for (size_t s = 0; s < part.segments.size(); ++s) {
      advantage.back().push_back(s % 2 ? -0.75f : 1.5f);
      for (int64_t i = 0; i < part.segments[s].rows; ++i)
        weights.back()[static_cast<size_t>(part.segments[s].first_row + i)] =
            static_cast<float>(static_cast<double>(advantage.back().back()) / tokens);
    }
  }
  PolicyStatistics s;
  const PolicyOptions options{.mean = Mean::tokens, .kl = Kl::k3, .sequence_mask = 0};
  const Replies replies{.advantage = advantage, .old_logp = old, .reference_logp = old};
  const Outcome policy = step_with(parts, policy_loss(options, replies, &s), 2);
  const Outcome reinforce = step_with(parts, train::weighted_logp(weights), 1);
  EXPECT_EQ(policy.weights, reinforce.weights);
  EXPECT_EQ(s.ratio_gap, 0);
  EXPECT_EQ(s.moved(), 0);
  EXPECT_EQ(s.kl(), 0);
  EXPECT_EQ(s.kept, s.replies);
  EXPECT_EQ(s.tokens, train::count(parts).labels);
  EXPECT_GT(s.entropy(), 0);

  // Off policy it is another step.
  train::RowValues moved = old;
  for (auto& part : moved)
    for (float& logp : part) logp -= 0.01f;
  s = {};
  EXPECT_NE(step_with(parts, policy_loss(options, {advantage, moved, old}, &s), 2).weights, reinforce.weights);
  EXPECT_NEAR(s.ratio_gap, 0.01, 1e-3);
}

}  // namespace
}  // namespace jamsu::post

// An engine on a model that is trained: after each optimizer step its rollouts equal, bit for bit, those of a model
// opened from the saved weights, whatever it had kept from before.
#include <gtest/gtest.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

#include "base/faults.h"
#include "kernels/test_isas.h"
#include "models/open.h"
#include "numerics/ask.h"
#include "numerics/small_world.h"
#include "train/byte_tokenizer.h"
#include "train/export.h"
#include "train/trainer.h"

namespace jamsu {
namespace {

using models::CachePolicy;
using numerics_test::Answer;
using numerics_test::ask;

class WeightsChanged : public testing::TestWithParam<CachePolicy> {
 protected:
  WeightsChanged()
      : config_(*train::with_tokenizer(
            [] {
              auto c = numerics_test::small_config();
              c.vocab_size = test::byte_tokenizer().vocab_size() + 3;
              return models::to_json(c, "bfloat16");
            }(),
            test::byte_tokenizer())),
        model_(*models::create_model(config_, ops::Numerics::bf16, "config.json")),
        trainer_(*model_, runtime_, {.seed = 5, .scale = 1.0, .embedding_std = 0.3}) {}

  // A large step: no token may come out the same by luck.
  void step() {
    trainer_.step({train::pack(numerics_test::data(static_cast<uint64_t>(trainer_.steps())), true)},
                  {.losses = {.mtp_lambda = 0.3, .balance_alpha = 0.02},
                   .optimizer = {},
                   .learning_rate = 0.05,
                   .bias_gamma = 1e-2});
  }
  std::unique_ptr<engine::Engine> open(std::shared_ptr<const models::Model> model, ops::Runtime& runtime,
                                       int64_t most_undelivered = 1024) const {
    return engine::Engine::open(std::move(model), runtime,
                                {.cached_prefixes = 8, .most_undelivered = most_undelivered, .policy = GetParam()});
  }
  // Two beyond a block of 32 positions, so that prefixes are kept.
  static std::vector<engine::Request> requests() {
    std::vector<engine::Request> all;
    for (const int64_t length : {3, 50, 90})
      all.push_back({.tokens = numerics_test::tokens(static_cast<uint64_t>(length), length),
                     .sampling = {.seed = 7},
                     .max_tokens = 12,
                     .prompt_logprobs = false});
    return all;
  }
  // By a model opened from the weights as they are now.
  std::vector<Answer> saved_answers(std::vector<engine::Request> all) {
    const std::string folder = folder_ / ("saved" + std::to_string(count_++));
    test::QuickFiles files;
    const Status written =
        train::export_model(folder, trainer_, config_, test::byte_tokenizer(), {.chat_template = {}, .files = &files});
    EXPECT_TRUE(written.ok()) << written.error().message;
    ops::Runtime runtime(2, kernels::test::test_isa(), ops::Numerics::bf16);
    const auto opened = models::open_model(folder, ops::Packs::forward, runtime.context());
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return ask(*open(opened->model, runtime), std::move(all));
  }
  static void expect_equal(const std::vector<Answer>& got, const std::vector<Answer>& want, const std::string& what) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].sampled, want[i].sampled) << what << ", prompt " << i;
      EXPECT_EQ(got[i].prompt, want[i].prompt) << what << ", prompt " << i;
    }
  }

  test::Folder folder_;
  int count_ = 0;
  boost::json::object config_;
  ops::Runtime runtime_{2, kernels::test::test_isa(), ops::Numerics::bf16};
  std::shared_ptr<models::Model> model_;
  train::Trainer trainer_;
};

TEST_P(WeightsChanged, ARolloutAfterAStepEqualsOneByTheSavedModel) {
  const auto engine = open(model_, runtime_);
  std::vector<Answer> before = ask(*engine, requests());
  expect_equal(before, saved_answers(requests()), "at the start");
  for (int round = 0; round < 3; ++round) {
    const std::string what = "after step " + std::to_string(round + 1);
    const auto warm = ask(*engine, requests());
    EXPECT_EQ(warm[2].cached, 64);  // what would be read again
    {
      const auto turn = runtime_.turn();
      step();
      engine->weights_changed();
    }
    const auto got = ask(*engine, requests());
    EXPECT_EQ(got[2].cached, 0) << what;
    expect_equal(got, saved_answers(requests()), what);
    EXPECT_NE(got[1].sampled, before[1].sampled) << what << ": the step has changed nothing";
    before = got;
  }
}

// The tokens it has stay; from there on it is as if the new weights had read them.
TEST_P(WeightsChanged, ASequenceThatRunsGoesOnWithTheNewWeights) {
  const auto engine = open(model_, runtime_, 1);
  constexpr size_t kBefore = 5;
  engine::Request request = requests()[1];
  std::vector<int32_t> tokens;
  std::vector<float> after;
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  // The engine waits for the sink, so no token is computed meanwhile.
  ASSERT_TRUE(engine->submit(request, [&](const engine::Event& event) {
    const std::lock_guard lock(mutex);
    if (const auto* t = std::get_if<engine::TokenEvent>(&event)) {
      tokens.push_back(t->token);
      if (tokens.size() > kBefore) {
        after.push_back(static_cast<float>(t->token));
        after.push_back(t->logprob);
      }
      if (tokens.size() != kBefore) return;
      const auto turn = runtime_.turn();
      step();
      engine->weights_changed();
      return;
    }
    over = true;
    changed.notify_all();
  }));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
  }
  request.tokens.insert(request.tokens.end(), tokens.begin(), tokens.begin() + kBefore);
  request.max_tokens -= kBefore;
  EXPECT_EQ(after, saved_answers({request})[0].sampled);
}

INSTANTIATE_TEST_SUITE_P(Policies, WeightsChanged, testing::ValuesIn(models::kCachePolicies),
                         [](const auto& policy) { return std::string(models::policy_name(policy.param)); });

}  // namespace
}  // namespace jamsu

// A trainer and two engines share one pool of threads, and each gives the bits that it gives alone.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "kernels/test_isas.h"
#include "numerics/ask.h"
#include "numerics/small_world.h"
#include "train/trainer.h"

namespace jamsu {
namespace {

using numerics_test::Answer;
using numerics_test::tokens;

constexpr int kThreads = 3, kSteps = 4;

// A model in training on a runtime.
struct Training {
  explicit Training(ops::Runtime& runtime)
      : model(numerics_test::small_config(), ops::Numerics::bf16),
        trainer(model, runtime, {.seed = 5, .scale = 1.0, .embedding_std = 0.3}) {}
  void run() {
    for (int i = 0; i < kSteps; ++i)
      trainer.step({train::pack(numerics_test::data(static_cast<uint64_t>(i)), true)}, {});
  }
  std::string hash() const { return numerics_test::sha256_of(trainer.tensors()); }
  models::DeepseekV3 model;
  train::Trainer trainer;
};

// A model with random weights on a runtime, and an engine of it.
struct Serving {
  Serving(ops::Runtime& runtime, const numerics_test::MakeModel& make) : model(make(ops::Numerics::bf16)) {
    train::initial_state(*model, {.seed = 6, .scale = 1.0, .embedding_std = 0.3}, runtime.context());
    engine = engine::Engine::open(model, runtime, {.cached_prefixes = 0});
  }
  std::vector<std::vector<float>> answers() const {
    std::vector<engine::Request> requests;
    for (uint64_t i = 0; i < 6; ++i)
      requests.push_back(
          {.tokens = tokens(i, 20 + static_cast<int64_t>(i)), .sampling = {.seed = i}, .max_tokens = 20});
    std::vector<std::vector<float>> sampled;
    for (const Answer& a : numerics_test::ask(*engine, std::move(requests))) sampled.push_back(a.sampled);
    return sampled;
  }
  std::shared_ptr<models::Model> model;
  std::unique_ptr<engine::Engine> engine;
};

TEST(SharedPool, ATrainerAndTwoEnginesGiveTheBitsThatTheyGiveAlone) {
  std::string trained;
  std::vector<std::vector<float>> first, second;
  {
    ops::Runtime own(kThreads, kernels::test::test_isa(), ops::Numerics::bf16);
    Training training(own);
    training.run();
    trained = training.hash();
  }
  {
    ops::Runtime own(kThreads, kernels::test::test_isa(), ops::Numerics::bf16);
    first = Serving(own, numerics_test::small_deepseek_v3).answers();
  }
  {
    ops::Runtime own(kThreads, kernels::test::test_isa(), ops::Numerics::bf16);
    second = Serving(own, numerics_test::small_sliding).answers();
  }
  const auto pool = std::make_shared<ThreadPool>(kThreads);
  ops::Runtime trainers(pool, kernels::test::test_isa(), ops::Numerics::bf16);
  ops::Runtime others(pool, kernels::test::test_isa(),
                      ops::Numerics::bf16);  // of two engines: their turns keep it apart
  Training training(trainers);
  const Serving one(others, numerics_test::small_deepseek_v3), two(others, numerics_test::small_sliding);
  std::atomic<bool> trains = true;
  std::thread trainer([&] {
    training.run();
    trains = false;
  });
  std::thread asker([&] {
    for (int round = 0; round < 3 || trains; ++round) EXPECT_EQ(one.answers(), first) << round;
  });
  for (int round = 0; round < 3 || trains; ++round) EXPECT_EQ(two.answers(), second) << round;
  trainer.join();
  asker.join();
  EXPECT_EQ(training.hash(), trained);
}

}  // namespace
}  // namespace jamsu

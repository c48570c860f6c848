// The engine's door: errors, stop, cancel, memory budget, many callers at once. (Bits: tests/numerics; tokens: golden.)
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>

#include "engine/small_engine.h"

namespace jamsu::engine {
namespace {

using small::Collected;
using small::sampling;
using EngineTest = small::Engines;

TEST_F(EngineTest, BadRequestsAreAnsweredAndNamed) {
  const auto engine = open({.state_bytes = 20000});
  const auto error = [&](Request r) {
    const auto id =
        engine->submit(std::move(r), [](const Event&) { ADD_FAILURE() << "an event for a refused request"; });
    return id.ok() ? std::string() : id.error().message;
  };
  EXPECT_NE(error({}).find("no tokens"), std::string::npos);
  EXPECT_NE(error({.tokens = {1, 50}}).find("token 50"), std::string::npos);
  EXPECT_NE(error({.tokens = {-1}}).find("token -1"), std::string::npos);
  EXPECT_NE(error({.tokens = std::vector<int32_t>(128, 1)}).find("context of 128"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .max_tokens = 0}).find("max_tokens"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .samples = 0}).find("samples = 0"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .samples = 65, .max_tokens = 1}).find("64 sequences"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .sampling = sampling(-1)}).find("temperature"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .sampling = sampling(1, 0)}).find("top_p"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .sampling = sampling(1, 1, 0)}).find("repetition_penalty"), std::string::npos);
  EXPECT_NE(error({.tokens = std::vector<int32_t>(100, 1), .max_tokens = 20}).find("bytes of state"),
            std::string::npos);
}

TEST_F(EngineTest, StopsAtStopTokensAndLengthAndContext) {
  Collected all, stopped, longest;
  const auto engine = open();
  ASSERT_TRUE(engine->submit({.tokens = {1, 2, 3}, .sampling = sampling(1, 1, 1, 5), .max_tokens = 20}, all.sink()));
  EXPECT_EQ(all.wait().end->reason, FinishReason::length);
  ASSERT_EQ(all.samples[0].tokens.size(), 20u);
  ASSERT_TRUE(engine->submit({.tokens = {1, 2, 3},
                              .sampling = sampling(1, 1, 1, 5),
                              .max_tokens = 20,
                              .stop_tokens = {all.samples[0].tokens[4]}},
                             stopped.sink()));
  EXPECT_EQ(stopped.wait().end->reason, FinishReason::stop_token);
  EXPECT_LE(stopped.samples[0].tokens.size(), 5u);
  EXPECT_EQ(stopped.samples[0].tokens.back(), all.samples[0].tokens[4]);
  ASSERT_TRUE(engine->submit({.tokens = std::vector<int32_t>(120, 2), .max_tokens = 1000}, longest.sink()));
  EXPECT_EQ(longest.wait().end->reason, FinishReason::length);
  EXPECT_EQ(longest.samples[0].tokens.size(), 8u);  // what the context of 128 leaves
}

TEST_F(EngineTest, SamplesOfOnePromptDifferAndRepeat) {
  const auto engine = open();
  const auto sample = [&](uint32_t number) {
    Collected c;
    EXPECT_TRUE(engine->submit(
        {.tokens = {1, 2, 3}, .sampling = sampling(1, 1, 1, 5), .sample = number, .max_tokens = 20}, c.sink()));
    c.wait();
    return c.samples[0].tokens;
  };
  EXPECT_EQ(sample(0), sample(0));
  EXPECT_NE(sample(0), sample(1));
}

TEST_F(EngineTest, CancelEndsARequestAndIsIdempotent) {
  Collected c;
  const auto engine = open({.most_undelivered = 1});  // not 120 tokens ahead of the sink
  std::atomic<bool> started = false;
  auto sink = c.sink();
  const auto id = engine->submit({.tokens = {1}, .max_tokens = 120}, [&](const Event& e) {
    started = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    sink(e);
  });
  ASSERT_TRUE(id);
  while (!started) std::this_thread::yield();
  engine->cancel(*id);
  engine->cancel(*id);
  EXPECT_EQ(c.wait().end->reason, FinishReason::cancelled);
  EXPECT_LT(c.samples[0].tokens.size(), 120u);
  engine->cancel(*id);
  engine->cancel(9999);
}

TEST_F(EngineTest, ManyThreadsSubmitAndTheBudgetHolds) {
  const int64_t one = model_->state_layout(models::CachePolicy::expanded).bytes_for(40);
  const auto engine = open({.state_bytes = 5 * one, .max_sequences = 8});
  std::vector<std::unique_ptr<Collected>> collected;
  for (int i = 0; i < 24; ++i) collected.push_back(std::make_unique<Collected>());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = t; i < 24; i += 4)
        EXPECT_TRUE(engine->submit({.tokens = std::vector<int32_t>(static_cast<size_t>(1 + i), i), .max_tokens = 10},
                                   collected[static_cast<size_t>(i)]->sink()));
    });
  for (auto& t : threads) t.join();
  for (auto& c : collected) {
    EXPECT_EQ(c->wait().end->reason, FinishReason::length);
    EXPECT_EQ(c->samples[0].tokens.size(), 10u);
  }
  EXPECT_LE(engine->stats().peak_state_bytes, 5 * one);
}

TEST_F(EngineTest, ClosingCancelsWhatRuns) {
  Collected c;
  {
    const auto engine = open();
    ASSERT_TRUE(engine->submit({.tokens = {1}, .max_tokens = 120}, c.sink()));
  }
  ASSERT_TRUE(c.ended());
}

TEST_F(EngineTest, NanLogitsEndTheRequestWithAnError) {
  for (auto& p : model_->parameters().all())
    if (p.name == "model.norm.weight") {
      Tensor t = runtime_.context().zeros(p.shape);
      t.f32()[0] = std::numeric_limits<float>::quiet_NaN();
      set_values(p, t, ops::Packs::forward, runtime_.context());
    }
  Collected c;
  const auto engine = open();
  ASSERT_TRUE(engine->submit({.tokens = {1, 2}}, c.sink()));
  EXPECT_EQ(c.wait().end->reason, FinishReason::error);
  EXPECT_NE(c.samples[0].end->error.find("NaN"), std::string::npos);
}

}  // namespace
}  // namespace jamsu::engine

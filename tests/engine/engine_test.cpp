// The engine's door: errors, stop, cancel, memory budget, many callers at once. (Bits: tests/numerics; tokens: golden.)
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "base/rng.h"
#include "kernels/test_isas.h"
#include "models/deepseek_v3.h"

namespace jamsu::engine {
namespace {

models::DeepseekV3Config config() {
  models::DeepseekV3Config c;
  c.vocab_size = 50;
  c.hidden_size = 16;
  c.intermediate_size = 24;
  c.moe_intermediate_size = 8;
  c.num_hidden_layers = 2;
  c.num_attention_heads = c.num_key_value_heads = 2;
  c.kv_lora_rank = 8;
  c.qk_nope_head_dim = 8;
  c.qk_rope_head_dim = 4;
  c.v_head_dim = 8;
  c.n_routed_experts = 4;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 2;
  c.first_k_dense_replace = 1;
  c.max_position_embeddings = 128;
  return c;
}

SamplingParams sampling(double temperature, double top_p = 1, double repetition_penalty = 1, uint64_t seed = 0) {
  SamplingParams s;
  s.temperature = temperature;
  s.top_p = top_p;
  s.repetition_penalty = repetition_penalty;
  s.seed = seed;
  return s;
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : model_(std::make_shared<models::DeepseekV3>(config(), ops::Numerics::bf16)) {
    ops::Context& c = runtime_.context();
    for (auto& p : model_->parameters().all()) {
      Tensor t = c.zeros(p.shape);
      RandomStream random(3, static_cast<uint64_t>(p.id + 1), Purpose::test);
      for (int64_t i = 0; i < t.elements(); ++i)
        t.f32()[i] = p.role == autograd::Role::vector ? 1.0f : static_cast<float>(random.uniform()) - 0.5f;
      set_values(p, t, ops::Packs::forward, c);
    }
  }
  std::unique_ptr<Engine> open(EngineOptions options = {}) { return Engine::open(model_, runtime_, options); }

  // Collects what one request says.
  struct Collected {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<int32_t> tokens;
    std::optional<Finished> end;
    EventSink sink() {
      return [this](const Event& event) {
        std::lock_guard lock(mutex);
        EXPECT_FALSE(end.has_value()) << "an event after Finished";
        if (const auto* t = std::get_if<TokenEvent>(&event))
          tokens.push_back(t->token);
        else
          end = std::get<Finished>(event);
        changed.notify_all();
      };
    }
    const Finished& wait() {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return end.has_value(); });
      return *end;
    }
  };

  ops::Runtime runtime_{2, kernels::test::test_isa(), ops::Numerics::bf16};
  std::shared_ptr<models::DeepseekV3> model_;
};

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
  EXPECT_NE(error({.tokens = {1}, .sampling = sampling(-1)}).find("temperature"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .sampling = sampling(1, 0)}).find("top_p"), std::string::npos);
  EXPECT_NE(error({.tokens = {1}, .sampling = sampling(1, 1, 0)}).find("repetition_penalty"), std::string::npos);
  EXPECT_NE(error({.tokens = std::vector<int32_t>(100, 1), .max_tokens = 20}).find("bytes of state"),
            std::string::npos);
}

TEST_F(EngineTest, StopsAtStopTokensAndLengthAndContext) {
  const auto engine = open();
  Collected all, stopped, longest;
  ASSERT_TRUE(engine->submit({.tokens = {1, 2, 3}, .sampling = sampling(1, 1, 1, 5), .max_tokens = 20}, all.sink()));
  EXPECT_EQ(all.wait().reason, FinishReason::length);
  ASSERT_EQ(all.tokens.size(), 20u);
  ASSERT_TRUE(engine->submit(
      {.tokens = {1, 2, 3}, .sampling = sampling(1, 1, 1, 5), .max_tokens = 20, .stop_tokens = {all.tokens[4]}},
      stopped.sink()));
  EXPECT_EQ(stopped.wait().reason, FinishReason::stop_token);
  EXPECT_LE(stopped.tokens.size(), 5u);
  EXPECT_EQ(stopped.tokens.back(), all.tokens[4]);
  ASSERT_TRUE(engine->submit({.tokens = std::vector<int32_t>(120, 2), .max_tokens = 1000}, longest.sink()));
  EXPECT_EQ(longest.wait().reason, FinishReason::length);
  EXPECT_EQ(longest.tokens.size(), 8u);  // what the context of 128 leaves
}

TEST_F(EngineTest, SamplesOfOnePromptDifferAndRepeat) {
  const auto engine = open();
  const auto sample = [&](uint32_t number) {
    Collected c;
    EXPECT_TRUE(engine->submit(
        {.tokens = {1, 2, 3}, .sampling = sampling(1, 1, 1, 5), .sample = number, .max_tokens = 20}, c.sink()));
    c.wait();
    return c.tokens;
  };
  EXPECT_EQ(sample(0), sample(0));
  EXPECT_NE(sample(0), sample(1));
}

TEST_F(EngineTest, CancelEndsARequestAndIsIdempotent) {
  const auto engine = open();
  Collected c;
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
  EXPECT_EQ(c.wait().reason, FinishReason::cancelled);
  EXPECT_LT(c.tokens.size(), 120u);
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
    EXPECT_EQ(c->wait().reason, FinishReason::length);
    EXPECT_EQ(c->tokens.size(), 10u);
  }
  EXPECT_LE(engine->stats().peak_state_bytes, 5 * one);
}

TEST_F(EngineTest, ClosingCancelsWhatRuns) {
  Collected c;
  {
    const auto engine = open();
    ASSERT_TRUE(engine->submit({.tokens = {1}, .max_tokens = 120}, c.sink()));
  }
  ASSERT_TRUE(c.end.has_value());
}

TEST_F(EngineTest, NanLogitsEndTheRequestWithAnError) {
  for (auto& p : model_->parameters().all())
    if (p.name == "model.norm.weight") {
      Tensor t = runtime_.context().zeros(p.shape);
      t.f32()[0] = std::numeric_limits<float>::quiet_NaN();
      set_values(p, t, ops::Packs::forward, runtime_.context());
    }
  const auto engine = open();
  Collected c;
  ASSERT_TRUE(engine->submit({.tokens = {1, 2}}, c.sink()));
  EXPECT_EQ(c.wait().reason, FinishReason::error);
  EXPECT_NE(c.end->error.find("NaN"), std::string::npos);
}

}  // namespace
}  // namespace jamsu::engine

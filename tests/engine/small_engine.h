#pragma once
// A small DeepSeek-V3 with random weights, engines of it, and what requests say.
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "engine/engine.h"
#include "kernels/test_isas.h"
#include "models/deepseek_v3.h"

namespace jamsu::engine::small {

inline models::DeepseekV3Config config(int64_t context = 128) {
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
  c.max_position_embeddings = context;
  return c;
}

inline SamplingParams sampling(double temperature, double top_p = 1, double repetition_penalty = 1, uint64_t seed = 0) {
  SamplingParams s;
  s.temperature = temperature;
  s.top_p = top_p;
  s.repetition_penalty = repetition_penalty;
  s.seed = seed;
  return s;
}

// Collects what the samples of one request say. The sink may read `samples` without the lock: others only look.
struct Collected {
  std::mutex mutex;
  std::condition_variable changed;
  struct Sample {
    std::vector<int32_t> tokens;
    std::vector<float> logprobs;
    std::optional<Finished> end;
  };
  std::map<uint32_t, Sample> samples;

  void take(const Event& event) {
    std::lock_guard lock(mutex);
    if (const auto* t = std::get_if<TokenEvent>(&event)) {
      Sample& s = samples[t->sample];
      EXPECT_FALSE(s.end.has_value()) << "an event after Finished";
      s.tokens.push_back(t->token);
      s.logprobs.push_back(t->logprob);
    } else {
      const auto& end = std::get<Finished>(event);
      EXPECT_FALSE(samples[end.sample].end.has_value()) << "Finished twice";
      samples[end.sample].end = end;
    }
    changed.notify_all();
  }
  EventSink sink() {
    return [this](const Event& event) { take(event); };
  }
  bool ended(uint32_t count = 1) {
    std::lock_guard lock(mutex);
    return ended_locked(count);
  }
  const Sample& wait(uint32_t count = 1) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ended_locked(count); });
    return samples.at(0);
  }
  // Until so many tokens of the first sample have come.
  void wait_for_tokens(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return samples.contains(0) && samples.at(0).tokens.size() >= count; });
  }

 private:
  bool ended_locked(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
      if (!samples.contains(i) || !samples.at(i).end) return false;
    return true;
  }
};

class Engines : public ::testing::Test {
 protected:
  explicit Engines(int64_t context = 128)
      : model_(std::make_shared<models::DeepseekV3>(config(context), ops::Numerics::bf16)) {
    fill(3);
  }
  // Weights from a seed.
  void fill(uint64_t seed) {
    ops::Context& c = runtime_.context();
    for (auto& p : model_->parameters().all()) {
      Tensor t = c.zeros(p.shape);
      RandomStream random(seed, static_cast<uint64_t>(p.id + 1), Purpose::test);
      for (int64_t i = 0; i < t.elements(); ++i)
        t.f32()[i] = p.role == autograd::Role::vector ? 1.0f : static_cast<float>(random.uniform()) - 0.5f;
      set_values(p, t, ops::Packs::forward, c);
    }
  }
  std::unique_ptr<Engine> open(EngineOptions options = {}) { return Engine::open(model_, runtime_, options); }
  // What one request says, alone.
  Collected::Sample alone(Request request, EngineOptions options = {.cached_prefixes = 0}) {
    const auto engine = open(options);
    Collected c;
    const auto id = engine->submit(std::move(request), c.sink());
    EXPECT_TRUE(id.ok()) << id.error().message;
    return c.wait();
  }

  ops::Runtime runtime_{2, kernels::test::test_isa(), ops::Numerics::bf16};
  std::shared_ptr<models::DeepseekV3> model_;
};

}  // namespace jamsu::engine::small

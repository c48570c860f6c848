#pragma once
// Small models for tests, of widths that are no multiple of 16 or 32: a DeepSeek-V3 with groups, MTP, a dense layer
// before the MoE ones; a Qwen3-MoE with sliding layers.
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sha256.h"
#include "kernels/kernels_that_ran.h"
#include "models/deepseek_v3.h"
#include "models/llama.h"
#include "train/optimizer.h"
#include "train/step.h"

namespace jamsu::numerics_test {

inline models::DeepseekV3Config small_config() {
  models::DeepseekV3Config c;
  c.vocab_size = 101;
  c.hidden_size = 40;
  c.intermediate_size = 52;
  c.moe_intermediate_size = 20;
  c.num_hidden_layers = 2;
  c.num_attention_heads = c.num_key_value_heads = 3;
  c.q_lora_rank = 24;
  c.kv_lora_rank = 18;
  c.qk_nope_head_dim = 12;
  c.qk_rope_head_dim = 8;
  c.v_head_dim = 20;
  c.n_routed_experts = 8;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 3;
  c.n_group = 4;
  c.topk_group = 2;
  c.first_k_dense_replace = 1;
  c.num_nextn_predict_layers = 1;
  c.max_position_embeddings = 256;
  c.routed_scaling_factor = 2.5;
  return c;
}

// The window begins in the middle of a tile of four rows, blocks of 32 keys leave it early.
inline models::LlamaConfig small_sliding_config() {
  models::LlamaConfig c;
  c.kind = models::LlamaKind::qwen3_moe;
  c.vocab_size = 101;
  c.hidden_size = 40;
  c.intermediate_size = 52;
  c.num_hidden_layers = 3;
  c.num_attention_heads = 4;
  c.num_key_value_heads = 2;
  c.head_dim = 12;
  c.max_position_embeddings = 256;
  c.tie_word_embeddings = true;
  c.num_experts = 6;
  c.num_experts_per_tok = 3;
  c.moe_intermediate_size = 20;
  c.norm_topk_prob = true;
  c.mlp_only_layers = {0};
  c.use_sliding_window = true;
  c.sliding_window = 11;
  c.sliding = {true, false, true};
  return c;
}

using MakeModel = std::function<std::shared_ptr<models::Model>(ops::Numerics)>;
inline std::shared_ptr<models::Model> small_deepseek_v3(ops::Numerics numerics) {
  return std::make_shared<models::DeepseekV3>(small_config(), numerics);
}
inline std::shared_ptr<models::Model> small_sliding(ops::Numerics numerics) {
  return std::make_shared<models::Llama>(small_sliding_config(), numerics);
}

// With gelu; texts of more than 40 tokens are of the long factors.
inline std::shared_ptr<models::Model> small_longrope(ops::Numerics numerics) {
  auto c = small_config();
  c.activation = ops::Activation::gelu;
  c.rope_scaling = models::RopeScalingConfig{.type = ops::RopeScaling::longrope,
                                             .factor = 6,
                                             .original_max_position_embeddings = 40,
                                             .short_factor = {1, 1.1, 1.4, 2},
                                             .long_factor = {1, 2.5, 9, 30}};
  return std::make_shared<models::DeepseekV3>(c, numerics);
}

// Its kernels note that they ran.
struct World {
  World(kernels::Isa isa, int threads, ops::Numerics numerics, const MakeModel& make = small_deepseek_v3)
      : runtime(threads, kernels::test::noting_kernels(isa), numerics), model(make(numerics)) {
    state = train::initial_state(*model, {.seed = 5, .scale = 1.0, .embedding_std = 0.3}, runtime.context());
  }
  ops::Runtime runtime;
  std::shared_ptr<models::Model> model;
  train::TrainState state;
};

inline std::vector<int32_t> tokens(uint64_t index, int64_t count) {
  RandomStream random(11, index, Purpose::test);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>(random.below(101)));
  return ids;
}

// -0 counts as +0 and NaN as NaN (docs/numerics.md).
inline uint32_t canonical_bits(float x) {
  uint32_t u = 0;
  std::memcpy(&u, &x, 4);
  if (u == 0x80000000u) u = 0;
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) u = 0x7FC00000u;
  return u;
}
// FNV-1a over the bits.
inline constexpr uint64_t kHashStart = 1469598103934665603ull;
inline uint64_t hash_of(const float* x, int64_t count, uint64_t hash = kHashStart) {
  for (int64_t i = 0; i < count; ++i) hash = (hash ^ canonical_bits(x[i])) * 1099511628211ull;
  return hash;
}

// SHA-256 of named tensors, every f32 as hash_of takes it.
inline std::string sha256_of(const std::map<std::string, Tensor>& tensors) {
  Sha256 hash;
  for (const auto& [name, tensor] : tensors) {
    std::vector<uint32_t> bits;
    for (int64_t i = 0; i < tensor.elements(); ++i) bits.push_back(canonical_bits(tensor.f32()[i]));
    hash.update(name).update(std::as_bytes(std::span(bits)));
  }
  return hash.hex();
}

// Two documents and padding in each of three rows.
inline train::DataRows data(uint64_t step) {
  train::DataRows d{3, 40, {}, {}, {}, {}};
  const auto ids = tokens(1000 + step, 120);
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t t = 0; t < 40; ++t) {
      const int64_t end = 17 + 3 * r, last = 36 + r;
      const int doc = t < end ? 0 : t < last ? 1 : -1;
      d.ids.push_back(ids[static_cast<size_t>(r * 40 + t)]);
      d.doc_ids.push_back(doc);
      const bool ends = t + 1 == end || t + 1 >= last;
      d.labels.push_back(doc < 0 || ends ? -100 : ids[static_cast<size_t>(r * 40 + t + 1)]);
      d.mtp_labels.push_back(
          doc < 0 || ends || t + 2 == end || t + 2 >= last ? -100 : ids[static_cast<size_t>(r * 40 + t + 2)]);
    }
  return d;
}

// Masters and moments after some steps of two micro-batches each.
inline uint64_t train_hash(kernels::Isa isa, int threads, ops::Numerics numerics, int steps) {
  World w(isa, threads, numerics);
  for (int step = 0; step < steps; ++step) {
    std::vector<train::MicroBatch> parts{train::pack(data(static_cast<uint64_t>(2 * step)), true),
                                         train::pack(data(static_cast<uint64_t>(2 * step + 1)), step % 2 == 0)};
    const auto counts = train::count(parts);
    autograd::GradStore grads(static_cast<size_t>(w.model->parameters().trained()));
    std::map<int64_t, std::vector<int64_t>> load;
    for (const auto& part : parts)
      for (const auto& layer : train::run_micro_batch(*w.model, part, {.mtp_lambda = 0.3, .balance_alpha = 0.02},
                                                      counts, grads, w.runtime.context())
                                   .moe.layers) {
        auto& total = load[layer.layer];
        total.resize(layer.load.size());
        for (size_t e = 0; e < total.size(); ++e) total[e] += layer.load[e];
      }
    train::optimizer_step(*w.model, w.state, grads, {}, 3e-3, w.runtime.context());
    for (auto& [layer, bias] : w.model->correction_biases())
      train::update_bias(bias->values.f32(), load.at(layer), 1e-2);
  }
  uint64_t hash = kHashStart;
  for (size_t i = 0; i < w.state.master.size(); ++i) {
    hash = hash_of(w.state.master[i].f32(), w.state.master[i].elements(), hash);
    hash = hash_of(w.state.m[i].f32(), w.state.m[i].elements(), hash);
    hash = hash_of(w.state.v[i].f32(), w.state.v[i].elements(), hash);
  }
  return hash;
}

}  // namespace jamsu::numerics_test

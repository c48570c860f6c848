#pragma once
// Decoders of Llama's form: RMSNorm, grouped-query attention, SwiGLU, and what Qwen2, Qwen3, Qwen3-MoE and HyperCLOVA X
// add to it (llama_config.h).
#include <memory>
#include <vector>

#include "models/config/llama.h"
#include "models/model.h"

namespace jamsu::models {

// x + r post1(attention(norm(x))), then x + r post2(feed_forward(norm(x))).
class LlamaLayer {
 public:
  LlamaLayer(const NameScope& scope, const LlamaConfig& config, int64_t layer);
  autograd::Value forward(const autograd::Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                          const std::vector<int64_t>& row_begin, ForwardContext& c) const;

 private:
  autograd::Value add(const autograd::Value& x, autograd::Value y, const autograd::Parameter* post_norm,
                      ForwardContext& c) const;

  float eps_, residual_;
  const autograd::Parameter& attention_norm_;
  Gqa attention_;
  const autograd::Parameter& feed_forward_norm_;
  std::unique_ptr<Mlp> mlp_;
  std::unique_ptr<MoE> moe_;
  const autograd::Parameter *post_norm1_ = nullptr, *post_norm2_ = nullptr;
};

class Llama final : public Model {
 public:
  // Parameters have names and shapes but no values yet (load_weights, or the trainer's init).
  Llama(const LlamaConfig& config, ops::Numerics numerics);

  const ModelInfo& info() const override { return info_; }
  autograd::Value hidden(const Batch& batch, ForwardContext& c) const override;
  autograd::Value logits(const autograd::Value& hidden, ForwardContext& c) const override;
  autograd::Value mtp_hidden(const autograd::Value& hidden, const Batch& batch, ForwardContext& c) const override;
  // Keys and values per head, whatever the policy: there is no latent.
  const StateLayout& state_layout(CachePolicy) const override { return layout_; }
  const StateLayout& mtp_layout() const override { return no_layout_; }
  ParameterSet& parameters() override { return parameters_; }
  const ParameterSet& parameters() const override { return parameters_; }
  std::vector<std::pair<int64_t, autograd::Parameter*>> correction_biases() override { return {}; }

  const LlamaConfig& config() const { return config_; }

 private:
  LlamaConfig config_;
  ModelInfo info_;
  ops::Rope rope_;
  ParameterSet parameters_;
  const autograd::Parameter* embedding_;
  std::vector<std::unique_ptr<LlamaLayer>> layers_;
  const autograd::Parameter* final_norm_;
  const autograd::Parameter* head_;
  StateLayout layout_, no_layout_;
};

}  // namespace jamsu::models

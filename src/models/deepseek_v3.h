#pragma once
// DeepSeek-V3 (arXiv:2412.19437), section 2: MLA, mixture of experts with a correction bias, multi-token prediction;
// and DeepSeek-V2 (arXiv:2405.04434), whose router is another.
#include <array>
#include <memory>

#include "models/config/deepseek_v3.h"
#include "models/layers/mla.h"
#include "models/layers/mlp.h"
#include "models/model.h"

namespace jamsu::models {

// x + attention(norm(x)), then x + feed_forward(norm(x)).
class DeepseekV3Layer {
 public:
  DeepseekV3Layer(const NameScope& scope, const DeepseekV3Config& config, int64_t layer, bool moe);
  autograd::Value forward(const autograd::Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                          const std::vector<int64_t>& row_begin, ForwardContext& c) const;
  MoE* moe() { return moe_.get(); }

 private:
  float eps_;
  const autograd::Parameter& attention_norm_;
  Mla attention_;
  const autograd::Parameter& feed_forward_norm_;
  std::unique_ptr<Mlp> mlp_;
  std::unique_ptr<MoE> moe_;
};

class DeepseekV3 final : public Model {
 public:
  // Parameters have names and shapes but no values yet (load_weights, or the trainer's init).
  DeepseekV3(const DeepseekV3Config& config, ops::Numerics numerics);

  const ModelInfo& info() const override { return info_; }
  autograd::Value hidden(const Batch& batch, ForwardContext& c) const override;
  autograd::Value logits(const autograd::Value& hidden, ForwardContext& c) const override;
  autograd::Value mtp_hidden(const autograd::Value& hidden, const Batch& batch, ForwardContext& c) const override;
  const StateLayout& state_layout(CachePolicy policy) const override;
  const StateLayout& mtp_layout() const override { return mtp_layout_; }
  ParameterSet& parameters() override { return parameters_; }
  const ParameterSet& parameters() const override { return parameters_; }
  std::vector<std::pair<int64_t, autograd::Parameter*>> correction_biases() override;

  const DeepseekV3Config& config() const { return config_; }

 private:
  struct Mtp {
    Mtp(const NameScope& scope, const DeepseekV3Config& config);
    const autograd::Parameter &enorm, &hnorm, &eh_proj;
    DeepseekV3Layer layer;
    const autograd::Parameter& head_norm;
  };

  DeepseekV3Config config_;
  ModelInfo info_;
  ops::Rope rope_;
  ParameterSet parameters_;
  const autograd::Parameter* embedding_;
  std::vector<std::unique_ptr<DeepseekV3Layer>> layers_;
  const autograd::Parameter* final_norm_;
  std::unique_ptr<Mtp> mtp_;
  const autograd::Parameter* head_;
  std::array<StateLayout, std::size(kCachePolicies)> layouts_;  // by policy
  StateLayout mtp_layout_;
};

}  // namespace jamsu::models

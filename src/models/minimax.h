#pragma once
// MiniMax-Text-01 (arXiv:2501.08313: lightning and full attention, norms before the residual branch) and MiniMax-M2
// (full attention alone). Forward only.
#include <memory>
#include <vector>

#include "models/config/minimax.h"
#include "models/model.h"

namespace jamsu::models {

class MiniMaxLayer {
 public:
  MiniMaxLayer(const NameScope& scope, const MiniMaxConfig& config, int64_t layer);
  autograd::Value forward(const autograd::Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                          ForwardContext& c) const;

 private:
  // What stays of the input beside f(norm(x)): alpha norm(x) + beta f in Text-01, x + f in M2.
  struct Residual {
    float alpha = 1, beta = 1;
  };
  autograd::Value join(const autograd::Value& x, const autograd::Value& normed, const autograd::Value& f,
                       Residual residual, ForwardContext& c) const;

  bool post_norm_;
  float eps_;
  Residual attention_residual_, experts_residual_;
  const autograd::Parameter& attention_norm_;
  std::unique_ptr<Gqa> full_;
  std::unique_ptr<Lightning> linear_;
  const autograd::Parameter& experts_norm_;
  MoE moe_;
};

class MiniMax final : public Model {
 public:
  MiniMax(const MiniMaxConfig& config, ops::Numerics numerics);

  const ModelInfo& info() const override { return info_; }
  autograd::Value hidden(const Batch& batch, ForwardContext& c) const override;
  autograd::Value logits(const autograd::Value& hidden, ForwardContext& c) const override;
  autograd::Value mtp_hidden(const autograd::Value& hidden, const Batch& batch, ForwardContext& c) const override;
  const StateLayout& state_layout(CachePolicy) const override { return layout_; }
  const StateLayout& mtp_layout() const override { return no_layout_; }
  ParameterSet& parameters() override { return parameters_; }
  const ParameterSet& parameters() const override { return parameters_; }
  std::vector<std::pair<int64_t, autograd::Parameter*>> correction_biases() override { return {}; }

 private:
  MiniMaxConfig config_;
  ModelInfo info_;
  ops::Rope rope_;
  ParameterSet parameters_;
  const autograd::Parameter* embedding_;
  std::vector<std::unique_ptr<MiniMaxLayer>> layers_;
  const autograd::Parameter* final_norm_;
  const autograd::Parameter* head_;
  StateLayout layout_, no_layout_;
};

}  // namespace jamsu::models

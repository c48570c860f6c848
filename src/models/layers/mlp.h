#pragma once
// Gated MLP (SwiGLU, or another function for silu), and mixtures of experts (DeepSeek-V3, arXiv:2412.19437, section 2.1.2; Qwen3-MoE).   N rows, d hidden.
#include <memory>

#include "autograd/functions.h"
#include "models/batch.h"
#include "models/layers/linear.h"
#include "models/parameters.h"

namespace jamsu::models {

// down(f(gate(x)) * up(x)): [N, d] -> [N, d].
class Mlp {
 public:
  // `bias`: on all three.
  Mlp(const NameScope& scope, int64_t hidden, int64_t width, bool bias, ops::Activation f);
  autograd::Value forward(const autograd::Value& x, ForwardContext& c) const;

 private:
  Linear gate_, up_, down_;
  bool bias_;
  ops::Activation activation_;
};

struct MoeShape {
  int64_t hidden = 0, width = 0;                       // width of one expert
  int64_t shared_width = 0;                            // of the shared experts as one MLP; 0: none
  bool shared_bias = false;                            // of that MLP
  bool correction_bias = false;                        // e_score_correction_bias
  ops::Activation activation = ops::Activation::silu;  // of experts and shared experts
  bool mixtral_names = false;  // w1, w3, w2 for gate, up, down; the bias beside the gate, not in it (MiniMax)
  ops::RouterConfig router;
};

class MoE {
 public:
  MoE(const NameScope& scope, const MoeShape& shape, int64_t layer);
  // [N, d] -> [N, d]. With c.balance and batch.row_begin the balance loss joins.
  autograd::Value forward(const autograd::Value& x, const Batch& batch, ForwardContext& c) const;
  autograd::Parameter* correction_bias() { return bias_; }  // null: none
  int64_t layer() const { return layer_; }
  const ops::RouterConfig& router() const { return router_config_; }

 private:
  int64_t layer_;
  ops::RouterConfig router_config_;
  Linear router_;
  autograd::Parameter* bias_ = nullptr;
  autograd::ExpertParameters experts_;
  std::unique_ptr<Mlp> shared_;  // null without shared experts
};

// What follows attention in a layer: an MLP, or a mixture of experts.
class FeedForward {
 public:
  FeedForward(const NameScope& scope, int64_t hidden, int64_t width, bool bias, ops::Activation f);
  FeedForward(const NameScope& scope, const MoeShape& shape, int64_t layer);
  autograd::Value forward(const autograd::Value& x, const Batch& batch, ForwardContext& c) const;
  MoE* moe() { return moe_.get(); }  // null: an MLP

 private:
  std::unique_ptr<Mlp> mlp_;  // one of the two
  std::unique_ptr<MoE> moe_;
};

}  // namespace jamsu::models

#pragma once
// SwiGLU MLP, and mixtures of experts (DeepSeek-V3, arXiv:2412.19437, section 2.1.2; Qwen3-MoE).   N rows, d hidden.
#include "autograd/functions.h"
#include "models/batch.h"
#include "models/parameters.h"

namespace jamsu::models {

// down(silu(gate(x)) * up(x)): [N, d] -> [N, d].
class Mlp {
 public:
  Mlp(const NameScope& scope, int64_t hidden, int64_t width);
  autograd::Value forward(const autograd::Value& x, ForwardContext& c) const;

 private:
  const autograd::Parameter &gate_, &up_, &down_;
};

struct MoeShape {
  int64_t hidden = 0, width = 0;  // width of one expert
  int64_t shared_width = 0;       // of the shared experts as one MLP; 0: none
  bool correction_bias = false;   // e_score_correction_bias
  bool mixtral_names = false;     // w1, w3, w2 for gate, up, down; the bias beside the gate, not in it (MiniMax)
  ops::RouterConfig router;
};

class MoE {
 public:
  MoE(const NameScope& scope, const MoeShape& shape, int64_t layer);
  // row_begin: the data rows of a training batch (balance loss), or empty.
  autograd::Value forward(const autograd::Value& x, const std::vector<int64_t>& row_begin, ForwardContext& c) const;
  autograd::Parameter* correction_bias() { return bias_; }  // null: none
  int64_t layer() const { return layer_; }

 private:
  int64_t layer_;
  ops::RouterConfig router_config_;
  const autograd::Parameter& router_;
  autograd::Parameter* bias_ = nullptr;
  autograd::ExpertParameters experts_;
  std::unique_ptr<Mlp> shared_;  // null without shared experts
};

}  // namespace jamsu::models

#pragma once
// Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) with half-split rotary pairs over the first
// columns of each head, as many as the table has: Llama, Qwen, HyperCLOVA X, MiniMax.
//   N rows, d hidden, H query heads, G key heads.
#include "autograd/functions.h"
#include "models/batch.h"
#include "models/layers/linear.h"
#include "models/parameters.h"
#include "models/sequence_state.h"

namespace jamsu::models {

// RMSNorm of queries and keys before the rotation: of each head (Qwen3) or of all heads together (MiniMax-M2).
enum class QkNorm : uint8_t { none, head, all };

struct GqaShape {
  int64_t hidden = 0, heads = 0, key_heads = 0, width = 0;  // width of a head, even
  bool bias = false;                                        // on q, k and v
  bool out_bias = false;                                    // on o
  QkNorm norm = QkNorm::none;
  float eps = 1e-6f;  // of those norms
  float scale = 0;    // of the scores
  int64_t window = kernels::kNoWindow;
};

class Gqa {
 public:
  Gqa(const NameScope& scope, const GqaShape& shape);
  // x [N, d] -> [N, d]. `state_layer` is this layer's index in the segments' states.
  autograd::Value forward(const autograd::Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                          ForwardContext& c) const;
  // How this layer's state lies in memory, whatever the cache policy.
  LayerLayout layout(kernels::Element element) const;

 private:
  // Normed, where the model norms queries and keys.
  autograd::Value heads_of(const autograd::Value& y, const autograd::Parameter* norm, ForwardContext& c) const;

  GqaShape shape_;
  Linear q_, k_, v_, o_;
  const autograd::Parameter *q_norm_ = nullptr, *k_norm_ = nullptr;
};

}  // namespace jamsu::models

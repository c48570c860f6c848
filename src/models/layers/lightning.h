#pragma once
// A lightning attention layer of MiniMax-01 (arXiv:2501.08313, section 2.2): its state is as large whatever the length.
//   N rows, d hidden, H heads. Forward only.
#include <vector>

#include "autograd/functions.h"
#include "models/batch.h"
#include "models/layers/linear.h"
#include "models/parameters.h"
#include "models/sequence_state.h"

namespace jamsu::models {

struct LightningShape {
  int64_t hidden = 0, heads = 0, width = 0;
  int64_t layer = 0, layers = 0;                       // later layers forget more slowly
  ops::Activation activation = ops::Activation::silu;  // of queries, keys and values
};

class Lightning {
 public:
  Lightning(const NameScope& scope, const LightningShape& shape);
  // x [N, d] -> [N, d]. `state_layer` is this layer's index in the segments' states. REQUIRES: no tape.
  autograd::Value forward(const autograd::Value& x, const Batch& batch, size_t state_layer, ForwardContext& c) const;
  LayerLayout layout() const;

 private:
  LightningShape shape_;
  std::vector<float> decay_;  // of each head
  Linear qkv_, gate_;
  const autograd::Parameter& norm_;
  Linear out_;
};

}  // namespace jamsu::models

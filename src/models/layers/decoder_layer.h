#pragma once
// What the trunk (models/decoder.h) asks of a layer.   N rows, d hidden.
#include "autograd/tape.h"
#include "models/batch.h"
#include "models/sequence_state.h"
#include "ops/rope.h"

namespace jamsu::models {

class MoE;

class DecoderLayer {
 public:
  virtual ~DecoderLayer() = default;
  // x [N, d] -> [N, d]. `table` has the rotations of the batch's rows;
  // `state_layer` is this layer's index in the segments' states.
  virtual autograd::Value forward(const autograd::Value& x, const Batch& batch, const ops::RopeTable& table,
                                  size_t state_layer, ForwardContext& c) const = 0;
  // How its state lies in memory under a cache policy.
  virtual LayerLayout layout(CachePolicy policy, kernels::Element element) const = 0;
  // Its mixture of experts; null: none.
  virtual MoE* moe() = 0;
};

}  // namespace jamsu::models

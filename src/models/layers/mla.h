#pragma once
// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1; V3, arXiv:2412.19437, section 2.1.1).
//   N rows, d hidden, H heads.
#include <memory>
#include <vector>

#include "autograd/functions.h"
#include "models/batch.h"
#include "models/config/deepseek_v3.h"
#include "models/parameters.h"
#include "models/sequence_state.h"

namespace jamsu::models {

class Mla {
 public:
  Mla(const NameScope& scope, const DeepseekV3Config& config);
  // x [N, d] -> [N, d]. `state_layer` is this layer's index in the segments' states; the policy is that of their
  // layout.
  autograd::Value forward(const autograd::Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                          ForwardContext& c) const;

  // How this layer's state lies in memory under a policy.
  static LayerLayout layout(const DeepseekV3Config& config, CachePolicy policy, kernels::Element element);

 private:
  autograd::Value queries(const autograd::Value& x, ForwardContext& c) const;
  autograd::Value attend_latent(const autograd::Value& q, const autograd::Value& latent, const autograd::Value& k_rope,
                                const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                                ForwardContext& c) const;
  autograd::Value attend_absorbed(const autograd::Value& q, const autograd::Value& latent,
                                  const autograd::Value& k_rope, const Batch& batch, const ops::RopeTable& table,
                                  size_t state_layer, ForwardContext& c) const;
  // kv_b head by head: the keys' part turned around, the values' part as it is.
  struct Absorbed {
    std::vector<ops::Weight> keys, values;  // [H] of [kv_rank, nope] and [v, kv_rank]
  };
  const Absorbed& absorbed(ForwardContext& c) const;

  int64_t heads_, nope_, rope_, v_, kv_rank_;
  float scale_;
  const autograd::Parameter *q_a_ = nullptr, *q_norm_ = nullptr, *q_b_ = nullptr, *q_ = nullptr;
  const autograd::Parameter &kv_a_, &kv_norm_, &kv_b_, &o_;
  mutable std::unique_ptr<const Absorbed> absorbed_;  // made by the first forward that asks; one runs at a time
};

}  // namespace jamsu::models

#pragma once
// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1; V3, arXiv:2412.19437, section 2.1.1).
//   N rows, d hidden, H heads.
#include <optional>
#include <vector>

#include "autograd/functions.h"
#include "models/batch.h"
#include "models/layers/linear.h"
#include "models/parameters.h"
#include "models/sequence_state.h"

namespace jamsu::models {

struct MlaShape {
  int64_t hidden = 0, heads = 0;
  int64_t q_rank = 0;                 // of the query's latent; 0: a plain q_proj
  int64_t kv_rank = 0;                // of the keys' and values' latent
  int64_t nope = 0, rope = 0, v = 0;  // of a head: query/key without rotation, rotated (even), value
  bool bias = false;                  // on q_a, kv_a and o
  kernels::RopeLayout layout = kernels::RopeLayout::interleaved;
  float scale = 0;  // of the scores
  int64_t qk() const { return nope + rope; }
};

class Mla {
 public:
  Mla(const NameScope& scope, const MlaShape& shape);
  // x [N, d] -> [N, d]. `state_layer` is this layer's index in the segments' states; the policy is that of their
  // layout. One forward at a time: under `absorbed` the first one after new values makes what it derives from them.
  autograd::Value forward(const autograd::Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                          ForwardContext& c) const;

  // How this layer's state lies in memory under a policy.
  LayerLayout layout(CachePolicy policy, kernels::Element element) const;

 private:
  // What the three ways to attend take: queries, the normed latent and k_rope, the last two not yet in the cache.
  struct Projected {
    autograd::Value q, latent, k_rope;
  };
  Projected project(const autograd::Value& x, ForwardContext& c) const;
  autograd::Value attend_expanded(const Projected& x, const Batch& batch, const ops::RopeTable& table,
                                  size_t state_layer, ForwardContext& c) const;
  autograd::Value attend_latent(const Projected& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                                ForwardContext& c) const;
  autograd::Value attend_absorbed(const Projected& x, const Batch& batch, const ops::RopeTable& table,
                                  size_t state_layer, ForwardContext& c) const;
  // Queries and k_rope, in place.
  void rotate(const Projected& x, const ops::RopeTable& table, ForwardContext& c) const;
  // kv_b head by head: the keys' part turned around, the values' part as it is.
  struct Absorbed {
    uint64_t version = 0;                   // of kv_b's values
    std::vector<ops::Weight> keys, values;  // [H] of [kv_rank, nope] and [v, kv_rank]
  };
  const Absorbed& absorbed(ForwardContext& c) const;

  MlaShape shape_;
  Linear kv_a_;
  const autograd::Parameter& kv_norm_;
  Linear kv_b_, o_;
  std::optional<Linear> q_a_;
  const autograd::Parameter* q_norm_;  // with q_a_
  Linear q_;                           // q_b_proj or, without a latent, q_proj
  mutable Absorbed absorbed_;
};

}  // namespace jamsu::models

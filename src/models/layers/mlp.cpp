#include "models/layers/mlp.h"

#include <array>

namespace jamsu::models {

using autograd::Value;

Mlp::Mlp(const NameScope& scope, int64_t hidden, int64_t width, bool bias, ops::Activation f)
    : gate_(scope / "gate_proj", width, hidden, bias),
      up_(scope / "up_proj", width, hidden, bias),
      down_(scope / "down_proj", hidden, width, bias),
      bias_(bias),
      activation_(f) {}

Value Mlp::forward(const Value& x, ForwardContext& c) const {
  if (bias_ || activation_ != ops::Activation::silu) {
    const std::vector<Value> y = autograd::linears(x, std::array{gate_.term(), up_.term()}, c);
    return down_.forward(autograd::gated(activation_, y[0], y[1], c), c);
  }
  return autograd::gated_mlp(x, gate_.weight(), up_.weight(), down_.weight(), c);
}

MoE::MoE(const NameScope& scope, const MoeShape& shape, int64_t layer)
    : layer_(layer),
      router_config_(shape.router),
      router_((scope / "gate").router(shape.router.experts, shape.hidden)) {
  const bool mixtral = shape.mixtral_names;
  if (shape.correction_bias)
    bias_ = &(mixtral ? scope : scope / "gate").constant("e_score_correction_bias", shape.router.experts);
  for (int64_t e = 0; e < shape.router.experts; ++e) {
    const NameScope expert = (scope / "experts" / e).part(autograd::Part::expert);
    experts_.gate.push_back(&(expert / (mixtral ? "w1" : "gate_proj")).matrix(shape.width, shape.hidden));
    experts_.up.push_back(&(expert / (mixtral ? "w3" : "up_proj")).matrix(shape.width, shape.hidden));
    experts_.down.push_back(&(expert / (mixtral ? "w2" : "down_proj")).matrix(shape.hidden, shape.width));
  }
  experts_.activation = shape.activation;
  if (shape.shared_width > 0)
    shared_ = std::make_unique<Mlp>(scope / "shared_experts", shape.hidden, shape.shared_width, shape.shared_bias,
                                    shape.activation);
}

// The order router, experts, shared fixes the order in which gradients reach x: shared, experts ascending, router.
Value MoE::forward(const Value& x, const Batch& batch, ForwardContext& c) const {
  const Value logits = router_.forward(x, c);
  autograd::BalanceArguments balance;
  if (c.balance) {
    balance = {batch.row_begin, c.balance->count_chosen ? ops::BalanceCount::chosen : ops::BalanceCount::unbiased_top_k,
               c.balance->seed};
  }
  const autograd::Routed routed = autograd::route(logits, bias_ ? bias_->values : Tensor(), router_config_, balance, c);
  if (c.observer) c.observer->routing(layer_, logits.tensor, routed.routing.indices, routed.routing.weights);
  if (c.moe_report)
    c.moe_report->layers.push_back(
        {layer_, ops::expert_load(routed.routing.indices, router_config_.experts), routed.balance});
  const Value expert_out = autograd::experts(x, experts_, routed, c);
  if (!shared_) return autograd::combine(nullptr, expert_out, routed, c);
  const Value shared = shared_->forward(x, c);
  return autograd::combine(&shared, expert_out, routed, c);
}

FeedForward::FeedForward(const NameScope& scope, int64_t hidden, int64_t width, bool bias, ops::Activation f)
    : mlp_(std::make_unique<Mlp>(scope, hidden, width, bias, f)) {}
FeedForward::FeedForward(const NameScope& scope, const MoeShape& shape, int64_t layer)
    : moe_(std::make_unique<MoE>(scope, shape, layer)) {}

Value FeedForward::forward(const Value& x, const Batch& batch, ForwardContext& c) const {
  return moe_ ? moe_->forward(x, batch, c) : mlp_->forward(x, c);
}

}  // namespace jamsu::models

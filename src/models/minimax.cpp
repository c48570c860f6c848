#include "models/minimax.h"

#include <fmt/format.h>

#include <algorithm>

namespace jamsu::models {

using autograd::Value;

namespace {

class MiniMaxLayer final : public DecoderLayer {
 public:
  MiniMaxLayer(const NameScope& scope, const MiniMaxConfig& config, int64_t layer)
      : post_norm_(config.kind == MiniMaxKind::text01),
        eps_(static_cast<float>(config.rms_norm_eps)),
        experts_residual_{static_cast<float>(config.mlp_alpha_factor), static_cast<float>(config.mlp_beta_factor)},
        attention_norm_((scope / "input_layernorm").vector(config.hidden_size)),
        full_(config.is_linear(layer) ? nullptr : std::make_unique<Gqa>(scope / "self_attn", config.attention())),
        linear_(config.is_linear(layer) ? std::make_unique<Lightning>(scope / "self_attn", config.lightning(layer))
                                        : nullptr),
        experts_norm_((scope / "post_attention_layernorm").vector(config.hidden_size)),
        moe_(scope / "block_sparse_moe", config.moe(), layer) {
    const bool linear = config.is_linear(layer);
    attention_residual_ = {static_cast<float>(linear ? config.linear_attn_alpha_factor : config.full_attn_alpha_factor),
                           static_cast<float>(linear ? config.linear_attn_beta_factor : config.full_attn_beta_factor)};
  }

  Value forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                ForwardContext& c) const override {
    Value normed = autograd::rms_norm(x, attention_norm_, eps_, c);
    const Value attended = linear_ ? linear_->forward(normed, batch, state_layer, c)
                                   : full_->forward(normed, batch, table, state_layer, c);
    const Value h = join(x, normed, attended, attention_residual_, c);
    normed = autograd::rms_norm(h, experts_norm_, eps_, c);
    return join(h, normed, moe_.forward(normed, batch, c), experts_residual_, c);
  }
  LayerLayout layout(CachePolicy, kernels::Element element) const override {
    return linear_ ? linear_->layout() : full_->layout(element);
  }
  MoE* moe() override { return &moe_; }

 private:
  // What stays of the input beside f(norm(x)): alpha norm(x) + beta f in Text-01, x + f in M2.
  struct Residual {
    float alpha = 1, beta = 1;
  };
  Value join(const Value& x, const Value& normed, const Value& f, Residual residual, ForwardContext& c) const {
    if (!post_norm_) return autograd::add(x, f, c);
    return autograd::add(autograd::scale(normed, residual.alpha, c), autograd::scale(f, residual.beta, c), c);
  }

  bool post_norm_;
  float eps_;
  Residual attention_residual_, experts_residual_;
  const autograd::Parameter& attention_norm_;
  std::unique_ptr<Gqa> full_;
  std::unique_ptr<Lightning> linear_;
  const autograd::Parameter& experts_norm_;
  MoE moe_;
};

int64_t linear_layers(const MiniMaxConfig& c) {
  return std::count(c.linear.begin(), c.linear.end(), true);
}

std::string shape_text(const MiniMaxConfig& c) {
  std::string text = fmt::format("{} layers, hidden {}, {} heads of {} over {} key heads", c.num_hidden_layers,
                                 c.hidden_size, c.num_attention_heads, c.head_width(), c.num_key_value_heads);
  if (c.sliding_window) text += fmt::format(", a window of {} tokens", *c.sliding_window);
  if (const int64_t linear = linear_layers(c)) text += fmt::format(" ({} layers of lightning attention)", linear);
  return text +
         fmt::format(", {} experts of {} top-{}", c.num_local_experts, c.intermediate_size, c.num_experts_per_tok);
}

// Of all heads of a layer: one value of each.
double head_values(const MiniMaxConfig& c) {
  return static_cast<double>(c.num_attention_heads * c.head_width());
}

ModelInfo info_of(const MiniMaxConfig& c) {
  ModelInfo info = shared_info(c);
  info.architecture = c.kind == MiniMaxKind::text01 ? "MiniMaxForCausalLM" : "MiniMaxM2ForCausalLM";
  info.experts = c.num_local_experts;
  info.trainable = false;
  info.shape = shape_text(c);
  const double per_key = 4.0 * head_values(c) * static_cast<double>(c.num_hidden_layers - linear_layers(c));
  (c.sliding_window ? info.flops_per_window_key : info.flops_per_key) = per_key;
  info.window = c.sliding_window.value_or(0);
  return info;
}

}  // namespace

MiniMax::MiniMax(const MiniMaxConfig& config, ops::Numerics numerics)
    : Decoder(
          info_of(config), {.eps = static_cast<float>(config.rms_norm_eps), .rope = config.rope()}, numerics,
          [&](const NameScope& scope, int64_t index) { return std::make_unique<MiniMaxLayer>(scope, config, index); }) {
  // Lightning attention costs a token as much whatever its context.
  info_.flops_per_token += 5.0 * head_values(config) * static_cast<double>(config.head_width() * linear_layers(config));
}

}  // namespace jamsu::models

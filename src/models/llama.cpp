#include "models/llama.h"

#include <fmt/format.h>

#include <algorithm>

namespace jamsu::models {

using autograd::Parameter;
using autograd::Value;

namespace {

// x + r post1(attention(norm(x))), then x + r post2(feed_forward(norm(x))).
class LlamaLayer final : public DecoderLayer {
 public:
  LlamaLayer(const NameScope& scope, const LlamaConfig& config, int64_t layer)
      : eps_(static_cast<float>(config.rms_norm_eps)),
        residual_(static_cast<float>(config.residual_multiplier)),
        attention_norm_((scope / "input_layernorm").vector(config.hidden_size)),
        attention_(scope / "self_attn", config.attention(layer)),
        feed_forward_norm_((scope / "post_attention_layernorm").vector(config.hidden_size)),
        feed_forward_(config.is_moe_layer(layer)
                          ? FeedForward(scope / "mlp", config.moe(), layer)
                          : FeedForward(scope / "mlp", config.hidden_size, config.intermediate_size, config.mlp_bias,
                                        config.activation)) {
    if (config.use_post_norm) {
      post_norm1_ = &(scope / "post_norm1").vector(config.hidden_size);
      post_norm2_ = &(scope / "post_norm2").vector(config.hidden_size);
    }
  }

  Value forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                ForwardContext& c) const override {
    const Value normed = autograd::rms_norm(x, attention_norm_, eps_, c);
    const Value h = add(x, attention_.forward(normed, batch, table, state_layer, c), post_norm1_, c);
    return add(h, feed_forward_.forward(autograd::rms_norm(h, feed_forward_norm_, eps_, c), batch, c), post_norm2_, c);
  }
  // Keys and values per head, whatever the policy: there is no latent.
  LayerLayout layout(CachePolicy, kernels::Element element) const override { return attention_.layout(element); }
  MoE* moe() override { return feed_forward_.moe(); }

 private:
  Value add(const Value& x, Value y, const Parameter* post_norm, ForwardContext& c) const {
    if (post_norm) y = autograd::rms_norm(y, *post_norm, eps_, c);
    if (residual_ != 1.0f) y = autograd::scale(y, residual_, c);
    return autograd::add(x, y, c);
  }

  float eps_, residual_;
  const Parameter& attention_norm_;
  Gqa attention_;
  const Parameter& feed_forward_norm_;
  FeedForward feed_forward_;
  const Parameter *post_norm1_ = nullptr, *post_norm2_ = nullptr;
};

int64_t sliding_layers(const LlamaConfig& c) {
  return std::count(c.sliding.begin(), c.sliding.end(), true);
}

std::string shape_text(const LlamaConfig& c) {
  std::string text = fmt::format("{} layers, hidden {}, {} heads of {} over {} key heads", c.num_hidden_layers,
                                 c.hidden_size, c.num_attention_heads, c.head_width(), c.num_key_value_heads);
  if (c.num_experts > 0)
    text += fmt::format(", {} experts of {} top-{}", c.num_experts, c.moe_intermediate_size, c.num_experts_per_tok);
  else
    text += fmt::format(", MLP {}", c.intermediate_size);
  if (const int64_t sliding = sliding_layers(c))
    text += fmt::format(", a window of {} tokens in {} layers", *c.sliding_window, sliding);
  return text + (c.tie_word_embeddings ? ", tied head" : "");
}

ModelInfo info_of(const LlamaConfig& c) {
  const double flops_per_key = 4.0 * static_cast<double>(c.num_attention_heads * c.head_width());
  const int64_t sliding = sliding_layers(c);
  ModelInfo info = shared_info(c);
  info.architecture = architecture_name(c.kind);
  info.experts = c.num_experts;
  info.shape = shape_text(c);
  info.flops_per_key = flops_per_key * static_cast<double>(c.num_hidden_layers - sliding);
  info.flops_per_window_key = flops_per_key * static_cast<double>(sliding);
  if (sliding > 0) info.window = *c.sliding_window;
  return info;
}

}  // namespace

Llama::Llama(const LlamaConfig& config, ops::Numerics numerics)
    : Decoder(info_of(config),
              {.eps = static_cast<float>(config.rms_norm_eps),
               .rope = config.rope(),
               .embedding_multiplier = static_cast<float>(config.embedding_multiplier),
               .logits_scaling = static_cast<float>(config.logits_scaling)},
              numerics, [&](const NameScope& scope, int64_t index) {
                return std::make_unique<LlamaLayer>(scope, config, index);
              }) {}

}  // namespace jamsu::models

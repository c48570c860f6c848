#include "models/deepseek_v3.h"

#include <fmt/format.h>

namespace jamsu::models {

using autograd::Value;

namespace {

// x + attention(norm(x)), then x + feed_forward(norm(x)).
class DeepseekV3Layer final : public DecoderLayer {
 public:
  DeepseekV3Layer(const NameScope& scope, const DeepseekV3Config& config, int64_t layer)
      : eps_(static_cast<float>(config.rms_norm_eps)),
        attention_norm_((scope / "input_layernorm").vector(config.hidden_size)),
        attention_(scope / "self_attn", config.attention()),
        feed_forward_norm_((scope / "post_attention_layernorm").vector(config.hidden_size)),
        feed_forward_(config.is_moe_layer(layer)
                          ? FeedForward(scope / "mlp", config.moe(), layer)
                          : FeedForward(scope / "mlp", config.hidden_size, config.intermediate_size, config.mlp_bias,
                                        config.activation)) {}

  Value forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                ForwardContext& c) const override {
    const Value h = autograd::add(
        x, attention_.forward(autograd::rms_norm(x, attention_norm_, eps_, c), batch, table, state_layer, c), c);
    return autograd::add(h, feed_forward_.forward(autograd::rms_norm(h, feed_forward_norm_, eps_, c), batch, c), c);
  }
  LayerLayout layout(CachePolicy policy, kernels::Element element) const override {
    return attention_.layout(policy, element);
  }
  MoE* moe() override { return feed_forward_.moe(); }

 private:
  float eps_;
  const autograd::Parameter& attention_norm_;
  Mla attention_;
  const autograd::Parameter& feed_forward_norm_;
  FeedForward feed_forward_;
};

ModelInfo info_of(const DeepseekV3Config& c) {
  const double flops_per_key = 2.0 * static_cast<double>(c.num_attention_heads * (c.qk_head_dim() + c.v_head_dim));
  ModelInfo info = shared_info(c);
  info.architecture = architecture_name(c.kind);
  info.experts = c.first_k_dense_replace < c.num_hidden_layers ? c.n_routed_experts : 0;
  info.has_mtp = c.num_nextn_predict_layers > 0;
  info.shape = fmt::format(
      "{} layers ({} dense), hidden {}, {} heads (MLA, latent {} + rope {}), {} experts of {} top-{}, {} shared",
      c.num_hidden_layers, c.first_k_dense_replace, c.hidden_size, c.num_attention_heads, c.kv_lora_rank,
      c.qk_rope_head_dim, c.n_routed_experts, c.moe_intermediate_size, c.num_experts_per_tok, c.n_shared_experts);
  info.flops_per_key = flops_per_key * static_cast<double>(c.num_hidden_layers);
  if (info.has_mtp) info.mtp_flops_per_key = flops_per_key;
  return info;
}

}  // namespace

DeepseekV3::DeepseekV3(const DeepseekV3Config& config, ops::Numerics numerics)
    : Decoder(info_of(config), {.eps = static_cast<float>(config.rms_norm_eps), .rope = config.rope(), .latents = true},
              numerics, [&](const NameScope& scope, int64_t index) {
                return std::make_unique<DeepseekV3Layer>(scope, config, index);
              }) {
  const auto heads = static_cast<double>(config.num_hidden_layers * config.num_attention_heads);
  layouts_[static_cast<size_t>(CachePolicy::absorbed)].flops_per_key =
      2 * heads * static_cast<double>(2 * config.kv_lora_rank + config.qk_rope_head_dim);
  layouts_[static_cast<size_t>(CachePolicy::latent)].flops_per_cached =
      2 * heads * static_cast<double>((config.qk_nope_head_dim + config.v_head_dim) * config.kv_lora_rank);
}

}  // namespace jamsu::models

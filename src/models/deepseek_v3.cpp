#include "models/deepseek_v3.h"

#include <fmt/format.h>

#include "models/layers/segments.h"

namespace jamsu::models {

using autograd::Value;

DeepseekV3Layer::DeepseekV3Layer(const NameScope& scope, const DeepseekV3Config& config, int64_t layer, bool moe)
    : eps_(static_cast<float>(config.rms_norm_eps)),
      attention_norm_((scope / "input_layernorm").vector(config.hidden_size)),
      attention_(scope / "self_attn", config),
      feed_forward_norm_((scope / "post_attention_layernorm").vector(config.hidden_size)) {
  if (moe)
    moe_ = std::make_unique<MoE>(scope / "mlp", config.moe(), layer);
  else
    mlp_ = std::make_unique<Mlp>(scope / "mlp", config.hidden_size, config.intermediate_size);
}

Value DeepseekV3Layer::forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                               const std::vector<int64_t>& row_begin, ForwardContext& c) const {
  const Value h = autograd::add(
      x, attention_.forward(autograd::rms_norm(x, attention_norm_, eps_, c), batch, table, state_layer, c), c);
  const Value normed = autograd::rms_norm(h, feed_forward_norm_, eps_, c);
  return autograd::add(h, moe_ ? moe_->forward(normed, row_begin, c) : mlp_->forward(normed, c), c);
}

DeepseekV3::Mtp::Mtp(const NameScope& scope, const DeepseekV3Config& config)
    : enorm((scope / "enorm").vector(config.hidden_size)),
      hnorm((scope / "hnorm").vector(config.hidden_size)),
      eh_proj((scope / "eh_proj").matrix(config.hidden_size, 2 * config.hidden_size)),
      layer(scope, config, config.num_hidden_layers, true),
      head_norm((scope / "shared_head" / "norm").vector(config.hidden_size)) {}

DeepseekV3::DeepseekV3(const DeepseekV3Config& config, ops::Numerics numerics) : config_(config), rope_(config.rope()) {
  const NameScope root(parameters_), model = root / "model";
  embedding_ = &(model / "embed_tokens").table(config.vocab_size, config.hidden_size);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i)
    layers_.push_back(std::make_unique<DeepseekV3Layer>(model / "layers" / i, config, i, config.is_moe_layer(i)));
  final_norm_ = &(model / "norm").vector(config.hidden_size);
  if (config.num_nextn_predict_layers > 0)
    mtp_ = std::make_unique<Mtp>(model / "layers" / config.num_hidden_layers, config);
  head_ = &(root / "lm_head").matrix(config.vocab_size, config.hidden_size);

  const kernels::Element element = ops::matmul_element(numerics);
  const auto n = static_cast<size_t>(config.num_hidden_layers);
  for (const CachePolicy policy : kCachePolicies)
    layouts_[static_cast<size_t>(policy)] = {.layers = std::vector(n, Mla::layout(config, policy, element)),
                                             .policy = policy};
  const auto heads = static_cast<double>(config.num_hidden_layers * config.num_attention_heads);
  layouts_[static_cast<size_t>(CachePolicy::absorbed)].flops_per_key =
      2 * heads * static_cast<double>(2 * config.kv_lora_rank + config.qk_rope_head_dim);
  layouts_[static_cast<size_t>(CachePolicy::latent)].flops_per_cached =
      2 * heads * static_cast<double>((config.qk_nope_head_dim + config.v_head_dim) * config.kv_lora_rank);
  if (mtp_) mtp_layout_.layers.assign(1, Mla::layout(config, CachePolicy::expanded, element));

  info_ = {.architecture = std::string(architecture_name(config.kind)),
           .vocab = config.vocab_size,
           .hidden = config.hidden_size,
           .layers = config.num_hidden_layers,
           .context = config.max_position_embeddings,
           .experts = config.first_k_dense_replace < config.num_hidden_layers ? config.n_routed_experts : 0,
           .experts_per_token = config.num_experts_per_tok,
           .has_mtp = mtp_ != nullptr,
           .bos = config.bos_token_id,
           .eos = config.eos_token_ids,
           .shape = fmt::format(
               "{} layers ({} dense), hidden {}, {} heads (MLA, latent {} + rope {}), {} experts of {} top-{}, "
               "{} shared",
               config.num_hidden_layers, config.first_k_dense_replace, config.hidden_size, config.num_attention_heads,
               config.kv_lora_rank, config.qk_rope_head_dim, config.n_routed_experts, config.moe_intermediate_size,
               config.num_experts_per_tok, config.n_shared_experts),
           .parameters = count_parameters(config),
           .flops_per_token = forward_flops_per_token(config, 0),
           .flops_per_key = forward_flops_per_token(config, 1) - forward_flops_per_token(config, 0)};
}

const StateLayout& DeepseekV3::state_layout(CachePolicy policy) const {
  return layouts_[static_cast<size_t>(policy)];
}

Value DeepseekV3::hidden(const Batch& batch, ForwardContext& c) const {
  const ops::RopeTable table = rope_table_of(batch, rope_, c.ops);
  static const std::vector<int64_t> kNone;
  const std::vector<int64_t>& row_begin = c.balance ? c.balance->row_begin : kNone;
  Value x = autograd::embedding(*embedding_, batch.tokens, c);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (c.observer) c.observer->hidden(static_cast<int64_t>(i), x.tensor);
    x = layers_[i]->forward(x, batch, table, i, row_begin, c);
  }
  if (c.observer) c.observer->hidden(static_cast<int64_t>(layers_.size()), x.tensor);
  return autograd::rms_norm(x, *final_norm_, static_cast<float>(config_.rms_norm_eps), c);
}

Value DeepseekV3::logits(const Value& hidden, ForwardContext& c) const {
  return autograd::linear(hidden, *head_, nullptr, c);
}

// Section 2.2, with the embedding first in the concatenation and h after the final norm, as the released weights are
// used (golden/training README).
Value DeepseekV3::mtp_hidden(const Value& hidden, const Batch& batch, ForwardContext& c) const {
  JAMSU_CHECK(mtp_ != nullptr);
  const ops::RopeTable table = rope_table_of(batch, rope_, c.ops);
  static const std::vector<int64_t> kNone;
  const std::vector<int64_t>& row_begin = c.balance ? c.balance->mtp_row_begin : kNone;
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  const Value e = autograd::rms_norm(autograd::embedding(*embedding_, batch.tokens, c), mtp_->enorm, eps, c);
  const Value h = autograd::rms_norm(hidden, mtp_->hnorm, eps, c);
  const Value x = autograd::linear(autograd::concat_columns(e, h, c), mtp_->eh_proj, nullptr, c);
  if (c.observer) c.observer->hidden(config_.num_hidden_layers + 1, x.tensor);
  const Value y = mtp_->layer.forward(x, batch, table, 0, row_begin, c);
  if (c.observer) c.observer->hidden(config_.num_hidden_layers + 2, y.tensor);
  return autograd::rms_norm(y, mtp_->head_norm, eps, c);
}

std::vector<std::pair<int64_t, autograd::Parameter*>> DeepseekV3::correction_biases() {
  std::vector<std::pair<int64_t, autograd::Parameter*>> biases;
  for (auto& layer : layers_)
    if (MoE* moe = layer->moe(); moe && moe->correction_bias())
      biases.emplace_back(moe->layer(), moe->correction_bias());
  if (mtp_) biases.emplace_back(config_.num_hidden_layers, mtp_->layer.moe()->correction_bias());
  return biases;
}

}  // namespace jamsu::models

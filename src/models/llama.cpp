#include "models/llama.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/count.h"
#include "models/layers/segments.h"

namespace jamsu::models {

using autograd::Parameter;
using autograd::Value;

LlamaLayer::LlamaLayer(const NameScope& scope, const LlamaConfig& config, int64_t layer)
    : eps_(static_cast<float>(config.rms_norm_eps)),
      residual_(static_cast<float>(config.residual_multiplier)),
      attention_norm_((scope / "input_layernorm").vector(config.hidden_size)),
      attention_(scope / "self_attn", config.attention(layer)),
      feed_forward_norm_((scope / "post_attention_layernorm").vector(config.hidden_size)) {
  if (config.is_moe_layer(layer))
    moe_ = std::make_unique<MoE>(scope / "mlp", config.moe(), layer);
  else
    mlp_ = std::make_unique<Mlp>(scope / "mlp", config.hidden_size, config.intermediate_size);
  if (config.use_post_norm) {
    post_norm1_ = &(scope / "post_norm1").vector(config.hidden_size);
    post_norm2_ = &(scope / "post_norm2").vector(config.hidden_size);
  }
}

Value LlamaLayer::add(const Value& x, Value y, const Parameter* post_norm, ForwardContext& c) const {
  if (post_norm) y = autograd::rms_norm(y, *post_norm, eps_, c);
  if (residual_ != 1.0f) y = autograd::scale(y, residual_, c);
  return autograd::add(x, y, c);
}

Value LlamaLayer::forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                          const std::vector<int64_t>& row_begin, ForwardContext& c) const {
  const Value h =
      add(x, attention_.forward(autograd::rms_norm(x, attention_norm_, eps_, c), batch, table, state_layer, c),
          post_norm1_, c);
  const Value normed = autograd::rms_norm(h, feed_forward_norm_, eps_, c);
  return add(h, moe_ ? moe_->forward(normed, row_begin, c) : mlp_->forward(normed, c), post_norm2_, c);
}

namespace {

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

}  // namespace

Llama::Llama(const LlamaConfig& config, ops::Numerics numerics) : config_(config), rope_(config.rope()) {
  const NameScope root(parameters_), model = root / "model";
  Parameter& embedding = (model / "embed_tokens").table(config.vocab_size, config.hidden_size);
  embedding_ = &embedding;
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_.push_back(std::make_unique<LlamaLayer>(model / "layers" / i, config, i));
    layout_.layers.push_back(Gqa::layout(config.attention(i), ops::matmul_element(numerics)));
  }
  final_norm_ = &(model / "norm").vector(config.hidden_size);
  head_ = config.tie_word_embeddings ? &parameters_.tie(embedding)
                                     : &(root / "lm_head").matrix(config.vocab_size, config.hidden_size);
  info_ = {.architecture = std::string(architecture_name(config.kind)),
           .vocab = config.vocab_size,
           .hidden = config.hidden_size,
           .layers = config.num_hidden_layers,
           .context = config.max_position_embeddings,
           .experts = config.num_experts,
           .experts_per_token = config.num_experts_per_tok,
           .has_mtp = false,
           .tied_head = config.tie_word_embeddings,
           .bos = config.bos_token_id,
           .eos = config.eos_token_ids,
           .shape = shape_text(config),
           .parameters = {},
           .flops_per_token = 0,
           .flops_per_key = 0};
  count_parameters(parameters_, info_);
  const double flops_per_key = 4.0 * static_cast<double>(config.num_attention_heads * config.head_width());
  const int64_t sliding = sliding_layers(config);
  info_.flops_per_key = flops_per_key * static_cast<double>(config.num_hidden_layers - sliding);
  info_.flops_per_window_key = flops_per_key * static_cast<double>(sliding);
  if (sliding > 0) info_.window = *config.sliding_window;
}

Value Llama::hidden(const Batch& batch, ForwardContext& c) const {
  const ops::RopeTable table = rope_table_of(batch, rope_, c.ops);
  static const std::vector<int64_t> kNone;
  const std::vector<int64_t>& row_begin = c.balance ? c.balance->row_begin : kNone;
  Value x = autograd::embedding(*embedding_, batch.tokens, c);
  if (config_.embedding_multiplier != 1) x = autograd::scale(x, static_cast<float>(config_.embedding_multiplier), c);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (c.observer) c.observer->hidden(static_cast<int64_t>(i), x.tensor);
    x = layers_[i]->forward(x, batch, table, i, row_begin, c);
  }
  if (c.observer) c.observer->hidden(static_cast<int64_t>(layers_.size()), x.tensor);
  return autograd::rms_norm(x, *final_norm_, static_cast<float>(config_.rms_norm_eps), c);
}

Value Llama::logits(const Value& hidden, ForwardContext& c) const {
  const Value y = autograd::linear(hidden, *head_, nullptr, c);
  return config_.logits_scaling == 1 ? y : autograd::scale(y, static_cast<float>(config_.logits_scaling), c);
}

Value Llama::mtp_hidden(const Value&, const Batch&, ForwardContext&) const {
  JAMSU_CHECK(false);  // info().has_mtp is false
  return {};
}

}  // namespace jamsu::models

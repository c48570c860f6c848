#include "models/minimax.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/count.h"
#include "models/layers/segments.h"

namespace jamsu::models {

using autograd::Parameter;
using autograd::Value;

MiniMaxLayer::MiniMaxLayer(const NameScope& scope, const MiniMaxConfig& config, int64_t layer)
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

Value MiniMaxLayer::join(const Value& x, const Value& normed, const Value& f, Residual residual,
                         ForwardContext& c) const {
  if (!post_norm_) return autograd::add(x, f, c);
  return autograd::add(autograd::scale(normed, residual.alpha, c), autograd::scale(f, residual.beta, c), c);
}

Value MiniMaxLayer::forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                            ForwardContext& c) const {
  static const std::vector<int64_t> kNone;
  Value normed = autograd::rms_norm(x, attention_norm_, eps_, c);
  const Value attended =
      linear_ ? linear_->forward(normed, batch, state_layer, c) : full_->forward(normed, batch, table, state_layer, c);
  const Value h = join(x, normed, attended, attention_residual_, c);
  normed = autograd::rms_norm(h, experts_norm_, eps_, c);
  return join(h, normed, moe_.forward(normed, kNone, c), experts_residual_, c);
}

namespace {

std::string shape_text(const MiniMaxConfig& c) {
  const auto linear = std::count(c.linear.begin(), c.linear.end(), true);
  std::string text = fmt::format("{} layers, hidden {}, {} heads of {} over {} key heads", c.num_hidden_layers,
                                 c.hidden_size, c.num_attention_heads, c.head_width(), c.num_key_value_heads);
  if (linear > 0) text += fmt::format(" ({} layers of lightning attention)", linear);
  return text +
         fmt::format(", {} experts of {} top-{}", c.num_local_experts, c.intermediate_size, c.num_experts_per_tok);
}

}  // namespace

MiniMax::MiniMax(const MiniMaxConfig& config, ops::Numerics numerics) : config_(config), rope_(config.rope()) {
  const NameScope root(parameters_), model = root / "model";
  Parameter& embedding = (model / "embed_tokens").table(config.vocab_size, config.hidden_size);
  embedding_ = &embedding;
  int64_t full = 0;
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_.push_back(std::make_unique<MiniMaxLayer>(model / "layers" / i, config, i));
    layout_.layers.push_back(config.is_linear(i) ? Lightning::layout(config.lightning(i))
                                                 : Gqa::layout(config.attention(), ops::matmul_element(numerics)));
    full += config.is_linear(i) ? 0 : 1;
  }
  final_norm_ = &(model / "norm").vector(config.hidden_size);
  head_ = config.tie_word_embeddings ? &parameters_.tie(embedding)
                                     : &(root / "lm_head").matrix(config.vocab_size, config.hidden_size);
  const bool text01 = config.kind == MiniMaxKind::text01;
  info_ = {.architecture = text01 ? "MiniMaxForCausalLM" : "MiniMaxM2ForCausalLM",
           .vocab = config.vocab_size,
           .hidden = config.hidden_size,
           .layers = config.num_hidden_layers,
           .context = config.max_position_embeddings,
           .experts = config.num_local_experts,
           .experts_per_token = config.num_experts_per_tok,
           .has_mtp = false,
           .tied_head = config.tie_word_embeddings,
           .trainable = false,
           .bos = config.bos_token_id,
           .eos = config.eos_token_ids,
           .shape = shape_text(config),
           .parameters = {},
           .flops_per_token = 0,
           .flops_per_key = 0};
  count_parameters(parameters_, info_);
  const auto head = static_cast<double>(config.num_attention_heads * config.head_width());
  info_.flops_per_token += 5.0 * head * static_cast<double>(config.head_width() * (config.num_hidden_layers - full));
  info_.flops_per_key = 4.0 * head * static_cast<double>(full);
}

Value MiniMax::hidden(const Batch& batch, ForwardContext& c) const {
  const ops::RopeTable table = rope_table_of(batch, rope_, c.ops);
  Value x = autograd::embedding(*embedding_, batch.tokens, c);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (c.observer) c.observer->hidden(static_cast<int64_t>(i), x.tensor);
    x = layers_[i]->forward(x, batch, table, i, c);
  }
  if (c.observer) c.observer->hidden(static_cast<int64_t>(layers_.size()), x.tensor);
  return autograd::rms_norm(x, *final_norm_, static_cast<float>(config_.rms_norm_eps), c);
}

Value MiniMax::logits(const Value& hidden, ForwardContext& c) const {
  return autograd::linear(hidden, *head_, nullptr, c);
}

Value MiniMax::mtp_hidden(const Value&, const Batch&, ForwardContext&) const {
  JAMSU_CHECK(false);  // info().has_mtp is false
  return {};
}

}  // namespace jamsu::models

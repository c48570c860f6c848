#pragma once
// config.json of MiniMax: MiniMaxForCausalLM (MiniMax-Text-01 in the layout of its -hf repository, arXiv:2501.08313)
// and MiniMaxM2ForCausalLM. Official field names.
#include <boost/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "models/config/reader.h"
#include "models/config/rope.h"
#include "models/layers/gqa.h"
#include "models/layers/lightning.h"
#include "models/layers/mlp.h"

namespace jamsu::models {

enum class MiniMaxKind : uint8_t { text01, m2 };

struct MiniMaxConfig {
  MiniMaxKind kind = MiniMaxKind::text01;
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;  // of one expert
  int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0;
  std::optional<int64_t> head_dim;  // null: hidden_size / num_attention_heads
  // Columns of a head that are rotated, as rotary_dim or partial_rotary_factor say it; neither: all.
  std::optional<int64_t> rotary_dim;
  std::optional<int64_t> sliding_window;  // Text-01; null: none
  int64_t num_local_experts = 0, num_experts_per_tok = 0;
  int64_t max_position_embeddings = 0;
  double rope_theta = 1e6, rms_norm_eps = 1e-5;
  std::optional<RopeScalingConfig> rope_scaling;
  bool tie_word_embeddings = false;
  ops::Activation activation = ops::Activation::silu;  // hidden_act: of experts and lightning attention
  // Text-01: x = norm(x); x = alpha x + beta f(x), by the kind of f.
  double full_attn_alpha_factor = 1, full_attn_beta_factor = 1;
  double linear_attn_alpha_factor = 1, linear_attn_beta_factor = 1;
  double mlp_alpha_factor = 1, mlp_beta_factor = 1;
  std::vector<bool> linear;   // of each layer: lightning attention
  int64_t bos_token_id = -1;  // -1: none
  std::vector<int64_t> eos_token_ids;
  std::vector<std::string> read_over;  // ModelInfo::read_over

  int64_t head_width() const { return head_dim.value_or(hidden_size / num_attention_heads); }
  int64_t rotated() const { return rotary_dim.value_or(head_width()); }
  bool is_linear(int64_t layer) const { return !linear.empty() && linear[static_cast<size_t>(layer)]; }
  ops::RopeConfig rope() const { return rope_config(rotated(), rope_theta, rope_scaling, max_position_embeddings); }
  GqaShape attention() const;
  LightningShape lightning(int64_t layer) const;
  MoeShape moe() const;
};

// `file` names the source in errors.
Result<MiniMaxConfig> parse_minimax(MiniMaxKind kind, const boost::json::object& json, std::string_view file);

}  // namespace jamsu::models

#pragma once
// config.json of DeepseekV3ForCausalLM (DeepSeek-V3, R1, V3.1; Kimi K2; Moonlight) and of its predecessor
// DeepseekV2ForCausalLM (arXiv:2405.04434: another router, no MTP), official field names.
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/config/reader.h"
#include "models/config/rope.h"
#include "models/layers/mla.h"
#include "models/layers/mlp.h"
#include "ops/rope.h"

namespace jamsu::models {

enum class DeepseekKind : uint8_t { v2, v3 };

struct DeepseekV3Config {
  DeepseekKind kind = DeepseekKind::v3;
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0, moe_intermediate_size = 0;
  int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0;
  std::optional<int64_t> q_lora_rank;  // null: a plain q_proj
  int64_t kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
  int64_t n_routed_experts = 0, n_shared_experts = 0, num_experts_per_tok = 0, n_group = 1, topk_group = 1;
  int64_t first_k_dense_replace = 0, num_nextn_predict_layers = 0;
  int64_t max_position_embeddings = 0;
  double routed_scaling_factor = 1, rope_theta = 10000, rms_norm_eps = 1e-6;
  bool norm_topk_prob = true;   // V2 never normalises, whatever this says (as the published class)
  bool limit_groups = true;     // V2: topk_method "group_limited_greedy" rather than "greedy"
  bool attention_bias = false;  // on q_a, kv_a and o
  bool mlp_bias = false;        // V2: of dense layers and shared experts
  bool rope_interleave = true;  // pairs of neighbours; false: half-split
  bool tie_word_embeddings = false;
  ops::Activation activation = ops::Activation::silu;  // hidden_act: of MLPs and experts
  std::optional<RopeScalingConfig> rope_scaling;
  int64_t bos_token_id = 0;  // -1: none
  std::vector<int64_t> eos_token_ids;
  std::vector<std::string> read_over;  // ModelInfo::read_over

  int64_t qk_head_dim() const { return qk_nope_head_dim + qk_rope_head_dim; }
  bool is_moe_layer(int64_t layer) const { return layer >= first_k_dense_replace; }
  ops::RopeConfig rope() const;
  MlaShape attention() const;
  MoeShape moe() const;
};

std::string_view architecture_name(DeepseekKind kind);
std::vector<FieldDoc> deepseek_v3_fields();

// `file` names the source in errors: `config.json: "n_group" = 4 does not divide "n_routed_experts" = 18.`
Result<DeepseekV3Config> parse_deepseek_v3(const boost::json::object& json, std::string_view file);
Result<DeepseekV3Config> parse_deepseek_v2(const boost::json::object& json, std::string_view file);
// A recipe's [model], the same fields: one that is not known is an error, and one that is missing stands at "off" (no
// latent of the query, no groups, no shared experts, no MTP module, factors of 1) instead of at the class's default.
Result<DeepseekV3Config> parse_recipe_model(const boost::json::object& json, std::string_view file);
// Of a V3: what is trained here is one.
boost::json::object to_json(const DeepseekV3Config& config, std::string_view torch_dtype);

}  // namespace jamsu::models

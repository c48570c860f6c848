#pragma once
// config.json of the decoders that share Llama's form (Touvron et al. 2023, arXiv:2302.13971): LlamaForCausalLM,
// Qwen2ForCausalLM (arXiv:2407.10671), Qwen3ForCausalLM and Qwen3MoeForCausalLM (arXiv:2505.09388),
// HyperCLOVAXForCausalLM. Official field names.
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/config/reader.h"
#include "models/config/rope.h"
#include "models/layers/gqa.h"
#include "models/layers/mlp.h"

namespace jamsu::models {

enum class LlamaKind : uint8_t { llama, qwen2, qwen3, qwen3_moe, hyperclovax };

struct LlamaConfig {
  LlamaKind kind = LlamaKind::llama;
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0;
  std::optional<int64_t> head_dim;  // null: hidden_size / num_attention_heads
  int64_t max_position_embeddings = 0;
  double rope_theta = 10000, rms_norm_eps = 1e-6;
  std::optional<RopeScalingConfig> rope_scaling;
  bool tie_word_embeddings = false;
  ops::Activation activation = ops::Activation::silu;  // hidden_act: of MLPs and experts
  bool attention_bias = false;                         // on q, k, v and o; Qwen2 has those of q, k and v in any case
  bool mlp_bias = false;
  // Qwen3-MoE
  int64_t num_experts = 0, num_experts_per_tok = 0, moe_intermediate_size = 0, decoder_sparse_step = 1;
  std::vector<int64_t> mlp_only_layers;
  bool norm_topk_prob = false;
  // Qwen: layers whose queries see the last `sliding_window` tokens, themselves included.
  bool use_sliding_window = false;
  std::optional<int64_t> sliding_window;  // null: none
  int64_t max_window_layers = 0;
  std::vector<bool> sliding;  // by layer; empty: none
  // HyperCLOVA X: muP's factors on embedding, scores, what a sub-layer adds, and logits (multiplied).
  double embedding_multiplier = 1, residual_multiplier = 1, logits_scaling = 1;
  std::optional<double> attention_multiplier;  // none: head width ^ -1/2
  bool use_post_norm = false;
  int64_t bos_token_id = -1;  // -1: none
  std::vector<int64_t> eos_token_ids;
  std::vector<std::string> read_over;  // ModelInfo::read_over

  int64_t head_width() const { return head_dim.value_or(hidden_size / num_attention_heads); }
  bool is_moe_layer(int64_t layer) const;
  ops::RopeConfig rope() const { return rope_config(head_width(), rope_theta, rope_scaling, max_position_embeddings); }
  int64_t window(int64_t layer) const;  // kernels::kNoWindow: sees all
  GqaShape attention(int64_t layer) const;
  MoeShape moe() const;
};

// "LlamaForCausalLM" ...
std::string_view architecture_name(LlamaKind kind);
std::optional<LlamaKind> llama_kind(std::string_view architecture);

// `file` names the source in errors: `config.json: "head_dim" = 7 is odd.`
Result<LlamaConfig> parse_llama(LlamaKind kind, const boost::json::object& json, std::string_view file);

}  // namespace jamsu::models

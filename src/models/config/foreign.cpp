#include "models/config/foreign.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

namespace jamsu::models {
namespace {

namespace json = boost::json;

// What switches a field off, beside null.
enum class Off : uint8_t {
  nothing,  // false, 0, "", "none", [] and {}
  one,      // a factor of 1
  yes,      // true: what every decoder here does
  few,      // 0 or 1 experts
  full,     // a list of "full_attention"
};

struct Foreign {
  Off off;
  const char* what;
};

const std::map<std::string_view, Foreign>& table() {
  static constexpr const char *kWindow = "a sliding window", *kBias = "biases", *kNorm = "norms on queries and keys",
                              *kMoe = "a mixture of experts", *kCap = "a cap on scores or logits",
                              *kFactor = "a factor on what a part of the model gives",
                              *kNope = "layers without rotation", *kPost = "norms behind attention or MLP",
                              *kSparse = "sparse attention", *kParallel = "attention and MLP side by side",
                              *kPairs = "interleaved rotary pairs", *kSinks = "attention sinks",
                              *kQuantized = "quantized weights", *kPartial = "a rotation of a part of each head";
  static const std::map<std::string_view, Foreign> all = {
      // Mistral, Gemma, Phi, Cohere2, gpt-oss, Llama 4
      {"sliding_window", {Off::nothing, kWindow}},
      {"use_sliding_window", {Off::nothing, kWindow}},
      {"attention_window", {Off::nothing, kWindow}},
      {"sliding_window_size", {Off::nothing, kWindow}},
      {"layer_types", {Off::full, "layers of another kind than full attention"}},
      {"attn_type_list", {Off::nothing, "layers by kinds of attention"}},
      {"attention_chunk_size", {Off::nothing, "attention in chunks"}},
      {"attn_temperature_tuning", {Off::nothing, "queries scaled by their position"}},
      {"no_rope_layers", {Off::nothing, kNope}},
      {"no_rope_layer_interval", {Off::nothing, kNope}},
      {"nope_layer_interval", {Off::nothing, kNope}},
      // biases: Qwen2, Phi, GLM, StarCoder2, InternLM2, Seed-OSS
      {"attention_bias", {Off::nothing, kBias}},
      {"attention_out_bias", {Off::nothing, kBias}},
      {"attention_output_bias", {Off::nothing, kBias}},
      {"qkv_bias", {Off::nothing, kBias}},
      {"add_qkv_bias", {Off::nothing, kBias}},
      {"add_bias_linear", {Off::nothing, kBias}},
      {"use_bias", {Off::nothing, kBias}},
      {"use_qkv_bias", {Off::nothing, kBias}},
      {"bias", {Off::nothing, kBias}},
      {"mlp_bias", {Off::nothing, kBias}},
      {"lm_head_bias", {Off::nothing, kBias}},
      // norms: Qwen3, OLMo2, Cohere, StableLM, Gemma 2, GLM-4
      {"use_qk_norm", {Off::nothing, kNorm}},
      {"qk_norm", {Off::nothing, kNorm}},
      {"qk_layernorm", {Off::nothing, kNorm}},
      {"use_post_norm", {Off::nothing, kPost}},
      {"post_norm", {Off::nothing, kPost}},
      {"sandwich_norm", {Off::nothing, kPost}},
      {"use_parallel_residual", {Off::nothing, kParallel}},
      {"parallel_attn", {Off::nothing, kParallel}},
      // caps and factors: Gemma 2, Grok, Cohere, Granite, MiniCPM, Falcon-H1, OLMo
      {"attn_logit_softcapping", {Off::nothing, kCap}},
      {"final_logit_softcapping", {Off::nothing, kCap}},
      {"attention_logit_cap", {Off::nothing, kCap}},
      {"clip_qkv", {Off::nothing, kCap}},
      {"query_pre_attn_scalar", {Off::nothing, "scores of a scale of their own"}},
      {"attention_multiplier", {Off::nothing, "scores of a scale of their own"}},
      {"logit_scale", {Off::one, kFactor}},
      {"logits_scale", {Off::one, kFactor}},
      {"logits_scaling", {Off::one, kFactor}},
      {"output_multiplier", {Off::one, kFactor}},
      {"lm_head_multiplier", {Off::one, kFactor}},
      {"embedding_multiplier", {Off::one, kFactor}},
      {"embedding_scale", {Off::one, kFactor}},
      {"scale_emb", {Off::one, kFactor}},
      {"scale_depth", {Off::one, kFactor}},
      {"residual_multiplier", {Off::one, kFactor}},
      {"residual_scale", {Off::one, kFactor}},
      {"full_attn_alpha_factor", {Off::one, kFactor}},
      {"full_attn_beta_factor", {Off::one, kFactor}},
      {"linear_attn_alpha_factor", {Off::one, kFactor}},
      {"linear_attn_beta_factor", {Off::one, kFactor}},
      {"mlp_alpha_factor", {Off::one, kFactor}},
      {"mlp_beta_factor", {Off::one, kFactor}},
      // experts: Mixtral, Qwen, DeepSeek, Granite
      {"num_experts", {Off::few, kMoe}},
      {"num_local_experts", {Off::few, kMoe}},
      {"n_routed_experts", {Off::few, kMoe}},
      {"moe_num_experts", {Off::few, kMoe}},
      {"n_shared_experts", {Off::nothing, "shared experts"}},
      {"num_shared_experts", {Off::nothing, "shared experts"}},
      {"shared_expert_intermediate_size", {Off::nothing, "a shared expert"}},
      {"shared_intermediate_size", {Off::nothing, "a shared expert"}},
      {"swiglu_limit", {Off::nothing, "a cap within the experts"}},
      // attention and rotation of other kinds
      {"index_topk", {Off::nothing, kSparse}},
      {"index_n_heads", {Off::nothing, kSparse}},
      {"use_sparse_attention", {Off::nothing, kSparse}},
      {"attention_sink", {Off::nothing, kSinks}},
      {"use_attention_sinks", {Off::nothing, kSinks}},
      {"alibi", {Off::nothing, "positions by ALiBi"}},
      {"is_causal", {Off::yes, "attention in both directions"}},
      {"use_bidirectional_attention", {Off::nothing, "attention in both directions"}},
      {"add_cross_attention", {Off::nothing, "attention to an encoder"}},
      {"is_encoder_decoder", {Off::nothing, "an encoder"}},
      {"rope_interleaved", {Off::nothing, kPairs}},
      {"rope_interleave", {Off::nothing, kPairs}},
      {"rope_local_base_freq", {Off::nothing, "another rotation in some layers"}},
      {"rotary_pct", {Off::one, kPartial}},
      {"rotary_dim", {Off::nothing, kPartial}},
      {"per_layer_config", {Off::nothing, "layers of different shapes"}},
      {"hidden_size_per_layer_input", {Off::nothing, "embeddings of each layer"}},
      {"num_kv_shared_layers", {Off::nothing, "keys and values that layers share"}},
      {"hc_mult", {Off::few, "several residual streams"}},
      {"compression_config", {Off::nothing, kQuantized}}};
  return all;
}

bool is_off(Off off, const json::value& v) {
  const auto number = [&](double n) {
    return (v.is_int64() && static_cast<double>(v.as_int64()) == n) ||
           (v.is_uint64() && static_cast<double>(v.as_uint64()) == n) || (v.is_double() && v.as_double() == n);
  };
  const bool empty = v.is_null() || (v.is_string() && (v.as_string().empty() || v.as_string() == "none")) ||
                     (v.is_array() && v.as_array().empty()) || (v.is_object() && v.as_object().empty());
  if (empty) return true;
  switch (off) {
    case Off::nothing:
      return v == false || number(0);
    case Off::one:
      return number(1);
    case Off::yes:
      return v == true;
    case Off::few:
      return number(0) || number(1);
    case Off::full:
      return v.is_array() && std::all_of(v.as_array().begin(), v.as_array().end(),
                                         [](const json::value& type) { return type == "full_attention"; });
  }
  return false;
}

}  // namespace

const char* asks_for(std::string_view name, const json::value& value) {
  const auto it = table().find(name);
  return it == table().end() || is_off(it->second.off, value) ? nullptr : it->second.what;
}

}  // namespace jamsu::models

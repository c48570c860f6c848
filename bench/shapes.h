#pragma once
// The model shapes the measures name.
#include "models/config/deepseek_v3.h"

namespace jamsu::bench {

inline models::DeepseekV3Config nano() {
  models::DeepseekV3Config c;
  c.vocab_size = 2048;
  c.hidden_size = 128;
  c.intermediate_size = 384;
  c.moe_intermediate_size = 64;
  c.num_hidden_layers = 6;
  c.num_attention_heads = c.num_key_value_heads = 4;
  c.q_lora_rank = 64;
  c.kv_lora_rank = 64;
  c.qk_nope_head_dim = 32;
  c.qk_rope_head_dim = 16;
  c.v_head_dim = 32;
  c.n_routed_experts = 16;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 4;
  c.n_group = 4;
  c.topk_group = 2;
  c.first_k_dense_replace = 1;
  c.num_nextn_predict_layers = 1;
  c.max_position_embeddings = 1024;
  c.routed_scaling_factor = 2.5;
  return c;
}

inline models::DeepseekV3Config tiny() {
  models::DeepseekV3Config c = nano();
  c.hidden_size = 256;
  c.num_hidden_layers = 8;
  c.intermediate_size = 768;
  c.moe_intermediate_size = 128;
  c.q_lora_rank = 128;
  c.kv_lora_rank = 128;
  c.qk_nope_head_dim = 64;
  c.qk_rope_head_dim = 32;
  c.v_head_dim = 64;
  return c;
}

}  // namespace jamsu::bench

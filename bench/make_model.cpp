// Folders of published shapes with random weights.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <filesystem>

#include "base/files.h"
#include "base/math.h"
#include "base/rng.h"
#include "bench/bench.h"
#include "formats/safetensors.h"
#include "models/open.h"

namespace jamsu::bench {
namespace {

namespace json = boost::json;

struct NamedShape {
  const char* name;
  const char* config;
};
// Of the published config.json what touches the forward. A number at the end of a name: so many of its layers (of
// DeepSeek-V2-Lite's 27, DeepSeek-V3's 61, Qwen3-30B-A3B's 48, MiniMax-Text-01's 80 and MiniMax-M2's 62,
// HyperCLOVA X SEED Think's 38), that the whole fits into a small machine.
constexpr NamedShape kShapes[] = {
    {"qwen2-0.5b", R"({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 151936,
      "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
      "num_key_value_heads": 2, "max_position_embeddings": 32768, "rope_theta": 1000000.0, "rms_norm_eps": 1e-06,
      "tie_word_embeddings": true})"},
    {"qwen2-1.5b", R"({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 151936,
      "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
      "num_key_value_heads": 2, "max_position_embeddings": 32768, "rope_theta": 1000000.0, "rms_norm_eps": 1e-06,
      "tie_word_embeddings": true})"},
    {"qwen3-0.6b", R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 151936,
      "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
      "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 40960, "rope_theta": 1000000,
      "rms_norm_eps": 1e-06, "tie_word_embeddings": true})"},
    {"llama3.2-1b", R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256,
      "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
      "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072, "rope_theta": 500000.0,
      "rms_norm_eps": 1e-05, "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, "tie_word_embeddings": true})"},
    {"qwen3-30b-a3b-4", R"({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "vocab_size": 151936,
      "hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 768, "num_hidden_layers": 4,
      "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128,
      "num_experts_per_tok": 8, "norm_topk_prob": true, "decoder_sparse_step": 1, "mlp_only_layers": [],
      "max_position_embeddings": 40960, "rope_theta": 1000000.0, "rms_norm_eps": 1e-06, "tie_word_embeddings": false})"},
    {"minimax-m2-2", R"({"architectures": ["MiniMaxM2ForCausalLM"], "model_type": "minimax_m2", "vocab_size": 200064,
      "hidden_size": 3072, "intermediate_size": 1536, "num_hidden_layers": 2, "num_attention_heads": 48,
      "num_key_value_heads": 8, "head_dim": 128, "rotary_dim": 64, "num_local_experts": 256, "num_experts_per_tok": 8,
      "scoring_func": "sigmoid", "use_routing_bias": true, "use_qk_norm": true, "qk_norm_type": "per_layer",
      "max_position_embeddings": 196608, "rope_theta": 5000000, "rms_norm_eps": 1e-06, "tie_word_embeddings": false})"},
    {"minimax-text-01-1", R"({"architectures": ["MiniMaxForCausalLM"], "model_type": "minimax", "vocab_size": 200064,
      "hidden_size": 6144, "intermediate_size": 9216, "num_hidden_layers": 1, "num_attention_heads": 64,
      "num_key_value_heads": 8, "head_dim": 128, "layer_types": ["linear_attention"], "block_size": 256,
      "num_local_experts": 32, "num_experts_per_tok": 2, "full_attn_alpha_factor": 3.5565588200778455,
      "full_attn_beta_factor": 1.0, "linear_attn_alpha_factor": 3.5565588200778455, "linear_attn_beta_factor": 1.0,
      "mlp_alpha_factor": 3.5565588200778455, "mlp_beta_factor": 1.0, "max_position_embeddings": 10240000,
      "rope_theta": 10000000, "rms_norm_eps": 1e-05, "tie_word_embeddings": false})"},
    {"hyperclova-x-14b-4", R"({"architectures": ["HyperCLOVAXForCausalLM"], "model_type": "hyperclovax",
      "vocab_size": 110592, "hidden_size": 6144, "intermediate_size": 14336, "num_hidden_layers": 4,
      "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128, "attention_multiplier": 0.0078125,
      "embedding_multiplier": 10.0, "logits_scaling": 0.125, "residual_multiplier": 1.0, "use_post_norm": true,
      "max_position_embeddings": 131072, "rope_theta": 100000000, "rms_norm_eps": 1e-05, "tie_word_embeddings": false})"},
    {"deepseek-v3-1", R"({"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 129280,
      "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 1,
      "num_attention_heads": 128, "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512,
      "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 256,
      "n_shared_experts": 1, "num_experts_per_tok": 8, "moe_layer_freq": 1, "first_k_dense_replace": 0, "n_group": 8,
      "topk_group": 4, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": true,
      "routed_scaling_factor": 2.5, "num_nextn_predict_layers": 0, "max_position_embeddings": 163840,
      "rope_theta": 10000, "rms_norm_eps": 1e-06, "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32,
      "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096},
      "tie_word_embeddings": false})"},
    {"v2-lite-9", R"({"architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "vocab_size": 102400,
      "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 9,
      "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": null, "kv_lora_rank": 512,
      "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 64,
      "n_shared_experts": 2, "num_experts_per_tok": 6, "moe_layer_freq": 1, "first_k_dense_replace": 1, "n_group": 1,
      "topk_group": 1, "topk_method": "greedy", "scoring_func": "softmax", "norm_topk_prob": false,
      "routed_scaling_factor": 1.0, "max_position_embeddings": 163840, "rope_theta": 10000, "rms_norm_eps": 1e-06,
      "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 0.707,
      "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096}, "tie_word_embeddings": false})"},
};

// One stretch of random values that all tensors share: how they repeat touches neither time nor memory.
Tensor draw_bf16(int64_t elements, Allocator& memory) {
  Tensor t = Tensor::empty({elements}, DType::bf16, memory);
  RandomStream random(1, 0, Purpose::init);
  const int64_t fresh = std::min<int64_t>(elements, 1 << 20);
  for (int64_t i = 0; i < fresh; ++i) {
    const uint32_t first = random.word(), second = random.word();
    t.bf16()[i] = f32_to_bf16(0.02f * box_muller(first, second)[0]);
  }
  for (int64_t done = fresh; done < elements; done += fresh)
    std::memcpy(t.bf16() + done, t.bf16(), static_cast<size_t>(std::min(fresh, elements - done)) * sizeof(uint16_t));
  return t;
}

// Any byte but NaN.
Tensor draw_fp8(int64_t elements, Allocator& memory) {
  Tensor t = Tensor::empty({elements}, DType::f8_e4m3, memory);
  RandomStream random(2, 0, Purpose::init);
  for (int64_t i = 0; i < elements; i += 4) {
    const uint32_t word = random.word();
    for (int64_t j = i; j < std::min(i + 4, elements); ++j) {
      const auto byte = static_cast<uint8_t>(word >> (8 * (j - i)));
      t.raw()[j] = static_cast<std::byte>((byte & 0x7F) == 0x7F ? 0 : byte);
    }
  }
  return t;
}

Tensor constant_of(Shape shape, DType dtype, float value, Allocator& memory) {
  Tensor t = Tensor::empty(shape, dtype, memory);
  for (int64_t i = 0; i < t.elements(); ++i) {
    if (dtype == DType::f32)
      t.f32()[i] = value;
    else
      t.bf16()[i] = f32_to_bf16(value);
  }
  return t;
}

}  // namespace

std::vector<std::string> model_shapes() {
  std::vector<std::string> names;
  for (const NamedShape& shape : kShapes) names.emplace_back(shape.name);
  return names;
}

Status make_model(const std::string& shape, bool fp8, const std::string& folder) {
  const auto* named =
      std::find_if(std::begin(kShapes), std::end(kShapes), [&](const auto& s) { return s.name == shape; });
  if (named == std::end(kShapes)) return Error{"make-model: there is no shape " + shape};
  std::error_code error;
  if (std::filesystem::exists(folder, error)) return Error{folder + ": it exists; models are written into new folders"};
  json::object config = json::parse(named->config).as_object();
  config["torch_dtype"] = "bfloat16";
  if (fp8)
    config["quantization_config"] =
        json::object{{"quant_method", "fp8"}, {"fmt", "e4m3"}, {"weight_block_size", json::array{128, 128}}};
  const auto model = models::create_model(config, {}, ops::Numerics::bf16, shape);
  if (!model) return model.error();
  const auto& parameters = (*model)->parameters().all();
  const auto is_fp8 = [&](const autograd::Parameter& p) {
    return fp8 && p.role == autograd::Role::matrix && p.name != "lm_head.weight";
  };
  int64_t most = 0, most_fp8 = 0;
  for (const autograd::Parameter& p : parameters) {
    int64_t& largest = is_fp8(p) ? most_fp8 : most;
    largest = std::max(largest, p.shape.elements());
  }
  Allocator memory;
  const Tensor values = draw_bf16(most, memory), bytes = draw_fp8(most_fp8, memory);
  std::map<std::string, Tensor> tensors;
  for (const autograd::Parameter& p : parameters) {
    const int64_t n = p.shape.elements();
    if (p.role == autograd::Role::vector) {
      tensors[p.name] = constant_of(p.shape, DType::bf16, p.name.ends_with("bias") ? 0.0f : 1.0f, memory);
    } else if (p.role == autograd::Role::constant) {
      tensors[p.name] = constant_of(p.shape, DType::f32, 0, memory);
    } else if (is_fp8(p)) {
      const auto blocks = [](int64_t width) { return (width + 127) / 128; };
      tensors[p.name] = bytes.rows(0, n).reshape(p.shape);
      tensors[p.name + "_scale_inv"] =
          constant_of({blocks(p.shape[0]), blocks(p.shape[1])}, DType::f32, 1.5e-4f, memory);
    } else {
      tensors[p.name] = values.rows(0, n).reshape(p.shape);
    }
  }
  std::filesystem::create_directories(folder, error);
  if (error) return Error{folder + ": " + error.message()};
  if (auto s = write_file(folder + "/config.json", json::serialize(config) + "\n"); !s) return s;
  return formats::write_safetensors(folder + "/model.safetensors", tensors);
}

}  // namespace jamsu::bench

// What every architecture's config.json has in common: null, defaults of the class, spellings that must agree, fields
// that nobody reads and fields that ask for another model.
#include "models/config/reader.h"

#include <gtest/gtest.h>

#include "models/config/architecture.h"
#include "models/config/foreign.h"
#include "models/llama.h"
#include "models/open.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

json::object llama() {
  return json::parse(R"({
      "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 97, "hidden_size": 24,
      "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
      "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2})")
      .as_object();
}
json::object qwen3_moe() {
  json::object o = llama();
  o["architectures"] = json::array{"Qwen3MoeForCausalLM"};
  o["model_type"] = "qwen3_moe";
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, int>>{
           {"num_experts", 4}, {"num_experts_per_tok", 2}, {"moe_intermediate_size", 16}})
    o[name] = value;
  return o;
}
json::object deepseek() {
  json::object o = llama();
  const json::value more = json::parse(R"({
      "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "kv_lora_rank": 8, "q_lora_rank": null,
      "num_key_value_heads": 4, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8, "n_routed_experts": 8,
      "moe_intermediate_size": 16, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1,
      "first_k_dense_replace": 1})");
  for (const auto& [name, value] : more.as_object()) o[name] = value;
  return o;
}
json::object minimax_m2() {
  json::object o = llama();
  o["architectures"] = json::array{"MiniMaxM2ForCausalLM"};
  o["model_type"] = "minimax_m2";
  o["head_dim"] = 8;
  o["num_local_experts"] = 4;
  o["num_experts_per_tok"] = 2;
  return o;
}

Result<ModelInfo> info_of(const json::object& config) {
  const auto model = create_model(config, ops::Numerics::bf16, "folder/config.json");
  if (!model) return model.error();
  return (*model)->info();
}

// Each alone and all together, in configs of the families whose tools write them.
struct Harmless {
  const char* who;
  json::object (*config)();
  const char* fields;  // a JSON object
};
const Harmless kHarmless[] = {
    // The 40 of tests/cases/unknown-config-fields and their like.
    {"SmolLM2", llama, R"({"is_llama_config": true, "rope_interleaved": false, "transformers.js_config":
       {"kv_cache_dtype": {"q4f16": "float16", "fp16": "float16"}}})"},
    {"Unsloth", llama, R"({"unsloth_fixed": true, "unsloth_version": "2026.9.1", "unsloth_optimized": true})"},
    {"transformers 4, saved", llama, R"({"_attn_implementation_autoset": true, "tokenizer_class": "LlamaTokenizer",
       "max_length": 4096, "return_dict": true, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0},
       "torchscript": false, "_name_or_path": "meta-llama/Llama-3.2-1B", "output_attentions": false,
       "output_hidden_states": false, "problem_type": null, "tie_encoder_decoder": false, "is_decoder": false,
       "cross_attention_hidden_size": null, "add_cross_attention": false, "is_encoder_decoder": false,
       "min_length": 0, "num_beams": 1, "num_beam_groups": 1, "temperature": 1.0, "top_k": 50, "top_p": 1.0,
       "typical_p": 1.0, "repetition_penalty": 1.0, "length_penalty": 1.0, "early_stopping": false, "do_sample": false,
       "no_repeat_ngram_size": 0, "encoder_no_repeat_ngram_size": 0, "bad_words_ids": null, "num_return_sequences": 1,
       "pruned_heads": {}, "prefix": null, "finetuning_task": null, "task_specific_params": null, "sep_token_id": null,
       "decoder_start_token_id": null, "suppress_tokens": null, "begin_suppress_tokens": null, "use_bfloat16": false,
       "tf_legacy_loss": false, "remove_invalid_values": false, "exponential_decay_length_penalty": null,
       "return_dict_in_generate": false, "output_scores": false, "forced_bos_token_id": null,
       "forced_eos_token_id": null, "diversity_penalty": 0.0, "chunk_size_feed_forward": 0})"},
    {"transformers 5, saved", llama, R"({"per_layer_config": {}, "dtype": "float32", "torch_dtype": "torch.float32",
       "transformers_version": "5.24.0", "_experts_implementation": "grouped_mm", "num_labels": 2})"},
    {"trainers", llama, R"({"neftune_noise_alpha": 5, "_commit_hash": null, "model_max_length": 2048,
       "gradient_checkpointing": true, "use_flash_attn": true, "_flash_attn_2_enabled": true, "attn_implementation":
       "flash_attention_2", "pretraining_tp": 1, "fused_linear_cross_entropy": true, "z_loss_coef": 1e-4,
       "axolotl_config_path": "/tmp/x.yml", "mergekit": "slerp", "license": "apache-2.0"})"},
    {"switched off", llama, R"({"sliding_window": null, "partial_rotary_factor": 1.0, "num_nextn_predict_layers": 0,
       "use_bias": false, "attention_bias": false, "mlp_bias": false, "use_qk_norm": false, "logit_scale": 1.0,
       "attn_logit_softcapping": null, "final_logit_softcapping": null, "residual_multiplier": 1.0, "clip_qkv": null,
       "num_experts": 0, "layer_types": ["full_attention", "full_attention"], "quantization_config": null,
       "use_sliding_window": false, "residual_dropout": 0.0, "embedding_dropout": 0.0, "hidden_dropout": 0.1})"},
    {"Qwen3-Coder", qwen3_moe, R"({"qkv_bias": false, "use_qk_norm": true, "shared_expert_intermediate_size": 0,
       "max_window_layers": 48, "sliding_window": null, "use_sliding_window": false, "router_aux_loss_coef": 0.0,
       "output_router_logits": false, "mlp_only_layers": null})"},
    {"DeepSeek, Kimi", deepseek, R"({"aux_loss_alpha": 0.001, "seq_aux": true, "ep_size": 1, "pretraining_tp": 1,
       "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV3Config"}, "head_dim": 64, "qk_head_dim": 12,
       "num_experts_per_token": 2, "n_shared_head": 1, "pad_head_dim_to_multiple_of": 64, "topk_method": "noaux_tc",
       "scoring_func": "sigmoid", "moe_layer_freq": 1, "num_nextn_predict_layers": 0, "num_local_experts": 8})"},
    {"MiniMax", minimax_m2, R"({"use_mtp": true, "num_mtp_modules": 3, "mtp_transformer_layers": 1,
       "shared_moe_mode": "sigmoid", "mlp_intermediate_size": 8192, "router_jitter_noise": 0.0, "block_size": 256,
       "attn_type_list": [1, 1], "qk_norm_type": "per_layer", "use_qk_norm": true, "use_routing_bias": true,
       "scoring_func": "sigmoid", "shared_intermediate_size": 0, "layernorm_mlp_beta": 1.0})"},
};

TEST(Config, FieldsThatNoCodeReadsAreReadOver) {
  size_t count = 0;
  for (const Harmless& h : kHarmless) {
    const json::object plain = h.config(), fields = json::parse(h.fields).as_object();
    const auto want = info_of(plain);
    ASSERT_TRUE(want.ok()) << h.who << ": " << want.error().message;
    EXPECT_TRUE(want->read_over.empty()) << h.who << ": " << want->read_over.front();
    json::object all = plain;
    for (const auto& [name, value] : fields) {
      all[name] = value;
      json::object one = plain;
      one[name] = value;
      const auto got = info_of(one);
      ASSERT_TRUE(got.ok()) << h.who << ": " << got.error().message;
      EXPECT_EQ(got->shape, want->shape) << h.who << " " << std::string_view(name);
      EXPECT_LE(got->read_over.size(), 1u);
    }
    count += fields.size();
    const auto got = info_of(all);
    ASSERT_TRUE(got.ok()) << h.who << ": " << got.error().message;
    EXPECT_EQ(got->shape, want->shape) << h.who;
  }
  EXPECT_GE(count, 100u);
}

// They are listed, with what they say; what every config has is not.
TEST(Config, ReadOverFieldsAreListed) {
  json::object o = llama();
  o["initializer_range"] = 0.02;
  o["unsloth_fixed"] = true;
  o["notes"] = std::string(100, 'x');
  const auto info = info_of(o);
  ASSERT_TRUE(info.ok()) << info.error().message;
  ASSERT_EQ(info->read_over.size(), 2u);
  EXPECT_EQ(info->read_over[0], "\"unsloth_fixed\" = true");
  EXPECT_EQ(info->read_over[1].size(), std::string("\"notes\" = ").size() + 60);
  EXPECT_TRUE(info->read_over[1].ends_with("..."));
}

TEST(Config, FieldsThatAskForAnotherModelAreRefused) {
  struct Case {
    json::object (*config)();
    const char *field, *value;
  };
  const Case cases[] = {{llama, "sliding_window", "4096"},
                        {llama, "use_sliding_window", "true"},
                        {llama, "layer_types", R"(["full_attention", "sliding_attention"])"},
                        {llama, "attn_logit_softcapping", "50.0"},
                        {llama, "final_logit_softcapping", "30"},
                        {llama, "logit_scale", "0.0625"},
                        {llama, "residual_multiplier", "0.22"},
                        {llama, "embedding_multiplier", "12"},
                        {llama, "use_qk_norm", "true"},
                        {llama, "qkv_bias", "true"},
                        {llama, "rope_interleaved", "true"},
                        {llama, "num_local_experts", "8"},
                        {llama, "n_routed_experts", "64"},
                        {llama, "attention_chunk_size", "8192"},
                        {llama, "no_rope_layers", "[1, 1, 1, 0]"},
                        {llama, "is_causal", "false"},
                        {llama, "use_bidirectional_attention", "true"},
                        {llama, "rotary_pct", "0.25"},
                        {llama, "hidden_act", "\"quick_gelu\""},
                        {llama, "compression_config", R"({"format": "pack-quantized"})"},
                        {llama, "per_layer_config", R"({"1": {"num_key_value_heads": 4}})"},
                        {qwen3_moe, "shared_expert_intermediate_size", "1024"},
                        {qwen3_moe, "use_qk_norm", "false"},
                        {qwen3_moe, "qkv_bias", "true"},
                        {deepseek, "index_topk", "2048"},
                        {deepseek, "scoring_func", "\"softmax\""},
                        {deepseek, "moe_layer_freq", "2"},
                        {minimax_m2, "shared_intermediate_size", "1024"},
                        {minimax_m2, "sliding_window", "128"}};
  for (const Case& c : cases) {
    json::object o = c.config();
    o[c.field] = json::parse(c.value);
    const auto got = info_of(o);
    ASSERT_FALSE(got.ok()) << c.field;
    EXPECT_EQ(got.error().message.rfind("folder/config.json: ", 0), 0u) << got.error().message;
    EXPECT_NE(got.error().message.find(std::string("\"") + c.field + "\" = "), std::string::npos)
        << got.error().message;
  }
}

// null in any field is as if it were not there: for every field of every family that may be missing.
TEST(Config, NullIsAsIfTheFieldWereMissing) {
  for (const auto& config : {llama, qwen3_moe, deepseek, minimax_m2}) {
    const json::object plain = config();
    for (const char* name : {"rope_theta",
                             "rope_scaling",
                             "rope_parameters",
                             "rms_norm_eps",
                             "tie_word_embeddings",
                             "hidden_act",
                             "attention_bias",
                             "mlp_bias",
                             "norm_topk_prob",
                             "mlp_only_layers",
                             "decoder_sparse_step",
                             "layer_types",
                             "max_position_embeddings",
                             "num_experts_per_tok",
                             "routed_scaling_factor",
                             "n_shared_experts",
                             "first_k_dense_replace",
                             "num_nextn_predict_layers",
                             "quantization_config",
                             "sliding_window",
                             "use_sliding_window",
                             "pad_token_id",
                             "rotary_dim",
                             "partial_rotary_factor",
                             "dtype",
                             "surprise"}) {
      json::object with_null = plain, missing = plain;
      with_null[name] = nullptr;
      missing.erase(name);
      const auto a = info_of(with_null), b = info_of(missing);
      ASSERT_EQ(a.ok(), b.ok()) << name;
      if (!a.ok()) {  // the class's default does not suit so small a model
        EXPECT_EQ(a.error().message, b.error().message);
        continue;
      }
      EXPECT_EQ(a->shape, b->shape) << name;
      EXPECT_EQ(a->context, b->context) << name;
      EXPECT_TRUE(a->read_over.empty()) << a->read_over.front();
    }
  }
  json::object o = llama();
  o["num_key_value_heads"] = nullptr;
  const auto heads = parse_llama(LlamaKind::llama, o, "config.json");
  ASSERT_TRUE(heads.ok()) << heads.error().message;
  EXPECT_EQ(heads->num_key_value_heads, 4);
}

// Token ids: missing they are the class's, where the vocabulary has them; null is none.
TEST(Config, TokenIdsThatAreMissingAndThatAreNull) {
  json::object o = llama();
  o.erase("bos_token_id");
  o.erase("eos_token_id");
  EXPECT_EQ(info_of(o)->bos, 1);
  EXPECT_EQ(info_of(o)->eos, (std::vector<int64_t>{2}));
  o["bos_token_id"] = nullptr;
  o["eos_token_id"] = nullptr;
  EXPECT_EQ(info_of(o)->bos, -1);
  EXPECT_TRUE(info_of(o)->eos.empty());
  json::object m2 = minimax_m2();  // 200,034 of 97
  m2.erase("bos_token_id");
  EXPECT_EQ(info_of(m2)->bos, -1);
}

TEST(Config, TwoSpellingsMustAgree) {
  struct Case {
    json::object (*config)();
    const char *a, *of_a, *b, *agrees, *differs;
  };
  const Case cases[] = {
      {llama, "dtype", "\"float32\"", "torch_dtype", "\"torch.float32\"", "\"bfloat16\""},
      {qwen3_moe, "num_experts", "4", "num_local_experts", "4", "8"},
      {deepseek, "n_routed_experts", "8", "num_local_experts", "8", "4"},
      {llama, "rope_theta", "1e6", "rope_parameters", R"({"rope_type": "default", "rope_theta": 1000000})",
       R"({"rope_type": "default", "rope_theta": 10000.0})"},
      {llama, "rope_scaling", R"({"type": "linear", "factor": 2})", "rope_parameters",
       R"({"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0})", R"({"rope_type": "linear", "factor": 4.0})"},
      {llama, "rope_scaling", R"({"type": "linear", "factor": 2})", "rope_parameters",
       R"({"rope_type": "linear", "factor": 2.0})", R"({"rope_type": "default"})"},
      {minimax_m2, "partial_rotary_factor", "0.5", "rope_parameters", R"({"partial_rotary_factor": 0.50})",
       R"({"partial_rotary_factor": 0.25})"}};
  for (const Case& c : cases) {
    json::object o = c.config();
    o[c.a] = json::parse(c.of_a);
    o[c.b] = json::parse(c.agrees);
    const auto same = info_of(o);
    EXPECT_TRUE(same.ok()) << same.error().message;
    o[c.b] = json::parse(c.differs);
    const auto other = info_of(o);
    ASSERT_FALSE(other.ok()) << c.a;
    EXPECT_NE(other.error().message.find(std::string("\"") + c.a), std::string::npos) << other.error().message;
    EXPECT_NE(other.error().message.find(std::string("\"") + c.b), std::string::npos) << other.error().message;
  }
  json::object o = llama();
  o["rope_scaling"] = json::object{{"type", "linear"}, {"rope_type", "dynamic"}, {"factor", 2}};
  const auto types = info_of(o);
  ASSERT_FALSE(types.ok());
  EXPECT_NE(types.error().message.find("rope_scaling.type"), std::string::npos) << types.error().message;
  EXPECT_NE(types.error().message.find("rope_scaling.rope_type"), std::string::npos) << types.error().message;
}

TEST(Config, TheArchitectureStandsInArchitecturesOrInModelType) {
  json::object o = llama();
  EXPECT_EQ(*architecture_of(o, "c"), "LlamaForCausalLM");
  o["architectures"] = nullptr;
  EXPECT_EQ(*architecture_of(o, "c"), "LlamaForCausalLM");
  EXPECT_TRUE(info_of(o).ok());
  o["architectures"] = json::array{"Qwen2ForCausalLM"};
  const auto differ = architecture_of(o, "folder/config.json");
  ASSERT_FALSE(differ.ok());
  for (const char* part : {"folder/config.json", "architectures", "model_type", "Qwen2ForCausalLM", "llama"})
    EXPECT_NE(differ.error().message.find(part), std::string::npos) << differ.error().message;
  o["model_type"] = "a_type_of_its_own";  // kimi_k2 and others bring their own
  EXPECT_EQ(*architecture_of(o, "c"), "Qwen2ForCausalLM");
  o.erase("architectures");
  EXPECT_FALSE(architecture_of(o, "c").ok());
  o["architectures"] = json::array{"A", "B"};
  EXPECT_FALSE(architecture_of(o, "c").ok());
}

// FP8 as published, with the lists of what is not FP8; other kinds are refused by name.
TEST(Config, QuantizationConfigs) {
  for (const char* good :
       {R"({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [128, 128]})",
        R"({"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["lm_head"],
            "dequantize": false, "scale_fmt": "ue8m0"})",
        R"({"quant_method": "fp8", "weight_block_size": [128, 128], "ignored_layers": ["model.layers.0.mlp.gate"]})",
        "null", "{}"}) {
    json::object o = qwen3_moe();
    o["quantization_config"] = json::parse(good);
    const auto got = info_of(o);
    EXPECT_TRUE(got.ok()) << got.error().message;
  }
  const std::pair<const char*, const char*> bad[] = {
      {R"({"quant_method": "compressed-tensors", "format": "float-quantized"})", "compressed-tensors"},
      {R"({"quant_method": "awq", "bits": 4})", "awq"},
      {R"({"quant_method": "fp8", "weight_block_size": null})", "weight_block_size"},
      {R"({"quant_method": "fp8", "weight_block_size": [64, 64]})", "weight_block_size"},
      {R"({"quant_method": "fp8", "weight_block_size": [128, 128], "activation_scheme": "static"})",
       "activation_scheme"},
      {R"({"bits": 4})", "quant_method"},
      {"4", "quantization_config"}};
  for (const auto& [text, part] : bad) {
    json::object o = qwen3_moe();
    o["quantization_config"] = json::parse(text);
    const auto got = info_of(o);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_NE(got.error().message.find(part), std::string::npos) << got.error().message;
  }
}

}  // namespace
}  // namespace jamsu::models

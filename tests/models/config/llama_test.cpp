// config.json of Llama's family: what each architecture reads, and an error that names file and field for the rest.
#include "models/llama.h"

#include <gtest/gtest.h>

#include <functional>

namespace jamsu::models {
namespace {

namespace json = boost::json;

json::object good() {
  return {{"architectures", json::array{"LlamaForCausalLM"}},
          {"vocab_size", 100},
          {"hidden_size", 48},
          {"intermediate_size", 64},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 6},
          {"num_key_value_heads", 2},
          {"max_position_embeddings", 64},
          {"bos_token_id", 1},
          {"eos_token_id", json::array{2, 3}}};
}

// As Qwen3 was published in FP8.
TEST(LlamaConfig, KnowsOneKindOfFp8) {
  json::object o = good();
  o["quantization_config"] = json::object{{"activation_scheme", "dynamic"},
                                          {"fmt", "e4m3"},
                                          {"quant_method", "fp8"},
                                          {"weight_block_size", json::array{128, 128}}};
  EXPECT_TRUE(parse_llama(LlamaKind::qwen3, o, "config.json").ok());
  o["quantization_config"].as_object()["quant_method"] = "gptq";
  const auto other = parse_llama(LlamaKind::qwen3, o, "config.json");
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find("quantization_config.quant_method"), std::string::npos) << other.error().message;
}

TEST(LlamaConfig, ReadsTheOfficialNames) {
  json::object o = good();
  o["rope_scaling"] = json::object{{"rope_type", "llama3"},
                                   {"factor", 8.0},
                                   {"low_freq_factor", 1.0},
                                   {"high_freq_factor", 4.0},
                                   {"original_max_position_embeddings", 8192}};
  const auto c = parse_llama(LlamaKind::llama, o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->head_width(), 8);
  EXPECT_EQ(c->eos_token_ids, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(c->rope().scaling, ops::RopeScaling::llama3);
  EXPECT_EQ(c->rope().original_context, 8192);
  EXPECT_FALSE(c->attention(0).bias);
  o["rope_scaling"] = nullptr;
  const auto qwen = parse_llama(LlamaKind::qwen2, o, "config.json");
  ASSERT_TRUE(qwen.ok()) << qwen.error().message;
  EXPECT_TRUE(qwen->attention(0).bias);
  EXPECT_EQ(qwen->attention(0).norm, QkNorm::none);
}

// transformers 5 writes the base into rope_parameters.
TEST(LlamaConfig, ThetaStandsInRopeParametersToo) {
  json::object o = good();
  o["rope_parameters"] = json::object{{"rope_type", "default"}, {"rope_theta", 5e5}};
  const auto c = parse_llama(LlamaKind::qwen3, o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->rope_theta, 5e5);
}

// Biases, by the classes that ask for them; Qwen2 has its own in any case.
TEST(LlamaConfig, Biases) {
  json::object o = good();
  o["attention_bias"] = true;
  for (const LlamaKind kind : {LlamaKind::llama, LlamaKind::qwen3, LlamaKind::hyperclovax, LlamaKind::qwen2}) {
    const auto c = parse_llama(kind, o, "config.json");
    ASSERT_TRUE(c.ok()) << c.error().message;
    EXPECT_TRUE(c->attention(0).bias);
    EXPECT_EQ(c->attention(0).out_bias, kind != LlamaKind::qwen2);
    EXPECT_FALSE(c->mlp_bias);
  }
  o["mlp_bias"] = true;
  const auto c = parse_llama(LlamaKind::llama, o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  const Llama model(*c, ops::Numerics::bf16);
  for (const char* name : {"self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
    const auto* bias = model.parameters().find(fmt::format("model.layers.2.{}.bias", name));
    const auto* weight = model.parameters().find(fmt::format("model.layers.2.{}.weight", name));
    ASSERT_TRUE(bias && weight) << name;
    EXPECT_EQ(bias->shape, Shape({weight->shape[0]})) << name;
  }
}

TEST(LlamaConfig, EveryMalformedKindNamesItsField) {
  struct Case {
    LlamaKind kind;
    const char* field;
    std::function<void(json::object&)> damage;
  };
  const auto set = [](const char* name, const json::value& value) { return [=](json::object& o) { o[name] = value; }; };
  constexpr auto kLlama = LlamaKind::llama, kQwen3 = LlamaKind::qwen3, kMoe = LlamaKind::qwen3_moe,
                 kClova = LlamaKind::hyperclovax;
  const std::vector<Case> cases = {
      {kLlama, "hidden_size", [](json::object& o) { o.erase("hidden_size"); }},
      {kLlama, "hidden_size", set("hidden_size", "48")},
      {kLlama, "hidden_size", set("hidden_size", 48.5)},
      {kLlama, "vocab_size", set("vocab_size", 0)},
      {kLlama, "num_attention_heads", set("num_attention_heads", 7)},
      {kLlama, "num_key_value_heads", set("num_key_value_heads", 4)},
      {kLlama, "head_dim", set("head_dim", 7)},
      {kLlama, "head_dim", set("head_dim", 2000)},
      {kLlama, "head_dim", set("hidden_size", 6 * 2048)},
      {kLlama, "hidden_act", set("hidden_act", "quick_gelu")},
      {kLlama, "attention_bias", set("attention_bias", 1)},
      {kQwen3, "mlp_bias", set("mlp_bias", true)},
      {kLlama, "eos_token_id", set("eos_token_id", 100)},
      {kLlama, "eos_token_id", set("eos_token_id", json::array{1, "2"})},
      {kLlama, "bos_token_id", set("bos_token_id", 100)},
      {kLlama, "sliding_window", set("sliding_window", 4096)},  // Mistral's; Llama has none
      {kLlama, "num_experts", set("num_experts", 8)},
      {kLlama, "rope_theta", set("rope_theta", -1)},
      {kLlama, "rope_scaling", set("rope_scaling", 4)},
      {kLlama, "rope_scaling.type", set("rope_scaling", json::object{{"type", "longrope"}, {"factor", 2}})},
      {kLlama, "rope_scaling.factor", set("rope_scaling", json::object{{"type", "linear"}})},
      {kLlama, "rope_scaling.factor", set("rope_scaling", json::object{{"type", "linear"}, {"factor", 0}})},
      {kLlama, "rope_scaling.original_max_position_embeddings",
       set("rope_scaling", json::object{{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 32.5}})},
      {kLlama, "rope_scaling.low_freq_factor",
       set("rope_scaling",
           json::object{{"rope_type", "llama3"}, {"factor", 8}, {"original_max_position_embeddings", 9}})},
      {kLlama, "rope_scaling.high_freq_factor",
       set("rope_scaling", json::object{{"rope_type", "llama3"},
                                        {"factor", 8},
                                        {"low_freq_factor", 4},
                                        {"high_freq_factor", 4},
                                        {"original_max_position_embeddings", 9}})},
      {kLlama, "rope_scaling.beta_fast",
       set("rope_scaling", json::object{{"type", "linear"}, {"factor", 2}, {"beta_fast", 32}})},
      {kLlama, "use_sliding_window", set("use_sliding_window", true)},
      {kQwen3, "use_sliding_window", set("use_sliding_window", 1)},
      {kQwen3, "sliding_window", set("sliding_window", "wide")},
      {kQwen3, "sliding_window", set("sliding_window", 0)},
      {kQwen3, "layer_types", set("layer_types", json::array{"full_attention", "full_attention"})},
      {kQwen3, "layer_types", set("layer_types", json::array{"full_attention", "full_attention", "chunked_attention"})},
      {kQwen3, "layer_types", set("layer_types", json::array{"full_attention", "full_attention", "sliding_attention"})},
      {kMoe, "num_experts", [](json::object&) {}},
      {kClova, "attention_multiplier", set("attention_multiplier", 0)},
      {kClova, "logits_scaling", set("logits_scaling", "x")},
  };
  for (const Case& c : cases) {
    json::object o = good();
    c.damage(o);
    const auto r = parse_llama(c.kind, o, "folder/config.json");
    ASSERT_FALSE(r.ok()) << c.field;
    EXPECT_EQ(r.error().message.rfind("folder/config.json: ", 0), 0u) << r.error().message;
    EXPECT_NE(r.error().message.find(std::string("\"") + c.field), std::string::npos) << r.error().message;
  }
  for (const auto& [field, value] : std::vector<std::pair<const char*, json::value>>{
           {"num_experts_per_tok", 9}, {"mlp_only_layers", json::array{3}}, {"mlp_only_layers", "1"}}) {
    json::object o = good();
    o["num_experts"] = 8;
    o["num_experts_per_tok"] = 2;
    o["moe_intermediate_size"] = 16;
    ASSERT_TRUE(parse_llama(kMoe, o, "config.json").ok());
    o[field] = value;
    const auto r = parse_llama(kMoe, o, "config.json");
    ASSERT_FALSE(r.ok()) << field;
    EXPECT_NE(r.error().message.find(field), std::string::npos) << r.error().message;
  }
}

constexpr const char *kFull = "full_attention", *kSliding = "sliding_attention";

json::object with_window() {
  json::object o = good();
  o["use_sliding_window"] = true;
  o["sliding_window"] = 20;
  return o;
}

TEST(LlamaConfig, WindowsOfLayers) {
  const auto windows = [](LlamaKind kind, const json::object& o) {
    const auto c = parse_llama(kind, o, "config.json");
    EXPECT_TRUE(c.ok()) << c.error().message;
    std::vector<int64_t> found;
    for (int64_t i = 0; c.ok() && i < 3; ++i) found.push_back(c->attention(i).window);
    return found;
  };
  constexpr int64_t kNone = kernels::kNoWindow;
  json::object o = with_window();
  o["max_window_layers"] = 1;
  EXPECT_EQ(windows(LlamaKind::qwen2, o), (std::vector<int64_t>{kNone, 20, 20}));
  o["layer_types"] = json::array{kFull, kSliding, kSliding};
  EXPECT_EQ(windows(LlamaKind::qwen2, o), (std::vector<int64_t>{kNone, 20, 20}));
  o.erase("max_window_layers");
  o["layer_types"] = json::array{kSliding, kFull, kSliding};
  EXPECT_EQ(windows(LlamaKind::qwen3, o), (std::vector<int64_t>{20, kNone, 20}));
  // As Qwen2.5 was published.
  o = with_window();
  o["use_sliding_window"] = false;
  o["max_window_layers"] = 28;
  EXPECT_EQ(windows(LlamaKind::qwen2, o), (std::vector<int64_t>{kNone, kNone, kNone}));
}

// Its class in transformers asks neither max_window_layers nor layer_types which layers slide.
TEST(LlamaConfig, QwenMoeSlidesInAllLayers) {
  json::object o = with_window();
  o["num_experts"] = 8;
  o["num_experts_per_tok"] = 2;
  o["moe_intermediate_size"] = 16;
  o["max_window_layers"] = 2;
  const auto c = parse_llama(LlamaKind::qwen3_moe, o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  for (const int64_t layer : {0, 1, 2}) EXPECT_EQ(c->window(layer), 20);
}

// Qwen2Config: a window of 4,096 from layer 28 on, but for what the file says; layer_types go before max_window_layers,
// which transformers writes beside them whatever they are.
TEST(LlamaConfig, WindowsThatAreNotSaidAreThoseOfTheClass) {
  json::object o = with_window();
  EXPECT_EQ(parse_llama(LlamaKind::qwen2, o, "config.json")->window(2), kernels::kNoWindow);
  o.erase("sliding_window");
  o["max_window_layers"] = 1;
  EXPECT_EQ(parse_llama(LlamaKind::qwen2, o, "config.json")->window(2), 4096);
  o = with_window();
  o["max_window_layers"] = 28;
  o["layer_types"] = json::array{kFull, kSliding, kSliding};
  const auto c = parse_llama(LlamaKind::qwen3, o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->sliding, (std::vector<bool>{false, true, true}));
}

TEST(LlamaConfig, ContradictingWindowsNameTheirField) {
  const auto refused = [](const json::object& o, const char* field) {
    const auto r = parse_llama(LlamaKind::qwen2, o, "config.json");
    ASSERT_FALSE(r.ok()) << field;
    EXPECT_NE(r.error().message.find(field), std::string::npos) << r.error().message;
  };
  json::object o = with_window();
  o["layer_types"] = json::array{kFull, kSliding, kSliding};
  o["sliding_window"] = nullptr;
  refused(o, "sliding_window");
  o["use_sliding_window"] = false;
  refused(o, "layer_types");
  o["layer_types"] = json::array{kFull, kFull, kFull};
  EXPECT_TRUE(parse_llama(LlamaKind::qwen2, o, "config.json").ok());
}

// The published size of Qwen2.5-1.5B, its head tied: 1.54B.
TEST(LlamaConfig, CountsThePublishedParameters) {
  json::object o = good();
  const auto set = [&](std::initializer_list<std::pair<const char*, json::value>> values) {
    for (const auto& [name, value] : values) o[name] = value;
  };
  set({{"vocab_size", 151936},
       {"hidden_size", 1536},
       {"intermediate_size", 8960},
       {"num_hidden_layers", 28},
       {"num_attention_heads", 12},
       {"num_key_value_heads", 2},
       {"tie_word_embeddings", true}});
  const auto small = parse_llama(LlamaKind::qwen2, o, "config.json");
  ASSERT_TRUE(small.ok()) << small.error().message;
  EXPECT_EQ(Llama(*small, ops::Numerics::bf16).info().parameters.total, 1'543'714'304);
}

}  // namespace
}  // namespace jamsu::models

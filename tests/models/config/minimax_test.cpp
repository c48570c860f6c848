// config.json of MiniMax: what each architecture reads, and an error that names file and field for the rest.
#include "models/minimax.h"

#include <gtest/gtest.h>

#include <functional>

#include "models/open.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

json::object good(MiniMaxKind kind) {
  json::object o = {{"vocab_size", 100},       {"hidden_size", 48},        {"intermediate_size", 64},
                    {"num_hidden_layers", 2},  {"num_attention_heads", 6}, {"num_key_value_heads", 2},
                    {"num_local_experts", 4},  {"num_experts_per_tok", 2}, {"max_position_embeddings", 64},
                    {"bos_token_id", nullptr}, {"eos_token_id", 2}};
  if (kind == MiniMaxKind::m2) {
    o["architectures"] = json::array{"MiniMaxM2ForCausalLM"};
    o["head_dim"] = 8;  // missing: 128, as in the class
    o["rotary_dim"] = 4;
    o["attn_type_list"] = json::array{1, 1};
    return o;
  }
  o["architectures"] = json::array{"MiniMaxForCausalLM"};
  o["layer_types"] = json::array{"linear_attention", "full_attention"};
  for (const char* name : {"full_attn", "linear_attn", "mlp"}) {
    o[std::string(name) + "_alpha_factor"] = 3.5;
    o[std::string(name) + "_beta_factor"] = 1;
  }
  return o;
}

TEST(MiniMaxConfig, ReadsTheOfficialNames) {
  const auto text = parse_minimax(MiniMaxKind::text01, good(MiniMaxKind::text01), "config.json");
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_TRUE(text->is_linear(0));
  EXPECT_FALSE(text->is_linear(1));
  EXPECT_EQ(text->rope().width, 8);
  EXPECT_EQ(text->mlp_alpha_factor, 3.5);
  EXPECT_EQ(text->attention().window, kernels::kNoWindow);
  EXPECT_FALSE(text->moe().correction_bias);
  json::object sliding = good(MiniMaxKind::text01);
  sliding["sliding_window"] = 5;
  EXPECT_EQ(parse_minimax(MiniMaxKind::text01, sliding, "config.json")->attention().window, 5);
  json::object o = good(MiniMaxKind::m2);
  o["quantization_config"] = json::object{{"quant_method", "fp8"}, {"weight_block_size", json::array{128, 128}}};
  const auto m2 = parse_minimax(MiniMaxKind::m2, o, "config.json");
  ASSERT_TRUE(m2.ok()) << m2.error().message;
  EXPECT_EQ(m2->rope().width, 4);
  EXPECT_EQ(m2->attention().norm, QkNorm::all);
  EXPECT_TRUE(m2->moe().correction_bias);
  EXPECT_EQ(m2->bos_token_id, -1);
}

// rotary_dim, and partial_rotary_factor outside of rope_parameters and in them, are one thing.
TEST(MiniMaxConfig, APartOfEachHeadIsRotated) {
  json::object o = good(MiniMaxKind::m2);
  o.erase("rotary_dim");
  EXPECT_EQ(parse_minimax(MiniMaxKind::m2, o, "config.json")->rope().width, 8);
  o["rope_parameters"] = json::object{{"rope_type", "default"}, {"rope_theta", 5e6}, {"partial_rotary_factor", 0.5}};
  EXPECT_EQ(parse_minimax(MiniMaxKind::m2, o, "config.json")->rope().width, 4);
  for (const auto& [field, agrees, differs] : std::vector<std::tuple<const char*, json::value, json::value>>{
           {"rotary_dim", 4, 6}, {"partial_rotary_factor", 0.5, 0.25}, {"rope_theta", 5000000, 1e4}}) {
    json::object both = o;
    both[field] = agrees;
    const auto same = parse_minimax(MiniMaxKind::m2, both, "config.json");
    ASSERT_TRUE(same.ok()) << same.error().message;
    EXPECT_EQ(same->rope().width, 4);
    both[field] = differs;
    const auto other = parse_minimax(MiniMaxKind::m2, both, "config.json");
    ASSERT_FALSE(other.ok()) << field;
    EXPECT_NE(other.error().message.find(std::string("\"") + field), std::string::npos) << other.error().message;
  }
}

// MiniMaxConfig and MiniMaxM2Config of transformers 5.24.
TEST(MiniMaxConfig, WhatIsMissingIsAsInTheClass) {
  json::object o = good(MiniMaxKind::text01);
  for (const char* name : {"layer_types", "rms_norm_eps", "mlp_alpha_factor", "rope_theta", "max_position_embeddings"})
    o.erase(name);
  const auto text = parse_minimax(MiniMaxKind::text01, o, "config.json");
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(text->linear, (std::vector<bool>{false, true}));
  EXPECT_EQ(text->mlp_alpha_factor, 1);
  EXPECT_EQ(text->rms_norm_eps, 1e-5);
  EXPECT_EQ(text->rope_theta, 1e6);
  o = good(MiniMaxKind::m2);
  for (const char* name : {"rms_norm_eps", "rope_theta"}) o.erase(name);
  const auto m2 = parse_minimax(MiniMaxKind::m2, o, "config.json");
  ASSERT_TRUE(m2.ok()) << m2.error().message;
  EXPECT_EQ(m2->rms_norm_eps, 1e-6);
  EXPECT_EQ(m2->rope_theta, 5e6);
}

TEST(MiniMaxConfig, EveryMalformedKindNamesItsField) {
  struct Case {
    MiniMaxKind kind;
    const char* field;
    std::function<void(json::object&)> damage;
  };
  const auto set = [](const char* name, json::value value) { return [=](json::object& o) { o[name] = value; }; };
  const auto erase = [](const char* name) { return [=](json::object& o) { o.erase(name); }; };
  constexpr auto kText = MiniMaxKind::text01, kM2 = MiniMaxKind::m2;
  const std::vector<Case> cases = {
      {kText, "hidden_size", erase("hidden_size")},
      {kText, "num_key_value_heads", erase("num_key_value_heads")},
      {kText, "num_key_value_heads", set("num_key_value_heads", 4)},
      {kText, "num_attention_heads", set("num_attention_heads", 5)},
      {kText, "mlp_beta_factor", set("mlp_beta_factor", "1")},
      {kText, "layer_types", set("layer_types", json::array{"linear_attention"})},
      {kText, "layer_types", set("layer_types", json::array{"linear_attention", "sliding_attention"})},
      {kText, "layer_types", set("layer_types", "full_attention")},
      {kText, "sliding_window", set("sliding_window", 0)},
      {kM2, "sliding_window", set("sliding_window", 128)},
      {kText, "hidden_act", set("hidden_act", 1)},
      {kText, "rope_scaling.type", set("rope_scaling", json::object{{"type", "proportional"}, {"factor", 4}})},
      {kText, "rope_scaling.short_factor", set("rope_scaling", json::object{{"type", "longrope"}, {"factor", 4}})},
      {kText, "attn_type_list", set("attn_type_list", json::array{1, 1})},
      {kText, "num_experts_per_tok", set("num_experts_per_tok", 5)},
      {kM2, "num_hidden_layers",
       [](json::object& o) {
         o["num_hidden_layers"] = 10000;
         o["num_local_experts"] = 65536;
       }},
      {kText, "eos_token_id", set("eos_token_id", 100)},
      {kText, "bos_token_id", set("bos_token_id", "1")},
      {kM2, "rotary_dim", set("rotary_dim", 10)},
      {kM2, "rotary_dim", set("rotary_dim", 3)},
      {kM2, "attn_type_list", set("attn_type_list", json::array{1, 0})},
      {kM2, "use_qk_norm", set("use_qk_norm", false)},
      {kM2, "qk_norm_type", set("qk_norm_type", "per_head")},
      {kM2, "scoring_func", set("scoring_func", "softmax")},
      {kM2, "use_routing_bias", set("use_routing_bias", false)},
      {kM2, "shared_intermediate_size", set("shared_intermediate_size", 64)},
      {kM2, "mlp_beta_factor", set("mlp_beta_factor", 3.5)},
      {kM2, "partial_rotary_factor", set("partial_rotary_factor", 0.25)},  // rotary_dim says half
      {kM2, "quantization_config.quant_method", set("quantization_config", json::object{{"quant_method", "gptq"}})}};
  for (const Case& c : cases) {
    json::object o = good(c.kind);
    c.damage(o);
    const auto parsed = parse_minimax(c.kind, o, "folder/config.json");
    ASSERT_FALSE(parsed.ok()) << c.field;
    EXPECT_NE(parsed.error().message.find(c.field), std::string::npos) << parsed.error().message;
    EXPECT_EQ(parsed.error().message.find("folder/config.json: "), 0u) << parsed.error().message;
  }
}

TEST(MiniMax, ItsFirstLayoutNamesTheOneToTake) {
  json::object o = good(MiniMaxKind::text01);
  o["architectures"] = json::array{"MiniMaxText01ForCausalLM"};
  const auto model = create_model(o, {}, ops::Numerics::bf16, "config.json");
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.error().message.find("-hf"), std::string::npos) << model.error().message;
}

TEST(MiniMax, IsRefusedForTraining) {
  ops::Runtime runtime(1, kernels::best_isa(), ops::Numerics::bf16);
  const auto model = create_model(good(MiniMaxKind::text01), {}, ops::Numerics::bf16, "config.json");
  ASSERT_TRUE(model.ok()) << model.error().message;
  NamedTensors tensors;
  for (const autograd::Parameter& p : (*model)->parameters().all())
    tensors.emplace(p.name, Tensor::zeros(p.shape, DType::bf16, runtime.memory()));
  EXPECT_TRUE(set_weights(**model, tensors, ops::Packs::forward, runtime.context(), "file").ok());
  const Status s = set_weights(**model, tensors, ops::Packs::forward_and_backward, runtime.context(), "file");
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().message.find("file: MiniMaxForCausalLM cannot be trained"), 0u) << s.error().message;
}

}  // namespace
}  // namespace jamsu::models

// config.json of DeepseekV3ForCausalLM: each malformed kind is an error that names file and field.
#include "models/config/deepseek_v3.h"

#include <gtest/gtest.h>

#include <functional>

#include "models/deepseek_v3.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

json::object good() {
  return {{"architectures", json::array{"DeepseekV3ForCausalLM"}},
          {"vocab_size", 100},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"moe_intermediate_size", 16},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 2},
          {"q_lora_rank", nullptr},
          {"kv_lora_rank", 16},
          {"qk_nope_head_dim", 8},
          {"qk_rope_head_dim", 4},
          {"v_head_dim", 8},
          {"n_routed_experts", 8},
          {"n_shared_experts", 1},
          {"num_experts_per_tok", 2},
          {"n_group", 4},
          {"topk_group", 2},
          {"first_k_dense_replace", 1},
          {"max_position_embeddings", 64},
          {"eos_token_id", json::array{1, 2}},
          {"rope_scaling", nullptr}};
}

TEST(DeepseekV3Config, ReadsTheOfficialNames) {
  const auto c = parse_deepseek_v3(good(), "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_FALSE(c->q_lora_rank.has_value());
  EXPECT_EQ(c->num_key_value_heads, 2);
  EXPECT_EQ(c->eos_token_ids, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(c->norm_topk_prob, true);
}

TEST(DeepseekV3Config, EveryMalformedKindNamesItsField) {
  struct Case {
    const char* field;
    std::function<void(json::object&)> damage;
  };
  const std::vector<Case> cases = {
      {"hidden_size", [](json::object& o) { o.erase("hidden_size"); }},
      {"hidden_size", [](json::object& o) { o["hidden_size"] = "32"; }},
      {"hidden_size", [](json::object& o) { o["hidden_size"] = 32.5; }},
      {"hidden_size", [](json::object& o) { o["hidden_size"] = -1; }},
      {"hidden_size", [](json::object& o) { o["hidden_size"] = int64_t{1} << 60; }},
      {"n_group", [](json::object& o) { o["n_group"] = 3; }},
      {"topk_group", [](json::object& o) { o["topk_group"] = 5; }},
      {"num_experts_per_tok", [](json::object& o) { o["num_experts_per_tok"] = 5; }},
      {"first_k_dense_replace", [](json::object& o) { o["first_k_dense_replace"] = 4; }},
      {"qk_rope_head_dim", [](json::object& o) { o["qk_rope_head_dim"] = 5; }},
      {"num_key_value_heads", [](json::object& o) { o["num_key_value_heads"] = 1; }},
      {"scoring_func", [](json::object& o) { o["scoring_func"] = "softmax"; }},
      {"hidden_act", [](json::object& o) { o["hidden_act"] = "mish"; }},
      {"norm_topk_prob", [](json::object& o) { o["norm_topk_prob"] = 1; }},
      {"eos_token_id", [](json::object& o) { o["eos_token_id"] = 100; }},
      {"eos_token_id", [](json::object& o) { o["eos_token_id"] = "end"; }},
      {"rope_scaling", [](json::object& o) { o["rope_scaling"] = 4; }},
      {"rope_scaling.type",
       [](json::object& o) {
         o["rope_scaling"] = json::object{{"type", "linear"}};
       }},
      {"rope_scaling.factor",
       [](json::object& o) {
         o["rope_scaling"] = json::object{{"type", "yarn"}};
       }},
      {"rope_scaling.surprise",
       [](json::object& o) {
         o["rope_scaling"] = json::object{{"type", "yarn"}, {"surprise", 1}};
       }},
      {"num_hidden_layers",  // more experts than memory has room for their names
       [](json::object& o) {
         o["num_hidden_layers"] = 10000;
         o["n_routed_experts"] = 65536;
       }},
      {"partial_rotary_factor",
       [](json::object& o) {
         o["partial_rotary_factor"] = 0.5;
         o["rope_scaling"] = json::object{{"type", "linear"}, {"factor", 2}};
       }},
      {"num_local_experts", [](json::object& o) { o["num_local_experts"] = 16; }},  // beside n_routed_experts
      {"index_topk", [](json::object& o) { o["index_topk"] = 2048; }},              // V3.2
      {"num_nextn_predict_layers", [](json::object& o) { o["num_nextn_predict_layers"] = 2; }},
  };
  for (const Case& c : cases) {
    json::object o = good();
    c.damage(o);
    const auto r = parse_deepseek_v3(o, "folder/config.json");
    ASSERT_FALSE(r.ok()) << c.field;
    EXPECT_EQ(r.error().message.rfind("folder/config.json: ", 0), 0u) << r.error().message;
    EXPECT_NE(r.error().message.find(std::string("\"") + c.field), std::string::npos) << r.error().message;
  }
}

// V2: a softmax router, chosen greedily or by groups, never normalised, without a correction bias.
TEST(DeepseekV3Config, ReadsV2) {
  json::object o = good();
  o["architectures"] = json::array{"DeepseekV2ForCausalLM"};
  o["scoring_func"] = "softmax";
  for (const char* method : {"greedy", "group_limited_greedy"}) {
    o["topk_method"] = method;
    const auto c = parse_deepseek_v2(o, "config.json");
    ASSERT_TRUE(c.ok()) << c.error().message;
    const MoeShape moe = c->moe();
    EXPECT_FALSE(moe.correction_bias);
    EXPECT_FALSE(moe.router.normalize);
    EXPECT_EQ(moe.router.groups, method == std::string("greedy") ? 1 : 4);
  }
  for (const auto& [field, value] : std::vector<std::pair<const char*, json::value>>{
           {"topk_method", "noaux_tc"}, {"scoring_func", "sigmoid"}, {"num_nextn_predict_layers", 1}}) {
    json::object damaged = o;
    damaged[field] = value;
    const auto r = parse_deepseek_v2(damaged, "folder/config.json");
    ASSERT_FALSE(r.ok()) << field;
    EXPECT_NE(r.error().message.find(field), std::string::npos) << r.error().message;
  }
}

// What a recipe leaves out is off; what a config.json leaves out is as in DeepseekV3Config, made for the 671B.
TEST(DeepseekV3Config, ARecipeAndAFolderLeaveOutDifferentThings) {
  json::object o = good();
  for (const char* name : {"q_lora_rank", "n_shared_experts", "n_group", "topk_group", "first_k_dense_replace"})
    o.erase(name);
  o["num_hidden_layers"] = 4;
  const auto folder = parse_deepseek_v3(o, "config.json"), recipe = parse_recipe_model(o, "recipe");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  ASSERT_TRUE(recipe.ok()) << recipe.error().message;
  EXPECT_EQ(folder->q_lora_rank, 1536);
  EXPECT_EQ(recipe->q_lora_rank, std::nullopt);
  EXPECT_EQ(folder->n_group, 8);
  EXPECT_EQ(recipe->n_group, 1);
  EXPECT_EQ(folder->first_k_dense_replace, 3);
  EXPECT_EQ(recipe->first_k_dense_replace, 0);
  EXPECT_EQ(folder->routed_scaling_factor, 2.5);
  EXPECT_EQ(recipe->routed_scaling_factor, 1);
  EXPECT_EQ(folder->n_shared_experts, 1);
  EXPECT_EQ(recipe->n_shared_experts, 0);
  o["surprise"] = 1;
  EXPECT_TRUE(parse_deepseek_v3(o, "config.json").ok());
  const auto unknown = parse_recipe_model(o, "recipe");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().message,
            "recipe: \"surprise\" is not a field this program knows for DeepseekV3ForCausalLM.");
}

TEST(DeepseekV3Config, BiasesPairsAndATiedHead) {
  json::object o = good();
  o["q_lora_rank"] = 8;
  o["attention_bias"] = true;
  o["rope_interleave"] = false;
  o["tie_word_embeddings"] = true;
  const auto c = parse_deepseek_v3(o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->attention().layout, kernels::RopeLayout::half);
  const DeepseekV3 model(*c, ops::Numerics::bf16);
  EXPECT_TRUE(model.info().tied_head);
  for (const char* name : {"q_a_proj", "kv_a_proj_with_mqa", "o_proj"})
    EXPECT_TRUE(model.parameters().find(fmt::format("model.layers.1.self_attn.{}.bias", name))) << name;
  for (const char* name : {"q_b_proj", "kv_b_proj"})
    EXPECT_FALSE(model.parameters().find(fmt::format("model.layers.1.self_attn.{}.bias", name))) << name;
  const auto again = parse_deepseek_v3(to_json(*c, "bfloat16"), "again");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->attention_bias && again->tie_word_embeddings && !again->rope_interleave);
  o["mlp_bias"] = true;
  EXPECT_FALSE(parse_deepseek_v3(o, "config.json").ok());
}

TEST(DeepseekV3Config, KnowsOneKindOfQuantisation) {
  json::object o = good();
  o["quantization_config"] = json::object{
      {"quant_method", "fp8"}, {"fmt", "e4m3"}, {"activation_scheme", "dynamic"}, {"weight_block_size", {128, 128}}};
  EXPECT_TRUE(parse_deepseek_v3(o, "config.json").ok());
  for (const auto& [field, value] : std::vector<std::pair<const char*, json::value>>{{"quant_method", "gptq"},
                                                                                     {"weight_block_size", {64, 64}},
                                                                                     {"fmt", "e5m2"},
                                                                                     {"weight_block_size", nullptr}}) {
    json::object damaged = o;
    damaged["quantization_config"].as_object()[field] = value;
    const auto r = parse_deepseek_v3(damaged, "folder/config.json");
    ASSERT_FALSE(r.ok()) << field;
    EXPECT_NE(r.error().message.find(std::string("quantization_config.") + field), std::string::npos)
        << r.error().message;
  }
}

// DeepSeek-V3's own dimensions give its published sizes:
// 671B parameters, 37B of them active, 11.5B of MTP less the copies.
TEST(DeepseekV3Config, CountsThePublishedParameters) {
  json::object o = good();
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, int64_t>>{{"vocab_size", 129280},
                                                              {"hidden_size", 7168},
                                                              {"intermediate_size", 18432},
                                                              {"moe_intermediate_size", 2048},
                                                              {"num_hidden_layers", 61},
                                                              {"num_attention_heads", 128},
                                                              {"q_lora_rank", 1536},
                                                              {"kv_lora_rank", 512},
                                                              {"qk_nope_head_dim", 128},
                                                              {"qk_rope_head_dim", 64},
                                                              {"v_head_dim", 128},
                                                              {"n_routed_experts", 256},
                                                              {"num_experts_per_tok", 8},
                                                              {"n_group", 8},
                                                              {"topk_group", 4},
                                                              {"first_k_dense_replace", 3},
                                                              {"num_nextn_predict_layers", 1}})
    o[name] = value;
  const auto c = parse_deepseek_v3(o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  const DeepseekV3 model(*c, ops::Numerics::bf16);
  const ParameterCount& n = model.info().parameters;
  EXPECT_NEAR(static_cast<double>(n.total), 671.0e9, 0.5e9);
  EXPECT_NEAR(static_cast<double>(n.active), 37.0e9, 1.0e9);
  EXPECT_NEAR(static_cast<double>(n.mtp), 11.6e9, 0.3e9);
}

}  // namespace
}  // namespace jamsu::models

// hidden_act in every family, by every name that transformers has for the functions that are computed here.
#include "models/config/activation.h"

#include <gtest/gtest.h>

#include "models/config/deepseek_v3.h"
#include "models/config/llama.h"
#include "models/config/minimax.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;
using ops::Activation;

json::object with(const char* text, const char* name) {
  json::object o = json::parse(text).as_object();
  if (name) o["hidden_act"] = name;
  return o;
}
constexpr const char* kLlama = R"({"vocab_size": 97, "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256,
    "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16})";
constexpr const char* kDeepseek = R"({"vocab_size": 97, "hidden_size": 64, "intermediate_size": 32,
    "moe_intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
    "q_lora_rank": null, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1})";
constexpr const char* kMiniMax = R"({"vocab_size": 97, "hidden_size": 64, "intermediate_size": 32,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "num_local_experts": 4, "num_experts_per_tok": 2})";

TEST(HiddenAct, EveryNameInEveryFamily) {
  const std::pair<const char*, Activation> names[] = {{nullptr, Activation::silu},
                                                      {"silu", Activation::silu},
                                                      {"swish", Activation::silu},
                                                      {"gelu", Activation::gelu},
                                                      {"gelu_python", Activation::gelu},
                                                      {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                      {"gelu_new", Activation::gelu_tanh},
                                                      {"gelu_fast", Activation::gelu_tanh},
                                                      {"gelu_accurate", Activation::gelu_tanh},
                                                      {"gelu_python_tanh", Activation::gelu_tanh},
                                                      {"relu", Activation::relu}};
  for (const auto& [name, f] : names) {
    for (const LlamaKind kind :
         {LlamaKind::llama, LlamaKind::qwen2, LlamaKind::qwen3, LlamaKind::qwen3_moe, LlamaKind::hyperclovax}) {
      json::object o = with(kLlama, name);
      if (kind != LlamaKind::qwen3_moe)
        for (const char* of_experts : {"num_experts", "num_experts_per_tok", "moe_intermediate_size"})
          o.erase(of_experts);
      const auto c = parse_llama(kind, o, "c");
      ASSERT_TRUE(c.ok()) << c.error().message;
      EXPECT_EQ(c->activation, f);
      EXPECT_EQ(c->moe().activation, f);
    }
    const auto v3 = parse_deepseek_v3(with(kDeepseek, name), "c"), v2 = parse_deepseek_v2(with(kDeepseek, name), "c");
    ASSERT_TRUE(v3.ok()) << v3.error().message;
    ASSERT_TRUE(v2.ok()) << v2.error().message;
    EXPECT_EQ(v3->moe().activation, f);
    EXPECT_EQ(v2->activation, f);
    for (const MiniMaxKind kind : {MiniMaxKind::text01, MiniMaxKind::m2}) {
      const auto c = parse_minimax(kind, with(kMiniMax, name), "c");
      ASSERT_TRUE(c.ok()) << c.error().message;
      EXPECT_EQ(c->moe().activation, f);
      EXPECT_EQ(c->lightning(1).activation, f);
    }
    // What is trained here is written, and read again as the same.
    const json::object written = to_json(*v3, "bfloat16");
    EXPECT_EQ(written.at("hidden_act"), activation_name(f));
    EXPECT_EQ(parse_deepseek_v3(written, "c")->activation, f);
  }
}

TEST(HiddenAct, OthersAreRefusedByName) {
  for (const char* name : {"quick_gelu", "gelu_10", "mish", "relu2", ""}) {
    const auto c = parse_deepseek_v3(with(kDeepseek, name), "config.json");
    ASSERT_FALSE(c.ok()) << name;
    EXPECT_NE(c.error().message.find("config.json: \"hidden_act\" = \""), std::string::npos) << c.error().message;
  }
}

}  // namespace
}  // namespace jamsu::models

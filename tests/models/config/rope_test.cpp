// What config.json says of the rotation: every type, every place, and what is refused.
#include "models/config/rope.h"

#include <gtest/gtest.h>

#include "models/llama.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;
using ops::RopeScaling;

json::object with(const char* name, const char* value) {
  json::object o = json::parse(R"({"vocab_size": 97, "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 1,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256})")
                       .as_object();
  o[name] = json::parse(value);
  return o;
}
Result<LlamaConfig> parse(const char* name, const char* value) {
  return parse_llama(LlamaKind::qwen3, with(name, value), "config.json");
}

TEST(RopeFields, EveryTypeAsTransformersWritesIt) {
  struct Case {
    const char* value;
    RopeScaling scaling;
    double factor, original;
  };
  const Case cases[] = {
      {R"({"rope_type": "default", "rope_theta": 1e6})", RopeScaling::none, 1, 0},
      {R"({"rope_theta": 1e6})", RopeScaling::none, 1, 0},
      {R"({"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6})", RopeScaling::linear, 2, 0},
      {R"({"rope_type": "dynamic", "factor": 3, "rope_theta": 1e6})", RopeScaling::dynamic, 3, 256},
      {R"({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 1e6})",
       RopeScaling::yarn, 4, 64},
      // The class's own: as long as the context, and the ratio of both where the factor is null.
      {R"({"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6})", RopeScaling::yarn, 4, 256},
      {R"({"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 32, "rope_theta": 1e6})",
       RopeScaling::yarn, 8, 32},
      {R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
           "original_max_position_embeddings": 64, "rope_theta": 1e6})",
       RopeScaling::llama3, 8, 64},
      // Without a factor: the ratio of both lengths.
      {R"({"rope_type": "longrope", "short_factor": [1,1,1,1,1,1,1,1], "long_factor": [1,2,3,4,5,6,7,8.5],
           "original_max_position_embeddings": 64, "rope_theta": 1e6})",
       RopeScaling::longrope, 4, 64},
      {R"({"type": "su", "short_factor": [1,1,1,1,1,1,1,1], "long_factor": [1,2,3,4,5,6,7,8.5], "factor": 32,
           "original_max_position_embeddings": 64, "rope_theta": 1e6})",
       RopeScaling::longrope, 32, 64}};
  for (const Case& c : cases) {
    const auto got = parse("rope_parameters", c.value);
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->rope().scaling, c.scaling) << c.value;
    EXPECT_EQ(got->rope().factor, c.factor) << c.value;
    EXPECT_EQ(got->rope().original_context, c.original) << c.value;
    EXPECT_EQ(got->rope().theta, 1e6) << c.value;
    EXPECT_EQ(got->rope().width, 16) << c.value;
  }
}

TEST(RopeFields, YarnsOwn) {
  const auto all = parse("rope_scaling", R"({"type": "yarn", "factor": 4, "beta_fast": 16, "beta_slow": 2,
      "mscale": 0.5, "mscale_all_dim": 0, "attention_factor": 1.5, "truncate": false, "attn_factor": 1,
      "extrapolation_factor": 1, "finetuned": true, "original_max_position_embeddings": 32})");
  ASSERT_TRUE(all.ok()) << all.error().message;
  const ops::RopeConfig r = all->rope();
  EXPECT_EQ(r.beta_fast, 16);
  EXPECT_EQ(r.beta_slow, 2);
  EXPECT_EQ(r.attention_factor, 1.5);
  EXPECT_FALSE(r.truncate);
  EXPECT_FALSE(r.has_mscale);
  // Outside of the object, as Phi-3 has it.
  json::object o = with("rope_scaling", R"({"type": "yarn", "factor": 4})");
  o["original_max_position_embeddings"] = 16;
  EXPECT_EQ(parse_llama(LlamaKind::qwen3, o, "c")->rope().original_context, 16);
  o["rope_scaling"].as_object()["original_max_position_embeddings"] = 32;
  EXPECT_FALSE(parse_llama(LlamaKind::qwen3, o, "c").ok());
}

// As Phi-3 writes it: the length trained on stands outside, and the context is another one.
TEST(RopeFields, LongropesOwn) {
  json::object o = with("rope_scaling", R"({"type": "longrope", "short_factor": [1, 1.0, 1, 1, 1, 1, 1.5, 2],
      "long_factor": [1, 2, 3, 4, 5, 6, 7, 8.5], "attention_factor": null})");
  o["original_max_position_embeddings"] = 32;
  const auto c = parse_llama(LlamaKind::qwen3, o, "config.json");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->rope().short_factor, (std::vector<double>{1, 1, 1, 1, 1, 1, 1.5, 2}));
  EXPECT_EQ(c->rope().long_factor, (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8.5}));
  EXPECT_EQ(c->rope().factor, 8);
  EXPECT_EQ(c->rope().attention_factor, std::nullopt);
  EXPECT_EQ(c->rope_scaling->context(256), 256);
  EXPECT_EQ(c->rope_scaling->same_up_to(256), 32);
  o["rope_scaling"].as_object()["attention_factor"] = 1.19;
  EXPECT_EQ(parse_llama(LlamaKind::qwen3, o, "c")->rope().attention_factor, 1.19);
  // No length that was trained on is the context's: the long factors are never used within it.
  o.erase("original_max_position_embeddings");
  EXPECT_EQ(parse_llama(LlamaKind::qwen3, o, "c")->rope_scaling->same_up_to(256), 256);
  EXPECT_EQ(parse_llama(LlamaKind::qwen3, o, "c")->rope().factor, 1);
}

// It is written and read again as the same (a trained model's config.json).
TEST(RopeFields, WrittenAndReadAgain) {
  for (const char* value :
       {R"({"type": "linear", "factor": 2})", R"({"type": "dynamic", "factor": 3})",
        R"({"type": "yarn", "factor": 4, "truncate": false, "attention_factor": 1.5, "mscale": 1, "beta_slow": 2})",
        R"({"type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4})",
        R"({"type": "su", "short_factor": [1,1,1,1,1,1,1,1.1], "long_factor": [1,2,3,4,5,6,7,8.5],
            "original_max_position_embeddings": 96})"}) {
    const auto first = parse("rope_scaling", value);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const std::string written = json::serialize(to_json(*first->rope_scaling));
    const auto second = parse("rope_scaling", written.c_str());
    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(json::serialize(to_json(*second->rope_scaling)), written);
    EXPECT_EQ(second->rope().truncate, first->rope().truncate);
    EXPECT_EQ(second->rope().long_factor, first->rope().long_factor);
    EXPECT_EQ(second->rope().factor, first->rope().factor);
    EXPECT_EQ(second->rope().attention_factor, first->rope().attention_factor);
    EXPECT_EQ(second->rope().original_context, first->rope().original_context);
  }
}

TEST(RopeFields, WhatIsRefusedNamesItsPlace) {
  const struct {
    const char *name, *value, *field;
  } cases[] = {
      {"rope_parameters", R"({"rope_type": "default", "surprise": 1})", "rope_parameters.surprise"},
      {"rope_parameters", R"({"rope_type": "default", "factor": 8})", "rope_parameters.factor"},
      {"rope_parameters", R"({"rope_type": "default", "rope_theta": "x"})", "rope_parameters.rope_theta"},
      {"rope_parameters", R"({"rope_type": "default", "partial_rotary_factor": 2})",
       "rope_parameters.partial_rotary_factor"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1], "long_factor": [1]})",
       "rope_parameters.short_factor"},
      {"rope_scaling", R"({"type": "su", "short_factor": [1,1,1,1,1,1,1,1], "long_factor": [1,1,1,1,1,1,1,1,1]})",
       "rope_scaling.long_factor"},
      {"rope_scaling", R"({"type": "longrope", "short_factor": [1,1,1,1,1,1,1,1]})", "rope_scaling.long_factor"},
      {"rope_parameters", R"({"rope_type": "longrope", "long_factor": [1,1,1,1,1,1,1,1], "factor": 4})",
       "rope_parameters.short_factor"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": 1, "long_factor": [1,1,1,1,1,1,1,1]})",
       "rope_parameters.short_factor"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1,1,1,1,1,1,1,1], "long_factor": []})",
       "rope_parameters.long_factor"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1,1,0,1,1,1,1,1]})",
       "rope_parameters.short_factor[2]\" = 0 is not a number"},
      {"rope_parameters", R"({"rope_type": "longrope", "long_factor": [1,1,1,1,1,1,1,-4.5]})",
       "rope_parameters.long_factor[7]\" = -4.5E0 is not a number"},
      {"rope_parameters", R"({"rope_type": "longrope", "long_factor": ["1",1,1,1,1,1,1,1]})",
       "rope_parameters.long_factor[0]\" = \"1\" is not a number"},
      {"rope_parameters", R"({"rope_type": "longrope", "long_factor": [1,null,1,1,1,1,1,1]})",
       "rope_parameters.long_factor[1]\" = null is not a number"},
      {"rope_parameters", R"({"rope_type": "longrope", "long_factor": [1,1e300,1,1,1,1,1,1]})",
       "rope_parameters.long_factor[1]"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1,1,1,1,1,1,1,1],
          "long_factor": [1,1,1,1,1,1,1,1], "original_max_position_embeddings": 1, "factor": 2})",
       "rope_parameters.original_max_position_embeddings"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1,1,1,1,1,1,1,1],
          "long_factor": [1,1,1,1,1,1,1,1], "original_max_position_embeddings": 0})",
       "rope_parameters.original_max_position_embeddings"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1,1,1,1,1,1,1,1],
          "long_factor": [1,1,1,1,1,1,1,1], "attention_factor": "big"})",
       "rope_parameters.attention_factor"},
      {"rope_parameters", R"({"rope_type": "longrope", "short_factor": [1,1,1,1,1,1,1,1],
          "long_factor": [1,1,1,1,1,1,1,1], "mscale_all_dim": 1})",
       "rope_parameters.mscale_all_dim"},
      {"rope_parameters", R"({"rope_type": "yarn", "factor": 4, "long_factor": [1,1,1,1,1,1,1,1]})",
       "rope_parameters.long_factor"},
      {"rope_parameters", R"({"rope_type": "proportional"})", "rope_parameters.rope_type"},
      {"rope_parameters", R"({"rope_type": "linear"})", "rope_parameters.factor"},
      {"rope_parameters", R"({"rope_type": "dynamic"})", "rope_parameters.factor"},
      {"rope_parameters", R"({"rope_type": "linear", "factor": 2, "attention_factor": 1.5})",
       "rope_parameters.attention_factor"},
      {"rope_parameters", R"({"rope_type": "yarn", "factor": 2, "attn_factor": 1.5})", "rope_parameters.attn_factor"},
      {"rope_parameters", R"({"rope_type": "yarn", "factor": 2, "truncate": 1})", "rope_parameters.truncate"},
      {"rope_parameters", R"({"full_attention": {"rope_type": "default"}})", "rope_parameters.full_attention"},
      {"rope_parameters", "[]", "rope_parameters"},
      {"rope_theta", "1", "rope_theta"},
      {"rope_parameters", R"({"rope_type": "linear", "factor": 2, "partial_rotary_factor": 0.5})",
       "rope_parameters.partial_rotary_factor"},
      {"partial_rotary_factor", "-1", "partial_rotary_factor"},
  };
  for (const auto& c : cases) {
    const auto got = parse(c.name, c.value);
    ASSERT_FALSE(got.ok()) << c.value;
    EXPECT_NE(got.error().message.find(std::string("config.json: \"") + c.field), std::string::npos)
        << got.error().message;
  }
}

// Llama's and Qwen's classes turn the whole head by "default", whatever the factor says; MiniMax-M2's a part of it.
TEST(RopeFields, APartOfTheHeadWhereTheClassKnowsOne) {
  const auto qwen = parse("partial_rotary_factor", "0.5");
  ASSERT_TRUE(qwen.ok()) << qwen.error().message;
  EXPECT_EQ(qwen->rope().width, 16);
  EXPECT_EQ(qwen->read_over, std::vector<std::string>{"\"partial_rotary_factor\" = 5E-1"});
  EXPECT_EQ(*rotated_width(0.5, 16, "c"), 8);
  EXPECT_EQ(*rotated_width(std::nullopt, 16, "c"), 16);
  for (const double share : {0.1, 0.32})  // no pair; five columns
    EXPECT_NE(rotated_width(share, 16, "c").error().message.find("partial_rotary_factor"), std::string::npos);
}

// Positions of pictures (Qwen2-VL's mrope) are those of text in all sections.
TEST(RopeFields, WhatSaysNothingToATypeIsReadOver) {
  for (const char* value :
       {R"({"rope_type": "default", "mrope_section": [16, 24, 24], "rope_theta": 1e6})",
        R"({"rope_type": "default", "original_max_position_embeddings": 64, "factor": 1.0})",
        R"({"rope_type": "linear", "factor": 2, "original_max_position_embeddings": 64, "beta_fast": null})"})
    EXPECT_TRUE(parse("rope_parameters", value).ok()) << parse("rope_parameters", value).error().message;
}

}  // namespace
}  // namespace jamsu::models

// Weights that do not fit their config: each kind is an error that names file and tensor.
#include "models/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/faults.h"
#include "base/math.h"
#include "models/left_out.h"
#include "models/open.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

class SetWeights : public ::testing::Test {
 protected:
  SetWeights() {
    const json::object config{{"architectures", json::array{"LlamaForCausalLM"}},
                              {"vocab_size", 7},
                              {"hidden_size", 130},
                              {"intermediate_size", 16},
                              {"num_hidden_layers", 1},
                              {"num_attention_heads", 13},
                              {"max_position_embeddings", 8}};
    auto model = create_model(config, {}, ops::Numerics::bf16, "config.json");
    EXPECT_TRUE(model.ok()) << model.error().message;
    model_ = *model;
    for (const autograd::Parameter& p : model_->parameters().all()) {
      Tensor t = Tensor::zeros(p.shape, DType::bf16, runtime_.memory());
      tensors_.emplace(p.name, t);
    }
    good_ = tensors_;
    Tensor fp8 = Tensor::zeros({130, 130}, DType::f8_e4m3, runtime_.memory());
    good_[kQ] = fp8;
    good_[kScales] = scales({2, 2}, 0.5f);
  }
  Tensor scales(Shape shape, float value) {
    Tensor t = Tensor::empty(shape, DType::f32, runtime_.memory());
    std::fill_n(t.f32(), t.elements(), value);
    return t;
  }
  Status set(const NamedTensors& tensors, ops::Packs packs = ops::Packs::forward) {
    return set_weights(*model_, tensors, packs, runtime_.context(), "folder/model.safetensors");
  }
  struct Case {
    const char *name, *message;
    std::function<void(NamedTensors&)> damage;
  };
  void expect_misfits(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
      NamedTensors tensors = good_;
      c.damage(tensors);
      const Status s = set(tensors);
      ASSERT_FALSE(s.ok()) << c.name;
      EXPECT_EQ(s.error().message.rfind("folder/model.safetensors: tensor", 0), 0u) << s.error().message;
      EXPECT_NE(s.error().message.find(c.message), std::string::npos) << c.name << ": " << s.error().message;
    }
  }

  static constexpr const char *kQ = "model.layers.0.self_attn.q_proj.weight",
                              *kScales = "model.layers.0.self_attn.q_proj.weight_scale_inv";
  ops::Runtime runtime_{1, kernels::best_isa(), ops::Numerics::bf16};
  std::shared_ptr<Model> model_;
  NamedTensors tensors_, good_;  // bf16; with one FP8 matrix
};

TEST_F(SetWeights, TakesBf16AndFp8) {
  EXPECT_TRUE(set(tensors_).ok());
  const Status s = set(good_);
  EXPECT_TRUE(s.ok()) << (s ? "" : s.error().message);
}

TEST_F(SetWeights, EveryMisfitNamesFileAndTensor) {
  const auto tensor = [&](Shape shape, DType dtype) { return Tensor::zeros(shape, dtype, runtime_.memory()); };
  const std::vector<Case> cases = {
      {"missing", "\"model.norm.weight\" is missing", [](auto& t) { t.erase("model.norm.weight"); }},
      {"shape", "shape [131] where config.json implies [130]",
       [&](auto& t) { t["model.norm.weight"] = tensor({131}, DType::f32); }},
      {"dtype", "dtype I32 is not F32, BF16 or F16",
       [&](auto& t) { t["model.norm.weight"] = tensor({130}, DType::i32); }},
      {"superfluous", "\"surprise\" belongs to no parameter",
       [&](auto& t) { t["surprise"] = tensor({1}, DType::f32); }},
      {"scales missing", "scales \"model.layers.0.self_attn.q_proj.weight_scale_inv\" are missing",
       [](auto& t) { t.erase(kScales); }},
      {"scales of another shape", "blocks of 128 x 128",
       [&](auto& t) {
         t[kScales] = scales({2, 1}, 1);
       }},
      {"scales of another type", "dtype I32 is not F32, BF16, F16 or F8_E8M0",
       [&](auto& t) {
         t[kScales] = tensor({2, 2}, DType::i32);
       }},
      {"scale zero in BF16", "scale 0 is 0",
       [&](auto& t) {
         t[kScales] = tensor({2, 2}, DType::bf16);
       }},
      {"scale NaN in a byte", "scale 1 is nan",
       [&](auto& t) {
         t[kScales] = tensor({2, 2}, DType::f8_e8m0);
         t[kScales].raw()[1] = std::byte{0xFF};
       }},
      {"matrix in F64", "dtype F64 is not F32, BF16 or F16",
       [&](auto& t) {
         t[kQ] = tensor({130, 130}, DType::f64);
       }},
      {"emptied", "shape [0] where config.json implies [130] (saved before its parts were gathered?)",
       [&](auto& t) { t["model.norm.weight"] = tensor({0}, DType::f32); }},
      {"bias of one value a head", "\"model.layers.0.self_attn.attn.bias\" belongs to no parameter",
       [&](auto& t) { t["model.layers.0.self_attn.attn.bias"] = tensor({13}, DType::f32); }},
      {"head missing", "\"lm_head.weight\" is missing, and config.json does not say that the embedding is the head",
       [](auto& t) { t.erase("lm_head.weight"); }},
      {"scale zero", "scale 0 is 0",
       [&](auto& t) {
         t[kScales] = scales({2, 2}, 0);
       }},
      {"scale NaN", "scale 0 is nan",
       [&](auto& t) {
         t[kScales] = scales({2, 2}, NAN);
       }},
      {"scale infinite", "scale 0 is inf",
       [&](auto& t) {
         t[kScales] = scales({2, 2}, INFINITY);
       }},
      {"scale negative", "scale 3 is -1, not a positive number",
       [&](auto& t) {
         t[kScales] = scales({2, 2}, 1);
         t[kScales].f32()[3] = -1;
       }},
      {"scales of nothing", "\"model.layers.0.self_attn.q_proj.weight_scale_inv\" belongs to no parameter",
       [&](auto& t) { t[kQ] = tensors_.at(kQ); }},
      {"FP8 norm", "\"model.norm.weight\": dtype F8_E4M3",
       [&](auto& t) { t["model.norm.weight"] = tensor({130}, DType::f8_e4m3); }},
  };
  expect_misfits(cases);
  const Status training = set(good_, ops::Packs::forward_and_backward);
  ASSERT_FALSE(training.ok());
  EXPECT_NE(training.error().message.find("not trained on"), std::string::npos) << training.error().message;
}

TEST_F(SetWeights, WhatBelongsToSomethingElseIsNamed) {
  const auto tensor = [&](Shape shape, DType dtype) { return Tensor::zeros(shape, dtype, runtime_.memory()); };
  expect_misfits({
      {"adapter", "belongs to no parameter of LlamaForCausalLM (a part of an adapter that was not merged",
       [&](auto& t) {
         t["model.layers.0.self_attn.q_proj.lora_A.weight"] = tensor({8, 130}, DType::f32);
       }},
      {"head that scores", "\"v_head.summary.weight\" belongs to no parameter of LlamaForCausalLM (a head that scores",
       [&](auto& t) {
         t["v_head.summary.weight"] = tensor({1, 130}, DType::f32);
       }},
      {"eyes", "(a part of a model that sees",
       [&](auto& t) { t["visual.patch_embed.weight"] = tensor({1}, DType::f32); }},
      {"GPTQ",
       "\"model.layers.0.self_attn.q_proj.weight\" is missing; there is \"model.layers.0.self_attn.q_proj.qweight\" "
       "(weights quantized by GPTQ",
       [&](auto& t) {
         t.erase(kQ);
         t["model.layers.0.self_attn.q_proj.qweight"] = tensor({16, 130}, DType::i32);
       }},
  });
}

// Scales in any of their dtypes are the same numbers.
TEST_F(SetWeights, ScalesOfAnyDtypeAreTheSameValues) {
  const std::vector<float> values = {0.5f, 2, 1, 0.25f};  // what a byte of exponent can say too
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::f8_e8m0}) {
    Tensor t = Tensor::empty({2, 2}, dtype, runtime_.memory());
    for (int64_t i = 0; i < 4; ++i) {
      const float x = values[static_cast<size_t>(i)];
      if (dtype == DType::f32) t.f32()[i] = x;
      if (dtype == DType::bf16) t.bf16()[i] = static_cast<uint16_t>(f32_to_bf16(x));
      if (dtype == DType::f16)
        reinterpret_cast<uint16_t*>(t.raw())[i] = static_cast<uint16_t>((std::ilogb(x) + 15) << 10);
      if (dtype == DType::f8_e8m0) t.raw()[i] = static_cast<std::byte>(std::ilogb(x) + 127);
    }
    NamedTensors tensors = good_;
    tensors[kScales] = t;
    const Status s = set(tensors);
    ASSERT_TRUE(s.ok()) << s.error().message;
    const Tensor& got = model_->parameters().find(kQ)->weight.scales;
    for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(got.f32()[i], values[static_cast<size_t>(i)]) << dtype_name(dtype);
  }
}

TEST_F(SetWeights, ConstantsAreLeftOutWhateverTheirDtype) {
  NamedTensors tensors = good_;
  const std::string layer = "model.layers.0.self_attn.";
  tensors[layer + "rotary_emb.inv_freq"] = Tensor::zeros({5}, DType::f64, runtime_.memory());
  tensors[layer + "rotary_emb.cos_cached"] = Tensor::zeros({1, 1, 8, 10}, DType::f32, runtime_.memory());
  tensors[layer + "attn.bias"] = Tensor::zeros({1, 1, 8, 8}, DType::boolean, runtime_.memory());
  tensors[layer + "attn.masked_bias"] = Tensor::zeros({}, DType::f16, runtime_.memory());
  tensors[layer + "slope_rate"] = Tensor::zeros({13, 1, 1}, DType::f32, runtime_.memory());
  tensors[layer + "k_scale"] = Tensor::zeros({}, DType::f32, runtime_.memory());
  tensors["model.embeddings.position_ids"] = Tensor::zeros({1, 8}, DType::i64, runtime_.memory());
  tensors["nothing"] = Tensor::zeros({0, 7}, DType::c64, runtime_.memory());
  const Status s = set(tensors);
  EXPECT_TRUE(s.ok()) << (s ? "" : s.error().message);
  const auto said = left_out(*model_, tensors);
  ASSERT_EQ(said.size(), 5u);  // rotary tables, masks, decays, scales of caches, tensors without values
  EXPECT_EQ(
      std::count(said.begin(), said.end(),
                 "2 tensors (\"model.layers.0.self_attn.rotary_emb.cos_cached\" is the first) are left out: rotary "
                 "tables, which are computed"),
      1)
      << said[0];
  EXPECT_TRUE(left_out(*model_, good_).empty());
}

// A file without padding: the values are those of one that has it.
TEST_F(SetWeights, ValuesAtOddBytesAreRead) {
  NamedTensors odd;
  for (const auto& [name, tensor] : good_) {
    const Tensor memory = Tensor::zeros({tensor.bytes() + 1}, DType::u8, runtime_.memory());
    std::memcpy(memory.raw() + 1, tensor.raw(), static_cast<size_t>(tensor.bytes()));
    odd[name] = Tensor::view_of(std::shared_ptr<std::byte>(memory.raw(), [memory](std::byte*) {}), memory.raw() + 1,
                                tensor.shape(), tensor.dtype());
    EXPECT_EQ(odd[name].aligned(), dtype_bytes(tensor.dtype()) == 1) << name;
  }
  const Status s = set(odd);
  ASSERT_TRUE(s.ok()) << s.error().message;
  for (const autograd::Parameter& p : model_->parameters().all()) {
    const Tensor& used = p.weight.format ? p.weight.rows : p.values;
    if (used.defined()) {
      EXPECT_TRUE(used.aligned()) << p.name;
    }
  }
}

TEST_F(SetWeights, ATiedConfigWithAnotherHeadUsesIt) {
  NamedTensors tensors = tensors_;
  const auto tied_config = [] {
    return json::object{{"architectures", json::array{"LlamaForCausalLM"}},
                        {"vocab_size", 7},
                        {"hidden_size", 130},
                        {"intermediate_size", 16},
                        {"num_hidden_layers", 1},
                        {"num_attention_heads", 13},
                        {"max_position_embeddings", 8},
                        {"tie_word_embeddings", true}};
  };
  const auto tied = [&] {
    return (*create_model(tied_config(), tensors, ops::Numerics::bf16, "config.json"))->info().tied_head;
  };
  EXPECT_TRUE(tied());  // an equal copy
  Tensor& head = tensors.at("lm_head.weight");
  head = Tensor::zeros({7, 130}, DType::bf16, runtime_.memory());
  EXPECT_TRUE(tied());
  head.bf16()[7 * 130 - 1] = 0x3F80;
  EXPECT_FALSE(tied());
  head = Tensor::zeros({0}, DType::bf16, runtime_.memory());  // a place holder
  EXPECT_TRUE(tied());
  tensors.erase("lm_head.weight");
  EXPECT_TRUE(tied());
  // The head alone: the embedding too.
  const Tensor table = tensors.extract("model.embed_tokens.weight").mapped();
  tensors["lm_head.weight"] = table;
  const auto model = create_model(tied_config(), tensors, ops::Numerics::bf16, "config.json");
  ASSERT_TRUE(model.ok()) << model.error().message;
  const Status s = set_weights(**model, tensors, ops::Packs::forward, runtime_.context(), "x");
  EXPECT_TRUE(s.ok()) << (s ? "" : s.error().message);
  EXPECT_TRUE(left_out(**model, by_parameter_names(**model, tensors, [](auto) { return "x"; })->tensors).empty());
}

// Qwen3-Embedding: a decoder saved without its head's class.
TEST(named_tensors, names_without_model_in_front_get_it) {
  Allocator memory;
  const test::Folder folder;
  const Tensor t = Tensor::zeros({2}, DType::f32, memory);
  ASSERT_TRUE(formats::write_safetensors(folder / "model.safetensors",
                                         {{"embed_tokens.weight", t}, {"norm.weight", t}, {"lm_head.weight", t}})
                  .ok());
  const auto files = formats::Safetensors::open_folder(folder.path());
  ASSERT_TRUE(files.ok());
  std::vector<std::string> names;
  for (const auto& [name, tensor] : named_tensors(*files)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"}));
  EXPECT_EQ(files_of(*files)("model.norm.weight"), folder / "model.safetensors");
}

}  // namespace
}  // namespace jamsu::models

// Weights that do not fit their config: each kind is an error that names file and tensor.
#include "models/load.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

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
  struct Case {
    const char *name, *message;
    std::function<void(NamedTensors&)> damage;
  };
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
      {"scales of another type", "dtype BF16 is not F32",
       [&](auto& t) {
         t[kScales] = tensor({2, 2}, DType::bf16);
       }},
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
  for (const Case& c : cases) {
    NamedTensors tensors = good_;
    c.damage(tensors);
    const Status s = set(tensors);
    ASSERT_FALSE(s.ok()) << c.name;
    EXPECT_EQ(s.error().message.rfind("folder/model.safetensors: tensor", 0), 0u) << s.error().message;
    EXPECT_NE(s.error().message.find(c.message), std::string::npos) << c.name << ": " << s.error().message;
  }
  const Status training = set(good_, ops::Packs::forward_and_backward);
  ASSERT_FALSE(training.ok());
  EXPECT_NE(training.error().message.find("not trained on"), std::string::npos) << training.error().message;
}

}  // namespace
}  // namespace jamsu::models

// The experts of a layer in one tensor, as transformers 5 holds them: the same weights by the names of single ones.
#include "models/fused_experts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstring>

#include "base/rng.h"
#include "models/load.h"
#include "models/open.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

json::object config_of(const char* architecture) {
  json::object o = json::parse(R"({"vocab_size": 50, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
      "num_experts": 3, "num_local_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 16})")
                       .as_object();
  o["architectures"] = json::array{architecture};
  return o;
}

class FusedExperts : public ::testing::Test {
 protected:
  void open(json::object config) {
    auto model = create_model(config, {}, ops::Numerics::f32, "config.json");
    ASSERT_TRUE(model.ok()) << model.error().message;
    model_ = *model;
    for (const autograd::Parameter& p : model_->parameters().all()) {
      Tensor t = runtime_.context().empty(p.shape);
      RandomStream random(5, static_cast<uint64_t>(p.id + 1), Purpose::test);
      for (int64_t i = 0; i < t.elements(); ++i) t.f32()[i] = static_cast<float>(random.uniform()) - 0.5f;
      single_.insert_or_assign(p.name, t);
    }
  }
  // Rows of several matrices, one under the other, as [count, rows / count, columns].
  Tensor stack(const std::vector<Tensor>& parts, int64_t count) {
    int64_t rows = 0;
    for (const Tensor& t : parts) rows += t.dim(0);
    Tensor all = Tensor::empty({count, rows / count, parts.front().dim(1)}, parts.front().dtype(), runtime_.memory());
    std::byte* at = all.raw();
    for (const Tensor& t : parts) {
      std::memcpy(at, t.raw(), static_cast<size_t>(t.bytes()));
      at += t.bytes();
    }
    return all;
  }
  // `single_` with the experts of both layers fused. `gate`, `up`, `down`: the model's names of an expert's parts.
  NamedTensors fused(const std::string& moe, const char* gate, const char* up, const char* down) {
    NamedTensors all = single_;
    for (int layer = 0; layer < 2; ++layer) {
      const std::string prefix = fmt::format("model.layers.{}.{}.experts.", layer, moe);
      std::vector<Tensor> gate_up, downs;
      for (int e = 0; e < 3; ++e)
        for (const char* part : {gate, up, down}) {
          const std::string name = fmt::format("{}{}.{}.weight", prefix, e, part);
          (part == down ? downs : gate_up).push_back(all.at(name));
          all.erase(name);
        }
      const std::string to = fmt::format("model.layers.{}.mlp.experts.", layer);
      all.emplace(to + "gate_up_proj", stack(gate_up, 3));
      all.emplace(to + "down_proj", stack(downs, 3));
    }
    return all;
  }
  Tensor logits(const NamedTensors& tensors) {
    const Status set = set_weights(*model_, tensors, ops::Packs::forward, runtime_.context(), "file");
    EXPECT_TRUE(set.ok()) << (set ? "" : set.error().message);
    SequenceState state(model_->state_layout(CachePolicy::expanded), runtime_.memory());
    state.reserve(5);
    const std::vector<int32_t> tokens = {3, 1, 4, 1, 5};
    const Segment segment{0, 5, 0, &state};
    ForwardContext c(runtime_.context());
    return model_->logits(model_->hidden({tokens, {&segment, 1}, {}}, c), c).tensor;
  }
  std::string error(const NamedTensors& tensors) {
    const Status set = set_weights(*model_, tensors, ops::Packs::forward, runtime_.context(), "file");
    return set ? "" : set.error().message;
  }

  ops::Runtime runtime_{1, kernels::best_isa(), ops::Numerics::f32};
  std::shared_ptr<Model> model_;
  NamedTensors single_;
};

void expect_same(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_EQ(std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())), 0);
}

TEST_F(FusedExperts, OfQwenAreTheSingleOnes) {
  open(config_of("Qwen3MoeForCausalLM"));
  const Tensor want = logits(single_);
  const NamedTensors tensors = fused("mlp", "gate_proj", "up_proj", "down_proj");
  EXPECT_TRUE(holds_fused_experts(model_->parameters(), tensors));
  EXPECT_FALSE(holds_fused_experts(model_->parameters(), single_));
  expect_same(logits(tensors), want);
}

// transformers 5 also says mlp for block_sparse_moe.
TEST_F(FusedExperts, OfMiniMaxAreUnderItsOwnNames) {
  open(config_of("MiniMaxM2ForCausalLM"));
  const Tensor want = logits(single_);
  NamedTensors tensors = fused("block_sparse_moe", "w1", "w3", "w2");
  for (int layer = 0; layer < 2; ++layer)
    for (const char* name : {"gate.weight", "e_score_correction_bias"}) {
      auto node = tensors.extract(fmt::format("model.layers.{}.block_sparse_moe.{}", layer, name));
      ASSERT_FALSE(node.empty()) << name;
      node.key() = fmt::format("model.layers.{}.mlp.{}", layer, name);
      tensors.insert(std::move(node));
    }
  expect_same(logits(tensors), want);
}

TEST_F(FusedExperts, MisfitsNameTheTensorOfTheFile) {
  open(config_of("Qwen3MoeForCausalLM"));
  const NamedTensors good = fused("mlp", "gate_proj", "up_proj", "down_proj");
  const std::string name = "model.layers.1.mlp.experts.gate_up_proj";
  NamedTensors bad = good;
  bad.at(name) = Tensor::zeros({3, 24, 32}, DType::f32, runtime_.memory());  // turned around
  EXPECT_EQ(error(bad).rfind("file: tensor \"" + name + "\": shape [3, 24, 32]", 0), 0u) << error(bad);
  EXPECT_NE(error(bad).find("[3, 32, 24]"), std::string::npos) << error(bad);
  bad = good;
  bad.emplace("model.layers.1.mlp.experts.2.up_proj.weight", single_.at("model.layers.1.mlp.experts.2.up_proj.weight"));
  EXPECT_NE(error(bad).find("model.layers.1.mlp.experts.2.up_proj.weight"), std::string::npos) << error(bad);
  bad = good;
  bad.erase("model.layers.0.mlp.experts.down_proj");
  EXPECT_NE(error(bad).find("\"model.layers.0.mlp.experts.0.down_proj.weight\" is missing"), std::string::npos)
      << error(bad);
  bad = good;
  bad.emplace(name + "_scale_inv", Tensor::zeros({3, 1, 1}, DType::f32, runtime_.memory()));
  EXPECT_NE(error(bad).find("scales of a tensor in F32"), std::string::npos) << error(bad);
}

// Blocks of 128: an expert's gate ends with one, or its scales would also be the up's.
TEST_F(FusedExperts, ScalesOfFp8AreCutToo) {
  json::object config = config_of("Qwen3MoeForCausalLM");
  config["hidden_size"] = 136;
  config["moe_intermediate_size"] = 128;
  config["num_hidden_layers"] = 1;
  config["num_experts"] = config["num_local_experts"] = 2;
  open(config);
  NamedTensors single = single_, all = single_;
  const std::string prefix = "model.layers.0.mlp.experts.";
  std::vector<Tensor> values, scales, down_values, down_scales;
  float next = 0.5f;
  for (int e = 0; e < 2; ++e)
    for (const char* part : {"gate_proj", "up_proj", "down_proj"}) {
      const std::string name = fmt::format("{}{}.{}.weight", prefix, e, part);
      const Shape shape = single_.at(name).shape();
      Tensor fp8 = Tensor::zeros(shape, DType::f8_e4m3, runtime_.memory());
      for (int64_t i = 0; i < fp8.elements(); ++i) fp8.raw()[i] = static_cast<std::byte>(i * 7 % 120);
      Tensor scale = Tensor::empty({(shape[0] + 127) / 128, (shape[1] + 127) / 128}, DType::f32, runtime_.memory());
      for (int64_t i = 0; i < scale.elements(); ++i) scale.f32()[i] = next *= 0.9f;
      single.insert_or_assign(name, fp8);
      single.insert_or_assign(name + "_scale_inv", scale);
      all.erase(name);
      const bool down = part[0] == 'd';
      (down ? down_values : values).push_back(fp8);
      (down ? down_scales : scales).push_back(scale);
    }
  all.emplace(prefix + "gate_up_proj", stack(values, 2));
  all.emplace(prefix + "gate_up_proj_scale_inv", stack(scales, 2));
  all.emplace(prefix + "down_proj", stack(down_values, 2));
  all.emplace(prefix + "down_proj_scale_inv", stack(down_scales, 2));
  const Tensor want = logits(single);
  expect_same(logits(all), want);
  all.at(prefix + "gate_up_proj_scale_inv") = Tensor::zeros({2, 1, 2}, DType::f32, runtime_.memory());
  EXPECT_NE(error(all).find("gate_up_proj_scale_inv\": shape [2, 1, 2]"), std::string::npos) << error(all);
}

}  // namespace
}  // namespace jamsu::models

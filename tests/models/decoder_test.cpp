// The trunk: layers in pieces equal the whole bit for bit in every family, layers report what they have, and what MLA
// derives from weights follows the weights.
#include "models/decoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <set>

#include "base/math.h"
#include "base/rng.h"
#include "models/layers/mlp.h"
#include "models/open.h"

namespace jamsu::models {
namespace {

namespace fs = std::filesystem;
using autograd::Parameter;
using autograd::Value;

const std::string kModels = std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/";

std::vector<float> values_of(const Tensor& t) {
  return {t.f32(), t.f32() + t.elements()};
}
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Two sequences of 21 and 13 tokens, from their beginning.
struct TwoSequences {
  TwoSequences(const Decoder& model, CachePolicy policy, ops::Runtime& runtime) {
    int64_t first = 0;
    for (const int64_t rows : {21, 13}) {
      auto& state = *states.emplace_back(std::make_unique<SequenceState>(model.state_layout(policy), runtime.memory()));
      state.reserve(rows);
      segments.push_back({.first_row = first, .rows = rows, .position = 0, .state = &state});
      for (int64_t i = 0; i < rows; ++i) {
        RandomStream random(7, static_cast<uint64_t>(first + i), Purpose::test);
        tokens.push_back(static_cast<int32_t>(random.below(static_cast<uint32_t>(model.info().vocab))));
      }
      first += rows;
    }
  }
  Batch batch() const { return {tokens, segments, {}}; }
  std::vector<std::unique_ptr<SequenceState>> states;
  std::vector<Segment> segments;
  std::vector<int32_t> tokens;
};

struct Seen : Observer {
  void hidden(int64_t layer, const Tensor& x) override { inputs.emplace_back(layer, values_of(x)); }
  std::vector<std::pair<int64_t, std::vector<float>>> inputs;
};

TEST(Decoder, PiecesOfLayersEqualTheWhole) {
  ops::Runtime runtime(2, kernels::best_isa(), ops::Numerics::bf16);
  std::set<std::string> families;
  const FlushScope flush;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    if (!entry.is_directory()) continue;
    const auto opened = open_model(entry.path().string(), ops::Packs::forward, runtime.context());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    const auto* model = dynamic_cast<const Decoder*>(opened->model.get());
    ASSERT_NE(model, nullptr);
    families.insert(model->info().architecture);
    Seen whole_seen, pieces_seen;
    const TwoSequences a(*model, CachePolicy::expanded, runtime), b(*model, CachePolicy::expanded, runtime);
    ForwardContext whole(runtime.context(), nullptr, &whole_seen), pieces(runtime.context(), nullptr, &pieces_seen);
    const Value want = model->hidden(a.batch(), whole);
    Value x = model->embed(b.tokens, pieces);
    const size_t cut = model->layers() / 2;
    x = model->forward(x, b.batch(), 0, cut, pieces);
    x = model->forward(x, b.batch(), cut, cut, pieces);  // none of them
    x = model->forward(x, b.batch(), cut, model->layers(), pieces);
    EXPECT_TRUE(same_bits(values_of(model->norm(x, pieces).tensor), values_of(want.tensor))) << entry.path();
    ASSERT_EQ(whole_seen.inputs.size(), model->layers() + 1);
    ASSERT_EQ(pieces_seen.inputs.size(), whole_seen.inputs.size());
    for (size_t i = 0; i < whole_seen.inputs.size(); ++i) {
      EXPECT_EQ(whole_seen.inputs[i].first, static_cast<int64_t>(i));
      EXPECT_EQ(pieces_seen.inputs[i].first, static_cast<int64_t>(i));
      EXPECT_TRUE(same_bits(pieces_seen.inputs[i].second, whole_seen.inputs[i].second)) << entry.path() << " " << i;
    }
  }
  EXPECT_GE(families.size(), 7u);
}

TEST(Decoder, LayersReportTheirExperts) {
  const auto opened = describe_model(kModels + "deepseek_v3_mtp", ops::Numerics::bf16);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  Model& model = *opened->model;
  ASSERT_NE(model.mtp(), nullptr);
  EXPECT_EQ(model.mtp()->layout().layers.size(), 1u);
  std::vector<int64_t> layers;
  for (const MoE* moe : model.moe_layers()) layers.push_back(moe->layer());
  ASSERT_FALSE(layers.empty());
  EXPECT_EQ(layers.back(), model.info().layers);  // the MTP module's
  EXPECT_TRUE(std::is_sorted(layers.begin(), layers.end()));
  const auto biases = model.correction_biases();
  ASSERT_EQ(biases.size(), layers.size());
  for (size_t i = 0; i < biases.size(); ++i) {
    EXPECT_EQ(biases[i].first, layers[i]);
    EXPECT_EQ(biases[i].second->role, autograd::Role::constant);
    EXPECT_EQ(biases[i].second->name.rfind("model.layers." + std::to_string(layers[i]) + ".", 0), 0u);
  }
  const auto softmax = describe_model(kModels + "qwen3_moe", ops::Numerics::bf16);
  ASSERT_TRUE(softmax.ok());
  EXPECT_FALSE(softmax->model->moe_layers().empty());
  EXPECT_TRUE(softmax->model->correction_biases().empty());
  EXPECT_EQ(softmax->model->mtp(), nullptr);
}

// New values of all kv_b_proj, as an optimizer step sets them.
void change_keys(Model& model, ops::Packs packs, ops::Context& context) {
  for (Parameter& p : model.parameters().all()) {
    if (!p.name.ends_with("kv_b_proj.weight")) continue;
    Tensor values = context.empty(p.shape);
    for (int64_t i = 0; i < values.elements(); ++i) {
      RandomStream random(9, static_cast<uint64_t>(i), Purpose::test);
      values.f32()[i] = static_cast<float>(random.below(2001)) * 1e-4f - 0.1f;
    }
    autograd::set_values(p, values, packs, context);
  }
}

// An absorbed rollout after a step uses the weights of that step.
// Panels are refreshed where they are, rows of a file are replaced.
TEST(Decoder, AbsorbedFollowsTheWeights) {
  const FlushScope flush;
  for (const ops::Packs packs : {ops::Packs::forward, ops::Packs::forward_and_backward})
    for (const ops::Numerics numerics : {ops::Numerics::bf16, ops::Numerics::f32}) {
      ops::Runtime runtime(2, kernels::best_isa(), numerics);
      const auto opened = [&] {
        const auto model = open_model(kModels + "deepseek_v3", packs, runtime.context());
        EXPECT_TRUE(model.ok()) << model.error().message;
        return std::dynamic_pointer_cast<Decoder>(model->model);
      };
      const auto hidden = [&](const Decoder& model) {
        const TwoSequences two(model, CachePolicy::absorbed, runtime);
        ForwardContext c(runtime.context());
        return values_of(model.hidden(two.batch(), c).tensor);
      };
      const auto stepped = opened(), fresh = opened();
      const auto before = hidden(*stepped);
      EXPECT_TRUE(same_bits(hidden(*stepped), before));
      change_keys(*stepped, packs, runtime.context());
      change_keys(*fresh, packs, runtime.context());
      const auto after = hidden(*stepped);
      EXPECT_FALSE(same_bits(after, before));
      EXPECT_TRUE(same_bits(after, hidden(*fresh)));
    }
}

}  // namespace
}  // namespace jamsu::models

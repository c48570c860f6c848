// Parts of a model and its counts:
// parameters know what they belong to, and their sums are what names and published formulas say.
#include "models/count.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "formats/strict_json.h"
#include "models/deepseek_v3.h"
#include "models/open.h"

namespace jamsu::models {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using autograd::Parameter;
using autograd::Role;

const std::string kSource = JAMSU_SOURCE_DIR;

std::vector<std::string> folders() {
  std::vector<std::string> all = {kSource + "/pretrained/nano"};
  for (const auto& entry : fs::directory_iterator(kSource + "/tests/golden/models"))
    if (entry.is_directory()) all.push_back(entry.path().string());
  return all;
}

std::shared_ptr<Model> described(const std::string& folder) {
  const auto opened = describe_model(folder, ops::Numerics::bf16);
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened ? opened->model : nullptr;
}

// Of every family: routed experts and the MTP module are where the names of releases say.
TEST(Count, PartsAreWhatTheNamesSay) {
  EXPECT_GT(folders().size(), 15u);
  int64_t with_experts = 0, with_mtp = 0;
  for (const std::string& folder : folders()) {
    const auto model = described(folder);
    ASSERT_NE(model, nullptr);
    const std::string mtp = mtp_prefix(model->info().layers);
    bool experts = false, module = false;
    for (const Parameter& p : model->parameters().all()) {
      EXPECT_EQ(is_expert(p.part), p.name.find(".experts.") != std::string::npos) << p.name;
      EXPECT_EQ(is_mtp(p.part), p.name.starts_with(mtp)) << p.name;
      experts = experts || is_expert(p.part);
      module = module || is_mtp(p.part);
    }
    EXPECT_EQ(experts, model->info().experts > 0) << folder;
    EXPECT_EQ(module, model->info().has_mtp) << folder;
    EXPECT_EQ(module, model->mtp() != nullptr) << folder;
    with_experts += experts;
    with_mtp += module;
  }
  EXPECT_GT(with_experts, 5);
  EXPECT_GT(with_mtp, 1);
}

// What a token multiplies with, taken from the names alone: of the experts those it uses, of the embedding nothing
// unless the head is tied to it.
TEST(Count, SumsAreThoseOfTheNamedTensors) {
  for (const std::string& folder : folders()) {
    const auto model = described(folder);
    ASSERT_NE(model, nullptr);
    const ModelInfo& info = model->info();
    int64_t total = 0, mtp = 0, experts = 0, products = 0, vectors = 0;
    for (const Parameter& p : model->parameters().all()) {
      const int64_t n = p.shape.elements();
      if (p.name.ends_with("e_score_correction_bias")) continue;
      if (p.name.starts_with(mtp_prefix(info.layers))) {
        mtp += n;
        continue;
      }
      total += n;
      if (p.name.find(".experts.") != std::string::npos)
        experts += n;
      else if (p.shape.rank() == 1)
        vectors += n;
      else if (p.name != "model.embed_tokens.weight" || info.tied_head)
        products += n;
    }
    if (experts > 0) products += experts / info.experts * info.experts_per_token;
    EXPECT_EQ(info.parameters.total, total) << folder;
    EXPECT_EQ(info.parameters.active, products + vectors) << folder;
    EXPECT_EQ(info.parameters.mtp, mtp) << folder;
    const bool lightning = folder.ends_with("minimax_text");  // whose states cost a token operations of their own
    if (lightning)
      EXPECT_GT(info.flops_per_token, 2.0 * static_cast<double>(products)) << folder;
    else
      EXPECT_EQ(info.flops_per_token, 2.0 * static_cast<double>(products)) << folder;
  }
}

// DeepSeek-V3 by formula (arXiv:2412.19437, section 2): an oracle that sums no parameters.
struct LayerCount {
  int64_t attention, dense, moe_total, moe_active, norms;
};
LayerCount layer_count(const DeepseekV3Config& c) {
  const int64_t h = c.hidden_size, heads = c.num_attention_heads, qk = c.qk_head_dim();
  LayerCount n{};
  n.attention = c.q_lora_rank ? h * *c.q_lora_rank + *c.q_lora_rank * heads * qk : h * heads * qk;
  n.attention +=
      h * (c.kv_lora_rank + c.qk_rope_head_dim) + c.kv_lora_rank * heads * (c.qk_nope_head_dim + c.v_head_dim);
  n.attention += heads * c.v_head_dim * h;
  n.dense = 3 * h * c.intermediate_size;
  const int64_t expert = 3 * h * c.moe_intermediate_size, router = h * c.n_routed_experts;
  n.moe_total = (c.n_routed_experts + c.n_shared_experts) * expert + router;
  n.moe_active = (c.num_experts_per_tok + c.n_shared_experts) * expert + router;
  n.norms = 2 * h + c.q_lora_rank.value_or(0) + c.kv_lora_rank;
  return n;
}

void check_against_formula(const DeepseekV3Config& c) {
  const DeepseekV3 model(c, ops::Numerics::bf16);
  const ModelInfo& info = model.info();
  const LayerCount n = layer_count(c);
  const int64_t h = c.hidden_size, head = c.vocab_size * h, layers = c.num_hidden_layers,
                dense = c.first_k_dense_replace, moe = layers - dense, norms = layers * n.norms + h;
  EXPECT_EQ(info.parameters.total, layers * n.attention + dense * n.dense + moe * n.moe_total + norms + 2 * head);
  const int64_t products = layers * n.attention + dense * n.dense + moe * n.moe_active + head;
  EXPECT_EQ(info.parameters.active, products + norms);
  const bool mtp = c.num_nextn_predict_layers > 0;
  EXPECT_EQ(info.parameters.mtp, mtp ? n.attention + n.moe_total + n.norms + 2 * h * h + 3 * h : 0);

  const double keys = 100;
  const double attention = 2.0 * static_cast<double>(c.num_attention_heads * (c.qk_head_dim() + c.v_head_dim)) * keys;
  const double forward = 2.0 * static_cast<double>(products) + static_cast<double>(layers) * attention;
  EXPECT_EQ(info.forward_flops(keys), forward);
  EXPECT_EQ(info.training_flops(keys, false), 3 * forward);
  const double module = mtp ? 2.0 * static_cast<double>(n.attention + n.moe_active + 2 * h * h + head) + attention : 0;
  EXPECT_EQ(info.training_flops(keys, true), 3 * (forward + module));
}

TEST(Count, DeepseekV3EqualsItsFormula) {
  const auto config_of = [](const std::string& path) {
    const auto text = read_file(path);
    EXPECT_TRUE(text.ok()) << path;
    const auto parsed = parse_deepseek_v3(formats::parse_strict_json(*text, path)->as_object(), path);
    EXPECT_TRUE(parsed.ok()) << parsed.error().message;
    return *parsed;
  };
  const DeepseekV3Config nano = config_of(kSource + "/pretrained/nano/config.json");
  EXPECT_EQ(nano.num_nextn_predict_layers, 1);
  check_against_formula(nano);
  DeepseekV3Config other = nano;
  other.q_lora_rank = std::nullopt;
  other.num_nextn_predict_layers = 0;
  check_against_formula(other);
  other = nano;
  other.first_k_dense_replace = other.num_hidden_layers;  // experts in the MTP module alone
  check_against_formula(other);
  check_against_formula(config_of(kSource + "/tests/plan/configs/deepseek_v3.json"));
}

}  // namespace
}  // namespace jamsu::models

// golden/training through train::Trainer: a step of Qwen2, Llama (dense_step) and Qwen3 with windows (sliding_step),
// assistant-only loss of Qwen2 and a DeepSeek-V3 (sft). With beta1 = 0 and no clipping the first moment is the gradient.
#include "train/trainer.h"

#include "parity/training_cases.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;
using golden::difference;
using golden::kGradLimit;
using golden::kHiddenLimit;
using golden::kLossLimit;
using golden::kStepLimit;
using golden::positions_of;
using golden::relative;
using golden::rows_of;
using golden::worst_row_difference;

// Cross-entropy that keeps the logits.
class KeepsLogits final : public train::Objective {
 public:
  float seed(const autograd::Value& logits, const train::Part& part, models::ForwardContext& c) const override {
    kept = logits.tensor;
    return train::CrossEntropy().seed(logits, part, c);
  }
  mutable Tensor kept;
};

// A case's model in a trainer, and what one step of it came to.
class OneStep {
 public:
  explicit OneStep(const fs::path& folder) {
    loaded_.load(folder);
    if (loaded_.model) trainer_.emplace(*loaded_.model, loaded_.runtime, train::InitOptions{});
  }
  void step(const train::MicroBatch& batch, train::LossWeights losses) {
    ASSERT_TRUE(trainer_.has_value());
    const auto started = trainer_->start_from(loaded_.weights, "model.safetensors");
    ASSERT_TRUE(started.ok()) << started.error().message;
    seen = golden::Recorder();
    losses.objective = &logits;
    train::StepOptions options{.losses = losses, .optimizer = {}, .learning_rate = 1e-3, .bias_gamma = 0};
    options.optimizer.beta1 = 0;
    options.optimizer.max_norm = 1e30;
    options.observer = &seen;
    report = trainer_->step({batch}, options);
    EXPECT_EQ(trainer_->steps(), 1);
  }
  void check_gradients(const models::NamedTensors& want, const std::string& name) {
    const auto state = trainer_->tensors();
    double worst = 0;
    size_t checked = 0;
    for (const auto& [key, g] : state) {
      if (!key.starts_with("m.")) continue;
      const auto it = want.find(key.substr(2));
      ASSERT_NE(it, want.end()) << key;
      const auto d = difference(g.f32(), it->second.f32(), g.elements());
      EXPECT_LE(d.relative_l2, kGradLimit) << name << " gradient of " << key.substr(2);
      worst = std::max(worst, d.relative_l2);
      ++checked;
    }
    EXPECT_GT(checked, 10u);
    std::printf("  %s: worst gradient, relative L2: %.2e\n", name.c_str(), worst);
  }
  models::NamedTensors read(const fs::path& file) { return golden::read_tensors(file, loaded_.runtime.memory()); }
  const models::ModelInfo& info() const { return loaded_.model->info(); }

  golden::Recorder seen;
  KeepsLogits logits;
  train::StepReport report;

 private:
  golden::Loaded loaded_;
  std::optional<train::Trainer> trainer_;
};

// One step of a dense model, each of its variants.
void check_dense_step(const fs::path& folder, const std::string& name, const boost::json::object& info) {
  OneStep s(folder / name);
  for (const auto& [key, variant_value] : info.at("variants").as_object()) {
    const std::string variant_name(key);
    const auto& variant = variant_value.as_object();
    const auto read = [&](const char* part) { return s.read(folder / name / (variant_name + part)); };
    const train::DataRows data = rows_of(read(".batch.safetensors"), "");
    ASSERT_NO_FATAL_FAILURE(
        s.step(train::pack(data, variant.at("document_mask").as_bool()), {.mtp_lambda = 0, .balance_alpha = 0}));
    EXPECT_EQ(s.report.counts.labels, variant.at("labels").to_number<int64_t>());
    const auto& want = variant.at("f64").as_object();
    EXPECT_LE(relative(s.report.ce, want.at("loss").to_number<double>()), kLossLimit);
    EXPECT_LE(relative(s.report.gradient_norm, want.at("grad_norm").to_number<double>()), kStepLimit);
    s.check_gradients(read(".grad.safetensors"), name + " " + variant_name);
    const auto fwd = read(".fwd.safetensors");
    const auto at = positions_of(data);
    EXPECT_LE(worst_row_difference(s.seen.hidden_.at(0), fwd.at("hidden.embed"), at), kHiddenLimit);
    for (int64_t i = 0; i < s.info().layers; ++i)
      EXPECT_LE(worst_row_difference(s.seen.hidden_.at(i + 1), fwd.at(fmt::format("hidden.layer{}", i)), at),
                kHiddenLimit)
          << "layer " << i;
    EXPECT_LE(worst_row_difference(s.logits.kept, fwd.at("logits"), at), kHiddenLimit);
  }
}

// One variant of the case: the model it names, its batch, what is expected of it.
void check_sft(const fs::path& folder, const std::string& name) {
  const auto info = golden::read_json(folder / "case.json").as_object();
  const auto& variant = info.at(name).as_object();
  OneStep s((folder / std::string(variant.at("model").as_string())).parent_path());
  const train::DataRows data = rows_of(s.read(folder / (name + ".batch.safetensors")), "");
  ASSERT_NO_FATAL_FAILURE(s.step(train::pack(data, true), golden::loss_weights(info.at("hyper").as_object())));
  const auto& want = variant.at("f64").as_object();
  const bool dense = !s.info().has_mtp;
  EXPECT_LE(relative(s.report.ce, want.at(dense ? "loss" : "ce").to_number<double>()), kLossLimit);
  if (!dense) {
    EXPECT_LE(relative(s.report.mtp, want.at("mtp_ce").to_number<double>()), kLossLimit);
  }
  EXPECT_LE(worst_row_difference(s.logits.kept, s.read(folder / (name + ".out.safetensors")).at("logits"),
                                 positions_of(data)),
            kHiddenLimit);
  s.check_gradients(s.read(folder / (name + ".grad.safetensors")), "sft/" + name);
  for (const auto& [layer, routing] : s.seen.routing_) {
    const auto& load = variant.at("expert_load").as_object().at(std::to_string(layer)).as_array();
    const auto got = ops::expert_load(routing.indices, static_cast<int64_t>(load.size()));
    for (size_t e = 0; e < load.size(); ++e) EXPECT_EQ(got[e], load[e].to_number<int64_t>()) << "layer " << layer;
  }
}

TEST(training, dense_step) {
  for (const auto& folder : golden::training_cases("dense_step")) {
    const auto info = golden::read_json(folder / "case.json").as_object();
    for (const auto& [key, model] : info.at("models").as_object()) {
      std::printf("%s/%s\n", folder.filename().c_str(), std::string(key).c_str());
      check_dense_step(folder, std::string(key), model.as_object());
    }
    if (info.contains("lora")) std::printf("%s/lora: LoRA is a later issue, not run\n", folder.filename().c_str());
  }
}
TEST(training, sft) {
  int checked = 0;
  for (const auto& folder : golden::training_cases("sft")) {
    const auto info = golden::read_json(folder / "case.json").as_object();
    for (const auto& [key, value] : info) {
      if (!value.is_object() || !value.as_object().contains("model")) continue;
      const std::string name(key);
      const fs::path model = folder / std::string(value.as_object().at("model").as_string());
      const fs::path config = model.parent_path() / "config.json";
      if (!fs::exists(config)) {
        std::printf("%s/%s: its model is not in this set, not run\n", folder.filename().c_str(), name.c_str());
        continue;
      }
      std::printf("%s/%s\n", folder.filename().c_str(), name.c_str());
      check_sft(folder, name);
      ++checked;
    }
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace jamsu

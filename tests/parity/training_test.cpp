// golden/training: a step of a tiny DeepSeek-V3 (v3_step), five optimizer steps (v3_train5). dense_step, sliding_step
// and sft: trainer_test.cpp; distill and grpo: objective_test.cpp.
// Cases are the folders whose case.json says so; what this version has no user for is named and passed over.
#include <fmt/format.h>

#include <set>

#include "parity/training_cases.h"
#include "train/optimizer.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;
using golden::difference;
using golden::kGradLimit;
using golden::kHiddenLimit;
using golden::kLossLimit;
using golden::kStepLimit;
using golden::Loaded;
using golden::loss_weights;
using golden::positions_of;
using golden::Recorder;
using golden::relative;
using golden::rows_of;
using golden::worst_row_difference;

void check_routing(const Recorder::Routing& got, const models::NamedTensors& want, int64_t layer,
                   const std::vector<int64_t>& at) {
  const std::string prefix = fmt::format("router.{}.", layer);
  const Tensor &indices = want.at(prefix + "topk_idx"), &weights = want.at(prefix + "topk_weight");
  const int64_t k = got.indices.dim(1);
  for (size_t i = 0; i < at.size(); ++i)
    for (int64_t j = 0; j < k; ++j) {
      const int64_t from = static_cast<int64_t>(i) * k + j, to = at[i] * k + j;
      ASSERT_EQ(got.indices.i32()[from], indices.i32()[to]) << "layer " << layer << " row " << i;
      ASSERT_NEAR(got.weights.f32()[from], weights.f32()[to], 2e-5) << "layer " << layer << " row " << i;
    }
}

void check_gradients(const Loaded& s, autograd::GradStore& grads, const models::NamedTensors& want,
                     const std::string& name) {
  double worst = 0;
  for (const auto& p : s.model->parameters().all()) {
    if (!p.trained()) continue;
    const Tensor& g = grads.at(p, const_cast<Loaded&>(s).runtime.context());
    const auto it = want.find(p.name);
    ASSERT_NE(it, want.end()) << p.name;
    const auto d = difference(g.f32(), it->second.f32(), g.elements());
    EXPECT_LE(d.relative_l2, kGradLimit) << name << " gradient of " << p.name;
    worst = std::max(worst, d.relative_l2);
  }
  std::printf("  %s: worst gradient, relative L2: %.2e\n", name.c_str(), worst);
}

// Hidden states, logits and routing of a forward, the MTP module's too.
void check_forward(const Loaded& s, const train::DataRows& data, const train::MicroBatch& micro,
                   const train::MicroLosses& losses, const Recorder& seen, const models::NamedTensors& fwd) {
  const auto at = positions_of(data);
  const int64_t layers = s.model->info().layers;
  EXPECT_LE(worst_row_difference(seen.hidden_.at(0), fwd.at("hidden.embed"), at), kHiddenLimit);
  for (int64_t i = 0; i < layers; ++i)
    EXPECT_LE(worst_row_difference(seen.hidden_.at(i + 1), fwd.at(fmt::format("hidden.layer{}", i)), at), kHiddenLimit)
        << "layer " << i;
  EXPECT_LE(worst_row_difference(losses.kept.at(0), fwd.at("logits"), at), kHiddenLimit);
  std::vector<int64_t> mtp_at;
  for (const int32_t row : micro.mtp_rows) mtp_at.push_back(at[static_cast<size_t>(row)]);
  EXPECT_LE(worst_row_difference(seen.hidden_.at(layers + 1), fwd.at("hidden.mtp.eh_proj"), mtp_at), kHiddenLimit);
  EXPECT_LE(worst_row_difference(seen.hidden_.at(layers + 2), fwd.at("hidden.mtp.block"), mtp_at), kHiddenLimit);
  EXPECT_LE(worst_row_difference(losses.kept.at(1), fwd.at("mtp_logits"), mtp_at), kHiddenLimit);
  for (const auto& [layer, routing] : seen.routing_) check_routing(routing, fwd, layer, layer < layers ? at : mtp_at);
}

void check_v3_step(const fs::path& folder) {
  Loaded s;
  ASSERT_NO_FATAL_FAILURE(s.load(folder));
  const auto info = golden::read_json(folder / "case.json").as_object();
  const auto batch = golden::read_tensors(folder / "batch.safetensors", s.runtime.memory());
  for (const auto& [key, variant_value] : info.at("variants").as_object()) {
    const std::string name(key);
    const auto& variant = variant_value.as_object();
    const bool document_mask = variant.at("document_mask").as_bool();
    const train::DataRows data = rows_of(batch, document_mask ? "docmask." : "nomask.");
    const train::MicroBatch micro = train::pack(data, document_mask);
    const train::GlobalCounts counts = train::count({&micro, 1});
    EXPECT_EQ(counts.labels, variant.at("labels").to_number<int64_t>());
    EXPECT_EQ(counts.mtp_labels, variant.at("mtp_labels").to_number<int64_t>());
    EXPECT_EQ(counts.tokens, variant.at("valid_tokens").to_number<int64_t>());
    EXPECT_EQ(static_cast<int64_t>(micro.mtp_rows.size()), variant.at("valid_mtp_tokens").to_number<int64_t>());

    train::LossWeights weights = loss_weights(info.at("hyper").as_object());
    weights.balance_counts_chosen = variant.at("balance_f").as_string() != "paper";
    autograd::GradStore grads(static_cast<size_t>(s.model->parameters().trained()));
    Recorder seen;
    const auto losses =
        train::run_micro_batch(*s.model, micro, weights, counts, grads, s.runtime.context(), &seen, true);

    const auto& want = variant.at("f64").as_object();
    const double ce = losses.ce_sum / static_cast<double>(counts.labels),
                 mtp = losses.mtp_sum / static_cast<double>(counts.mtp_labels);
    double balance = 0;
    for (const auto& layer : losses.moe.layers) {
      const double value = layer.balance / static_cast<double>(counts.rows);
      EXPECT_LE(
          relative(value, want.at("balance_per_layer").as_object().at(std::to_string(layer.layer)).to_number<double>()),
          kLossLimit);
      balance += value;
      const auto& load = variant.at("expert_load").as_object().at(std::to_string(layer.layer)).as_array();
      for (size_t e = 0; e < load.size(); ++e)
        EXPECT_EQ(layer.load[e], load[e].to_number<int64_t>()) << "layer " << layer.layer;
    }
    EXPECT_LE(relative(ce, want.at("ce").to_number<double>()), kLossLimit);
    EXPECT_LE(relative(mtp, want.at("mtp_ce").to_number<double>()), kLossLimit);
    EXPECT_LE(relative(balance, want.at("balance").to_number<double>()), kLossLimit);
    EXPECT_LE(
        relative(ce + weights.mtp_lambda * mtp + weights.balance_alpha * balance, want.at("total").to_number<double>()),
        kLossLimit);
    EXPECT_LE(
        relative(train::gradient_norm(*s.model, grads, s.runtime.context()), want.at("grad_norm").to_number<double>()),
        kStepLimit);
    check_gradients(s, grads, golden::read_tensors(folder / (name + ".grad.safetensors"), s.runtime.memory()), name);

    const fs::path forward = folder / (name + ".fwd.safetensors");
    if (!fs::exists(forward)) {
      std::printf("  %s: forward as the variant it is derived from\n", name.c_str());
      continue;
    }
    const auto fwd = golden::read_tensors(forward, s.runtime.memory());
    check_forward(s, data, micro, losses, seen, fwd);
    const double gamma = info.at("hyper").as_object().at("gamma").to_number<double>();
    for (auto& [layer, bias] : s.model->correction_biases()) {
      std::vector<float> b(bias->values.f32(), bias->values.f32() + bias->values.elements());
      for (const auto& report : losses.moe.layers)
        if (report.layer == layer) train::update_bias(b.data(), report.load, gamma);
      const Tensor& want_bias = fwd.at("new." + bias->name);
      for (size_t e = 0; e < b.size(); ++e) EXPECT_FLOAT_EQ(b[e], want_bias.f32()[e]) << bias->name;
    }
    std::printf("  %s: losses, hidden states, routing, load, bias equal golden\n", name.c_str());
  }
}

// The masters against a file of weights: the limits of README's line "B: final weights".
void check_weights(const Loaded& s, const train::TrainState& state, const fs::path& file, const char* when) {
  const auto weights = golden::read_tensors(file, const_cast<Loaded&>(s).runtime.memory());
  std::vector<double> off;
  for (const auto& p : s.model->parameters().all()) {
    if (!p.trained()) continue;
    const Tensor &got = state.master[static_cast<size_t>(p.id)], &want = weights.at(p.name);
    for (int64_t i = 0; i < got.elements(); ++i)
      off.push_back(std::abs(static_cast<double>(got.f32()[i]) - static_cast<double>(want.f32()[i])));
  }
  std::sort(off.begin(), off.end());
  EXPECT_LE(off[off.size() * 99 / 100], 1e-6) << when;
  EXPECT_LE(off.back(), 2e-4) << when;
  std::printf("  %s weights: median %.1e, 99 %% %.1e, max %.1e off\n", when, off[off.size() / 2],
              off[off.size() * 99 / 100], off.back());
}

void check_moments(const Loaded& s, const train::TrainState& state, const fs::path& file) {
  const auto moments = golden::read_tensors(file, const_cast<Loaded&>(s).runtime.memory());
  double worst = 0;
  for (const auto& p : s.model->parameters().all()) {
    if (!p.trained()) continue;
    const auto id = static_cast<size_t>(p.id);
    for (const auto& [kind, got] : {std::pair{"exp_avg.", &state.m[id]}, {"exp_avg_sq.", &state.v[id]}})
      worst = std::max(worst, difference(got->f32(), moments.at(kind + p.name).f32(), got->elements()).relative_l2);
  }
  EXPECT_LE(worst, kGradLimit);
  std::printf("  moments: worst relative L2 %.1e\n", worst);
}

void check_biases(Loaded& s, int64_t steps, const fs::path& file) {
  const auto biases = golden::read_tensors(file, s.runtime.memory());
  for (auto& [layer, bias] : s.model->correction_biases()) {
    const std::string name = fmt::format("final.{}", bias->name);
    const auto it =
        biases.contains(name) ? biases.find(name) : biases.find(fmt::format("step{}.{}", steps, bias->name));
    ASSERT_NE(it, biases.end()) << "no final bias for " << bias->name;
    for (int64_t e = 0; e < bias->values.elements(); ++e)
      EXPECT_FLOAT_EQ(bias->values.f32()[e], it->second.f32()[e]) << bias->name;
  }
}

void check_v3_train5(const fs::path& folder) {
  const auto info = golden::read_json(folder / "case.json").as_object();
  const auto& hyper = info.at("hyper").as_object();
  Loaded s;
  ASSERT_NO_FATAL_FAILURE(s.load((folder / std::string(info.at("initial").as_string())).parent_path()));
  ops::Context& context = s.runtime.context();
  const auto number = [&](const char* name) { return hyper.at(name).to_number<double>(); };

  train::TrainState state = train::initial_state(*s.model, {}, context);
  for (const auto& p : s.model->parameters().all())
    if (p.trained())
      std::memcpy(state.master[static_cast<size_t>(p.id)].raw(), s.weights.at(p.name).raw(),
                  static_cast<size_t>(s.weights.at(p.name).bytes()));
  for (auto& [layer, bias] : s.model->correction_biases())
    std::memcpy(bias->values.raw(), s.weights.at(bias->name).raw(), static_cast<size_t>(bias->values.bytes()));
  train::refresh_model(*s.model, state, context);

  const auto batches = golden::read_tensors(folder / "batches.safetensors", s.runtime.memory());
  const auto steps = hyper.at("steps").to_number<int64_t>(), micros = hyper.at("micro_batches").to_number<int64_t>();
  const auto warmup = number("warmup_steps"), base = number("base_lr"), floor = number("min_lr");
  const train::OptimizerOptions options{number("beta1"), number("beta2"), number("eps"), number("weight_decay"),
                                        number("clip")};
  const auto& want_steps = info.at("f64").as_array();
  for (int64_t step = 1; step <= steps; ++step) {
    std::vector<train::MicroBatch> parts;
    for (int64_t m = 0; m < micros; ++m)
      parts.push_back(train::pack(rows_of(batches, fmt::format("step{}.micro{}.", step, m)), true));
    const train::GlobalCounts counts = train::count(parts);
    autograd::GradStore grads(static_cast<size_t>(s.model->parameters().trained()));
    const train::LossWeights weights = loss_weights(hyper);
    double ce = 0, mtp = 0, balance = 0;
    std::map<int64_t, std::vector<int64_t>> load;
    for (const auto& part : parts) {
      const auto losses = train::run_micro_batch(*s.model, part, weights, counts, grads, context);
      ce += losses.ce_sum;
      mtp += losses.mtp_sum;
      for (const auto& layer : losses.moe.layers) {
        balance += layer.balance / static_cast<double>(counts.rows);
        auto& total = load[layer.layer];
        total.resize(layer.load.size());
        for (size_t e = 0; e < total.size(); ++e) total[e] += layer.load[e];
      }
    }
    const double t = static_cast<double>(step);
    const double lr =
        t <= warmup
            ? base * t / warmup
            : floor + 0.5 * (base - floor) *
                          (1 + std::cos(3.14159265358979323846 * (t - warmup) / (static_cast<double>(steps) - warmup)));
    const float norm = train::optimizer_step(*s.model, state, grads, options, lr, context);
    for (auto& [layer, bias] : s.model->correction_biases())
      train::update_bias(bias->values.f32(), load.at(layer), number("gamma"));

    const auto& want = want_steps[static_cast<size_t>(step - 1)].as_object();
    const auto& f = want.at("loss").as_object();
    EXPECT_LE(relative(ce / static_cast<double>(counts.labels), f.at("ce").to_number<double>()), kStepLimit)
        << "step " << step;
    EXPECT_LE(relative(mtp / static_cast<double>(counts.mtp_labels), f.at("mtp_ce").to_number<double>()), kStepLimit)
        << "step " << step;
    EXPECT_LE(relative(balance, f.at("balance").to_number<double>()), kStepLimit) << "step " << step;
    EXPECT_LE(relative(norm, want.at("grad_norm").to_number<double>()), kStepLimit) << "step " << step;
    if (step == 1) check_weights(s, state, folder / "step1.safetensors", "first");
    std::printf("  step %ld: ce %.6f norm %.6f lr %.6f\n", static_cast<long>(step),
                ce / static_cast<double>(counts.labels), static_cast<double>(norm), lr);
  }
  check_weights(s, state, folder / "final.safetensors", "final");
  check_moments(s, state, folder / "optimizer.safetensors");
  check_biases(s, steps, folder / "bias.safetensors");
}

TEST(training, v3_step) {
  for (const auto& folder : golden::training_cases("v3_step")) {
    std::printf("%s\n", folder.filename().c_str());
    check_v3_step(folder);
  }
}
TEST(training, v3_train5) {
  for (const auto& folder : golden::training_cases("v3_train5")) {
    std::printf("%s\n", folder.filename().c_str());
    check_v3_train5(folder);
  }
}
// Everything else that lies in training/, by name and reason.
TEST(training, cases_of_later_issues) {
  const std::map<std::string, std::string> reasons = {{"fp8", "FP8 is a later issue"}};
  const std::set<std::string> checked = {"v3_step", "v3_train5", "dense_step", "sft",
                                         "ops",     "optim",     "grpo",       "distill"};
  for (const auto& folder : golden::cases_in(golden::root() / "training", "case.json")) {
    const std::string kind(golden::read_json(folder / "case.json").as_object().at("case").as_string());
    if (checked.contains(kind)) continue;
    const auto reason = reasons.find(kind);
    EXPECT_NE(reason, reasons.end()) << folder << ": no test knows cases of kind " << kind;
    if (reason != reasons.end()) std::printf("%s: not run, %s\n", folder.filename().c_str(), reason->second.c_str());
  }
}

}  // namespace
}  // namespace jamsu

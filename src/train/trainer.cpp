#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/math.h"
#include "ops/rows.h"

namespace jamsu::train {
namespace {

using autograd::Parameter;
using models::NamedTensors;

void add_load(std::map<int64_t, std::vector<int64_t>>& total, const models::MoeReport& report) {
  for (const auto& layer : report.layers) {
    auto& sum = total[layer.layer];
    sum.resize(layer.load.size());
    for (size_t e = 0; e < sum.size(); ++e) sum[e] += layer.load[e];
  }
}

void report_load(const std::map<int64_t, std::vector<int64_t>>& load, StepReport& report) {
  for (const auto& [layer, experts] : load) {
    int64_t sum = 0, max = 0;
    for (const int64_t l : experts) {
      sum += l;
      max = std::max(max, l);
      report.dead_experts += l == 0;
    }
    if (sum > 0)
      report.load_max_over_mean =
          std::max(report.load_max_over_mean,
                   static_cast<double>(max) * static_cast<double>(experts.size()) / static_cast<double>(sum));
  }
}

Status check(const NamedTensors& tensors, const std::string& name, const Shape& shape) {
  const auto it = tensors.find(name);
  if (it == tensors.end()) return Error{fmt::format("checkpoint: tensor \"{}\" is missing", name)};
  if (!(it->second.shape() == shape) || it->second.dtype() != DType::f32)
    return Error{fmt::format("checkpoint: tensor \"{}\": {} {} where the model has F32 {}", name,
                             dtype_name(it->second.dtype()), it->second.shape().text(), shape.text())};
  return {};
}

Tensor rounded(const Tensor& f32, ops::Context& context) {
  Tensor y = context.empty(f32.shape(), DType::bf16);
  for (int64_t i = 0; i < f32.elements(); ++i) y.bf16()[i] = f32_to_bf16(f32.f32()[i]);
  return y;
}

bool has_values(const Parameter& p) {
  return p.values.defined() || p.weight.forward.defined() || p.weight.format;
}

// A frozen parameter's values as bf16: the rows it was read from, or rounded from what it is packed as.
Tensor published_values(const Parameter& p, ops::Context& context) {
  if (p.weight.format) return p.weight.rows;
  if (p.values.defined()) return p.values.dtype() == DType::bf16 ? p.values : rounded(p.values, context);
  return rounded(ops::weight_rows(p.weight, 0, p.weight.out, context), context);
}

void copy_into(Tensor& to, const Tensor& from) {
  std::memcpy(to.raw(), from.raw(), static_cast<size_t>(to.bytes()));
}

}  // namespace

Trainer::Trainer(models::Model& model, ops::Runtime& runtime, const InitOptions& init)
    : model_(model), runtime_(runtime), state_(initial_state(model, init, runtime.context())) {}

StepReport Trainer::step(const std::vector<MicroBatch>& batch, const StepOptions& options) {
  const ThreadPool::Turn turn = runtime_.turn();
  for (const Parameter& p : model_.parameters().all()) JAMSU_CHECK(!p.frozen() || has_values(p));
  StepReport report;
  report.counts = count(batch);
  report.learning_rate = options.learning_rate;
  std::vector<autograd::GradStore> slots(static_cast<size_t>(std::max<int64_t>(options.gradient_slots, 1)),
                                         autograd::GradStore(static_cast<size_t>(model_.parameters().trained())));
  std::map<int64_t, std::vector<int64_t>> load;
  float ce = 0, mtp = 0;
  double balance = 0;
  for (size_t j = 0; j < batch.size(); ++j) {
    autograd::GradStore& slot = slots[j * slots.size() / batch.size()];
    const MicroLosses losses = run_micro_batch(model_, {batch[j], report.counts, static_cast<int64_t>(j)},
                                               options.losses, slot, runtime_.context(), options.observer);
    ce += losses.ce_sum;
    mtp += losses.mtp_sum;
    for (const auto& layer : losses.moe.layers) balance += static_cast<double>(layer.balance);
    add_load(load, losses.moe);
  }
  reduce_slots(slots, runtime_.context());
  const int64_t before = state_.step;
  const bool losses_finite = std::isfinite(ce) && std::isfinite(mtp) && std::isfinite(balance);
  report.gradient_norm = static_cast<double>(losses_finite ? optimizer_step(model_, state_, slots[0], options.optimizer,
                                                                            options.learning_rate, runtime_.context())
                                                           : gradient_norm(model_, slots[0], runtime_.context()));
  report.finite = state_.step > before;
  if (options.bias_gamma != 0 && report.finite)
    for (auto& [layer, bias] : model_.correction_biases())
      if (const auto it = load.find(layer); it != load.end())
        update_bias(bias->values.f32(), it->second, options.bias_gamma);
  const auto mean = [](double sum, int64_t n) { return n > 0 ? sum / static_cast<double>(n) : 0.0; };
  report.step = before + 1;
  report.ce = mean(static_cast<double>(ce), report.counts.labels);
  report.mtp = mean(static_cast<double>(mtp), report.counts.mtp_labels);
  report.balance = mean(balance, report.counts.rows);
  report_load(load, report);
  return report;
}

double Trainer::validate(const std::vector<MicroBatch>& batch) {
  const ThreadPool::Turn turn = runtime_.turn();
  double ce = 0;
  for (const MicroBatch& b : batch)
    ce += static_cast<double>(evaluate_micro_batch(model_, b, runtime_.context()).ce_sum);
  const int64_t labels = count(batch).labels;
  return labels > 0 ? ce / static_cast<double>(labels) : 0.0;
}

NamedTensors Trainer::tensors() const {
  NamedTensors all;
  for (const Parameter& p : model_.parameters().all()) {
    if (p.frozen()) continue;
    if (!p.trained()) {
      all.emplace("bias." + p.name, p.values);
      continue;
    }
    const auto id = static_cast<size_t>(p.id);
    all.emplace("master." + p.name, state_.master[id]);
    all.emplace("m." + p.name, state_.m[id]);
    all.emplace("v." + p.name, state_.v[id]);
  }
  return all;
}

Status Trainer::restore(const NamedTensors& tensors, int64_t steps) {
  const NamedTensors own = this->tensors();
  for (const auto& [name, tensor] : own)
    if (auto s = check(tensors, name, tensor.shape()); !s) return s;
  for (const auto& [name, tensor] : tensors) {
    if (own.contains(name)) continue;
    const Parameter* p = model_.parameters().find(name.substr(name.find('.') + 1));
    return Error{fmt::format("checkpoint: tensor \"{}\" belongs to {}", name,
                             p && p->frozen() ? "a parameter that is frozen now" : "no parameter of the model")};
  }
  for (const auto& [name, tensor] : own) {
    Tensor to = tensor;
    copy_into(to, tensors.at(name));
  }
  state_.step = steps;
  refresh_model(model_, state_, runtime_.context());
  return {};
}

Status Trainer::start_from(const NamedTensors& stored, std::string_view file) {
  const auto named = models::by_parameter_names(model_, stored, [&](std::string_view) { return std::string(file); });
  if (!named) return named.error();
  const NamedTensors& weights = named->tensors;
  if (auto s = models::set_weights(model_, weights, ops::Packs::forward_and_backward, runtime_.context(), file); !s)
    return s;
  for (const Parameter& p : model_.parameters().all()) {
    if (!p.trained()) continue;
    if (weights.at(p.name).dtype() == DType::f16)
      return Error{fmt::format("{}: tensor \"{}\": F16 weights are not trained on", file, p.name)};
    Tensor& master = state_.master[static_cast<size_t>(p.id)];
    const Tensor from = weights.at(p.name).aligned_copy(runtime_.memory());
    for (int64_t i = 0; i < master.elements(); ++i)
      master.f32()[i] = from.dtype() == DType::f32 ? from.f32()[i] : bf16_to_f32(from.bf16()[i]);
    std::memset(state_.m[static_cast<size_t>(p.id)].raw(), 0, static_cast<size_t>(master.bytes()));
    std::memset(state_.v[static_cast<size_t>(p.id)].raw(), 0, static_cast<size_t>(master.bytes()));
  }
  state_.step = 0;
  refresh_model(model_, state_, runtime_.context());
  return {};
}

NamedTensors Trainer::frozen() const {
  NamedTensors all;
  for (const Parameter& p : model_.parameters().all())
    if (p.frozen()) all.emplace(p.name, published_values(p, runtime_.context()));
  return all;
}

NamedTensors Trainer::published(bool with_mtp_copies) const {
  NamedTensors all;
  for (const Parameter& p : model_.parameters().all()) {
    if (p.frozen()) {
      all.emplace(p.name, published_values(p, runtime_.context()));
      continue;
    }
    if (!p.trained()) {
      all.emplace(p.name, ops::copy(p.values, runtime_.context()));
      continue;
    }
    const Tensor& master = state_.master[static_cast<size_t>(p.id)];
    all.emplace(p.name, rounded(master, runtime_.context()));
  }
  if (with_mtp_copies && model_.info().has_mtp) {
    const std::string mtp = models::mtp_prefix(model_.info().layers);
    all.emplace(mtp + "embed_tokens.weight", all.at("model.embed_tokens.weight"));
    all.emplace(mtp + "shared_head.head.weight", all.at("lm_head.weight"));
  }
  return all;
}

}  // namespace jamsu::train

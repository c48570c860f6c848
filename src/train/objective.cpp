#include "train/objective.h"

#include "autograd/functions.h"
#include "base/math.h"
#include "ops/rows.h"

namespace jamsu::train {
namespace {

autograd::Value at_temperature(const autograd::Value& logits, double temperature, models::ForwardContext& c) {
  return temperature == 1 ? logits : autograd::scale(logits, static_cast<float>(1 / temperature), c);
}

// The gradient of the loss by `y` is `dy`.
void record_seed(const autograd::Value& y, Tensor dy, models::ForwardContext& c) {
  if (!c.tape || y.node < 0) return;
  c.tape->record_root([y = autograd::Value{{}, y.node}, dy = std::move(dy)](autograd::Gradients& g) mutable {
    g.add(y, std::move(dy));
  });
}

std::span<const float> rows_of(const RowValues& values, const Part& part) {
  const auto& rows = values.at(static_cast<size_t>(part.index));
  JAMSU_CHECK(rows.size() == part.batch.tokens.size());
  return rows;
}

}  // namespace

float loss_seed(double scale, int64_t n) {
  return n > 0 ? static_cast<float>(scale / static_cast<double>(n)) : 0.0f;
}

float CrossEntropy::seed(const autograd::Value& logits, const Part& part, models::ForwardContext& c) const {
  const Tensor losses = autograd::cross_entropy(logits, part.batch.labels, loss_seed(1.0, part.counts.labels), c);
  return ops::long_sum(losses.f32(), losses.elements());
}

float PolicyGradient::seed(const autograd::Value& logits, const Part& part, models::ForwardContext& c) const {
  const auto& labels = part.batch.labels;
  const autograd::Value logp = autograd::token_logp(at_temperature(logits, temperature_, c), labels, 1, c);
  Tensor slopes = c.ops.zeros(logp.tensor.shape());
  const float loss = loss_(part, {logp.tensor.f32(), labels.size()}, {slopes.f32(), labels.size()});
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0) slopes.f32()[i] = 0;
  record_seed(logp, slopes, c);
  return loss * static_cast<float>(part.counts.labels);
}

LogpLoss weighted_logp(RowValues weights) {
  return [weights = std::move(weights)](const Part& part, std::span<const float> logp, std::span<float> slopes) {
    const auto w = rows_of(weights, part);
    double loss = 0;
    for (size_t i = 0; i < logp.size(); ++i) {
      if (part.batch.labels[i] < 0) continue;
      loss -= static_cast<double>(w[i]) * static_cast<double>(logp[i]);
      slopes[i] = -w[i];
    }
    return static_cast<float>(loss);
  };
}

float Distillation::seed(const autograd::Value& logits, const Part& part, models::ForwardContext& c) const {
  const TeacherRows& teacher = teacher_.at(static_cast<size_t>(part.index));
  const auto& labels = part.batch.labels;
  const bool all = teacher.ids.empty();
  const auto each = static_cast<size_t>(teacher.each);
  JAMSU_CHECK(teacher.logp.size() == labels.size() * each && (!all || teacher.each == logits.tensor.dim(1)));
  const autograd::Value scaled = at_temperature(logits, temperature_, c);
  const autograd::Value logp =
      all ? autograd::log_softmax(scaled, c) : autograd::token_logp(scaled, teacher.ids, teacher.each, c);
  Tensor slopes = c.ops.zeros(logp.tensor.shape());
  Tensor losses = c.ops.zeros({static_cast<int64_t>(labels.size())});
  const double mean = static_cast<double>(loss_seed(1.0, part.counts.labels));
  c.ops.parallel(losses.elements(), 8, [&](int64_t begin, int64_t end, int) {
    std::vector<double> t(each);
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      if (labels[i] < 0) continue;
      const float* log_t = teacher.logp.data() + i * each;
      const float* log_s = logp.tensor.f32() + i * each;
      double total = 0, loss = 0;
      for (size_t k = 0; k < each; ++k) total += t[k] = math::exp(static_cast<double>(log_t[k]));
      const double shift = all ? 0 : math::log(total), factor = all ? 1 : 1 / total;
      for (size_t k = 0; k < each; ++k) {
        const double p = t[k] * factor;
        if (p == 0) continue;
        loss += p * (static_cast<double>(log_t[k]) - shift - static_cast<double>(log_s[k]));
        slopes.f32()[i * each + k] = static_cast<float>(-p * mean);
      }
      losses.f32()[i] = static_cast<float>(loss);
    }
  });
  record_seed(logp, slopes, c);
  return ops::long_sum(losses.f32(), losses.elements());
}

}  // namespace jamsu::train

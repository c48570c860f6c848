#include "ops/token_logps.h"

#include <cmath>

#include "base/math.h"
#include "ops/loss.h"
#include "ops/rows.h"

namespace jamsu::ops {
namespace {

constexpr int64_t kRowGrain = 8;  // a row of logits is thousands of values

}  // namespace

Tensor log_softmax_backward(const Tensor& dy, const Tensor& y, Context& context) {
  const int64_t rows = y.dim(0), n = y.dim(1);
  JAMSU_CHECK(dy.shape() == y.shape());
  Tensor dx = context.empty(y.shape());
  context.parallel(rows, kRowGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float *d = dy.f32() + r * n, *logp = y.f32() + r * n;
      const float sum = long_sum(d, n);
      float* to = dx.f32() + r * n;
      for (int64_t j = 0; j < n; ++j) to[j] = std::fma(-math::exp(logp[j]), sum, d[j]);
    }
  });
  return dx;
}

Tensor token_logps(const Tensor& logits, std::span<const int32_t> labels, int64_t each, Context& context) {
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  JAMSU_CHECK(static_cast<int64_t>(labels.size()) == rows * each);
  for (const int32_t label : labels) JAMSU_CHECK(label < n);
  if (each == 1) return token_logp(logits, labels, context).reshape({rows, 1});
  Tensor y = context.empty({rows, each});
  context.parallel(rows, kRowGrain, [&](int64_t begin, int64_t end, int worker) {
    float* logp = context.scratch.get<float>(worker, Scratch::slot_a, n);
    for (int64_t r = begin; r < end; ++r) {
      context.kernels.log_softmax(
          {.x = logits.f32() + r * n, .y = logp, .rows = 1, .n = n, .x_stride = n, .y_stride = n});
      for (int64_t k = r * each; k < (r + 1) * each; ++k) {
        const int32_t label = labels[static_cast<size_t>(k)];
        y.f32()[k] = label < 0 ? 0.0f : logp[label];
      }
    }
  });
  return y;
}

namespace {

// One row of token_logps_backward. The kernel of cross-entropy gives exp(logp) * -sum in every column but its own
// label's, which is formed here.
void token_logp_row(const float* dy, const float* logits, std::span<const int32_t> labels, int64_t n, float* dlogits,
                    Context& context) {
  float sum = 0;
  int32_t first = -1;
  for (size_t k = 0; k < labels.size(); ++k)
    if (labels[k] >= 0) {
      sum += dy[k];
      if (first < 0) first = labels[k];
    }
  float loss = 0;
  context.kernels.cross_entropy({.logits = logits,
                                 .labels = &first,
                                 .loss = &loss,
                                 .dlogits = dlogits,
                                 .rows = 1,
                                 .n = n,
                                 .stride = n,
                                 .seed = -sum});
  if (labels.size() == 1 || first < 0) return;
  dlogits[first] = math::exp(-loss) * -sum;
  for (size_t k = 0; k < labels.size(); ++k)
    if (labels[k] >= 0) dlogits[labels[k]] += dy[k];
}

}  // namespace

Tensor token_logps_backward(const Tensor& dy, const Tensor& logits, std::span<const int32_t> labels, Context& context) {
  const int64_t rows = logits.dim(0), n = logits.dim(1), each = dy.dim(1);
  JAMSU_CHECK(dy.dim(0) == rows && static_cast<int64_t>(labels.size()) == rows * each);
  Tensor dlogits = context.empty(logits.shape());
  context.parallel(rows, kRowGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      token_logp_row(dy.f32() + r * each, logits.f32() + r * n,
                     labels.subspan(static_cast<size_t>(r * each), static_cast<size_t>(each)), n, dlogits.f32() + r * n,
                     context);
  });
  return dlogits;
}

}  // namespace jamsu::ops

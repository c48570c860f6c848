#include "ops/loss.h"

#include <vector>

#include "base/math.h"
#include "ops/rows.h"

namespace jamsu::ops {
namespace {

constexpr int64_t kRowGrain = 8;  // a row of logits is thousands of values

void run(const Tensor& logits, std::span<const int32_t> labels, float* losses, float* dlogits, float seed,
         Context& context) {
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  JAMSU_CHECK(static_cast<int64_t>(labels.size()) == rows);
  for (const int32_t label : labels) JAMSU_CHECK(label < n);
  context.parallel(rows, kRowGrain, [&](int64_t begin, int64_t end, int worker) {
    float* loss = losses ? losses + begin : context.scratch.get<float>(worker, Scratch::slot_a, end - begin);
    context.kernels.cross_entropy({.logits = logits.f32() + begin * n,
                                   .labels = labels.data() + begin,
                                   .loss = loss,
                                   .dlogits = dlogits ? dlogits + begin * n : nullptr,
                                   .rows = end - begin,
                                   .n = n,
                                   .stride = n,
                                   .seed = seed});
  });
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, std::span<const int32_t> labels, Context& context) {
  Tensor losses = context.empty({logits.dim(0)});
  run(logits, labels, losses.f32(), nullptr, 0, context);
  return losses;
}

Tensor cross_entropy_backward(const Tensor& logits, std::span<const int32_t> labels, float seed, Context& context) {
  Tensor dlogits = context.empty(logits.shape());
  run(logits, labels, nullptr, dlogits.f32(), seed, context);
  return dlogits;
}

Tensor log_softmax(const Tensor& logits, Context& context) {
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  Tensor y = context.empty(logits.shape());
  context.parallel(rows, kRowGrain, [&](int64_t begin, int64_t end, int) {
    context.kernels.log_softmax({.x = logits.f32() + begin * n,
                                 .y = y.f32() + begin * n,
                                 .rows = end - begin,
                                 .n = n,
                                 .x_stride = n,
                                 .y_stride = n});
  });
  return y;
}

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

Tensor token_logp(const Tensor& logits, std::span<const int32_t> labels, int64_t each, Context& context) {
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  JAMSU_CHECK(static_cast<int64_t>(labels.size()) == rows * each);
  for (const int32_t label : labels) JAMSU_CHECK(label < n);
  if (each == 1) {
    Tensor y = cross_entropy(logits, labels, context).reshape({rows, 1});
    for (int64_t r = 0; r < rows; ++r) y.f32()[r] = labels[static_cast<size_t>(r)] < 0 ? 0.0f : -y.f32()[r];
    return y;
  }
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

// One row of token_logp_backward. The kernel of cross-entropy gives exp(logp) * -sum in every column but its own
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

Tensor token_logp_backward(const Tensor& dy, const Tensor& logits, std::span<const int32_t> labels, Context& context) {
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

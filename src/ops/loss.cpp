#include "ops/loss.h"

#include <algorithm>

namespace jamsu::ops {
namespace {

constexpr int64_t kRowGrain = 8;  // a row of logits is thousands of values

void run(const Tensor& logits, std::span<const int32_t> labels, float* losses, float* dlogits, float seed,
         Context& context, int64_t grain = kRowGrain) {
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  JAMSU_CHECK(static_cast<int64_t>(labels.size()) == rows);
  for (const int32_t label : labels) JAMSU_CHECK(label < n);
  context.parallel(rows, grain, [&](int64_t begin, int64_t end, int worker) {
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

Tensor token_logp(const Tensor& logits, std::span<const int32_t> labels, Context& context) {
  // Rows of a step that decodes are few and wide: a task takes one where that is worth a task.
  constexpr int64_t kValuesATask = 8192;
  Tensor logp = context.empty({logits.dim(0)});
  run(logits, labels, logp.f32(), nullptr, 0, context, std::max<int64_t>(1, kValuesATask / logits.dim(1)));
  for (int64_t i = 0; i < logp.elements(); ++i)
    logp.f32()[i] = labels[static_cast<size_t>(i)] < 0 ? 0.0f : -logp.f32()[i];  // the loss is -logp: no rounding
  return logp;
}

}  // namespace jamsu::ops

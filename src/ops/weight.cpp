#include "ops/weight.h"

#include <atomic>

#include "base/e4m3.h"
#include "base/math.h"

namespace jamsu::ops {
namespace {

uint64_t next_version() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

void pack(const Tensor& values, int64_t n, int64_t k, int64_t column_stride, int64_t k_stride, kernels::Element element,
          Tensor& panels, Context& context) {
  const int64_t count = kernels::round_up(n, kernels::kLanes) / kernels::kLanes;
  context.parallel(count, count * k > 4096 ? 8 : count, [&](int64_t begin, int64_t end, int) {
    context.kernels.pack_b({.source = values.raw(),
                            .source_type = values.dtype() == DType::bf16 ? kernels::Source::bf16 : kernels::Source::f32,
                            .column_stride = column_stride,
                            .k_stride = k_stride,
                            .n = n,
                            .k = k,
                            .element = element,
                            .panels = panels.raw(),
                            .panel_begin = begin,
                            .panel_end = end});
  });
}

}  // namespace

Weight make_weight(const Tensor& values, kernels::Element element, Packs packs, Context& context) {
  JAMSU_CHECK(values.shape().rank() == 2 && (values.dtype() == DType::f32 || values.dtype() == DType::bf16));
  Weight w;
  w.out = values.dim(0);
  w.in = values.dim(1);
  w.element = element;
  const DType dtype = element == kernels::Element::bf16 ? DType::bf16 : DType::f32;
  w.forward = context.empty({kernels::panel_elements(w.out, w.in)}, dtype);
  if (packs == Packs::forward_and_backward) w.backward = context.empty({kernels::panel_elements(w.in, w.out)}, dtype);
  refresh_weight(w, values, context);
  return w;
}

Weight make_stored_weight(const Tensor& values) {
  JAMSU_CHECK(values.shape().rank() == 2 && values.dtype() == DType::bf16);
  Weight w;
  w.out = values.dim(0);
  w.in = values.dim(1);
  w.stored = values;
  w.version = next_version();
  return w;
}

Weight make_fp8_weight(const Tensor& values, const Tensor& scales, Context& context) {
  const int64_t out = values.dim(0), in = values.dim(1), across = (in + kFp8Block - 1) / kFp8Block;
  JAMSU_CHECK(values.dtype() == DType::f8_e4m3 && scales.shape() == Shape({(out + kFp8Block - 1) / kFp8Block, across}));
  Weight w;
  w.out = out;
  w.in = in;
  if (context.numerics == Numerics::bf16) {
    w.stored = values;
    w.scales = scales;
    w.version = next_version();
    return w;
  }
  Tensor wide = context.empty({out, in});
  const auto* q = reinterpret_cast<const uint8_t*>(values.raw());
  context.parallel(out, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < in; ++j)
        wide.f32()[i * in + j] = e4m3_to_f32(q[i * in + j]) * scales.f32()[i / kFp8Block * across + j / kFp8Block];
  });
  return make_weight(wide, kernels::Element::f32, Packs::forward, context);
}

namespace {

// Element (column j, contraction index k) of panels: kernels/params.h.
float panel_value(const Tensor& panels, int64_t j, int64_t k, int64_t padded_k, kernels::Element element) {
  constexpr int64_t kLanes = kernels::kLanes;
  const int64_t base = j / kLanes * kLanes * padded_k + k / 2 * 2 * kLanes, lane = j % kLanes, half = k % 2;
  if (element == kernels::Element::bf16)
    return bf16_to_f32(reinterpret_cast<const uint16_t*>(panels.raw())[base + 2 * lane + half]);
  return panels.f32()[base + half * kLanes + lane];
}

float value(const Weight& w, int64_t row, int64_t k) {
  if (!w.stored.defined())
    return panel_value(w.forward, row, k, kernels::round_up(w.in, kernels::kDotBlock), w.element);
  const int64_t at = row * w.in + k;
  if (w.stored.dtype() == DType::bf16) return round_to_bf16(bf16_to_f32(w.stored.bf16()[at]));
  return e4m3_to_f32(reinterpret_cast<const uint8_t*>(w.stored.raw())[at]) *
         w.scales.f32()[row / kFp8Block * w.scales.dim(1) + k / kFp8Block];
}

}  // namespace

Tensor weight_rows(const Weight& w, int64_t begin, int64_t end, Context& context) {
  JAMSU_CHECK(0 <= begin && begin <= end && end <= w.out);
  Tensor values = context.empty({end - begin, w.in});
  context.parallel(end - begin, 8, [&](int64_t first, int64_t last, int) {
    for (int64_t i = first; i < last; ++i)
      for (int64_t k = 0; k < w.in; ++k) values.f32()[i * w.in + k] = value(w, begin + i, k);
  });
  return values;
}

void refresh_weight(Weight& w, const Tensor& values, Context& context) {
  JAMSU_CHECK(values.shape() == Shape({w.out, w.in}));
  pack(values, w.out, w.in, w.in, 1, w.element, w.forward, context);
  if (w.backward.defined()) pack(values, w.in, w.out, 1, w.in, w.element, w.backward, context);
  w.version = next_version();
}

}  // namespace jamsu::ops

#include "ops/weight.h"

#include <algorithm>
#include <atomic>

#include "base/math.h"

namespace jamsu::ops {
namespace {

uint64_t next_version() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

void pack(const Tensor& values, int64_t n, int64_t k, int64_t column_stride, int64_t k_stride, kernels::Element element,
          Tensor& panels, Context& context) {
  const auto source = kernel_source(*format_of(values.dtype()));
  const int64_t count = kernels::round_up(n, kernels::kLanes) / kernels::kLanes;
  context.parallel(count, count * k > 4096 ? 8 : count, [&](int64_t begin, int64_t end, int) {
    context.kernels.pack_b({.source = values.raw(),
                            .source_type = *source,
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

// Row i as f32, each value times its scale, rounded once.
void decode_row(const Weight& w, int64_t i, float* to) {
  const Format& format = *w.format;
  const int64_t together = format.scales == Scales::beside ? format.scale_block : w.in;
  for (int64_t k = 0; k < w.in; k += together)
    format.decode(w.row(i) + format.row_bytes(k), format.blocks(std::min(together, w.in - k)), w.scale(i, k), to + k);
}

}  // namespace

std::optional<kernels::Source> kernel_source(const Format& format) {
  if (&format == &kF32Format) return kernels::Source::f32;
  if (&format == &kBf16Format) return kernels::Source::bf16;
  if (&format == &kE4m3Format) return kernels::Source::e4m3;
  return std::nullopt;
}

bool can_be_packed(const Format* format) {
  return format && format->scales == Scales::none && kernel_source(*format);
}

Weight make_weight(const Tensor& values, kernels::Element element, Packs packs, Context& context) {
  JAMSU_CHECK(values.shape().rank() == 2 && can_be_packed(format_of(values.dtype())));
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

Weight make_stored_weight(const Format& format, int64_t out, int64_t in, const Tensor& rows, const Tensor& scales) {
  JAMSU_CHECK(format.used_as_it_lies && rows.bytes() == format.bytes(out, in));
  JAMSU_CHECK(scales.defined() == (format.scales == Scales::beside));
  JAMSU_CHECK(!scales.defined() || scales.shape() == format.scale_shape(out, in));
  Weight w;
  w.out = out;
  w.in = in;
  w.format = &format;
  w.rows = rows;
  w.scales = scales;
  w.version = next_version();
  return w;
}

Weight make_stored_weight(const Tensor& values) {
  JAMSU_CHECK(values.shape().rank() == 2 && values.dtype() == DType::bf16);
  return make_stored_weight(kBf16Format, values.dim(0), values.dim(1), values);
}

Weight make_fp8_weight(const Tensor& values, const Tensor& scales, Context& context) {
  JAMSU_CHECK(values.shape().rank() == 2 && values.dtype() == DType::f8_e4m3);
  const Weight w = make_stored_weight(kE4m3Format, values.dim(0), values.dim(1), values, scales);
  if (context.numerics == Numerics::bf16) return w;
  Tensor wide = context.empty({w.out, w.in});
  context.parallel(w.out, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) decode_row(w, i, wide.f32() + i * w.in);
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

// Row i of a packed weight; of one that lies, where the values of unscaled formats count as bf16.
void row_values(const Weight& w, int64_t i, float* to) {
  if (!w.format) {
    const int64_t padded = kernels::round_up(w.in, kernels::kDotBlock);
    for (int64_t k = 0; k < w.in; ++k) to[k] = panel_value(w.forward, i, k, padded, w.element);
    return;
  }
  decode_row(w, i, to);
  if (w.format->scales == Scales::none)
    for (int64_t k = 0; k < w.in; ++k) to[k] = round_to_bf16(to[k]);
}

}  // namespace

Tensor weight_rows(const Weight& w, int64_t begin, int64_t end, Context& context) {
  JAMSU_CHECK(0 <= begin && begin <= end && end <= w.out);
  Tensor values = context.empty({end - begin, w.in});
  context.parallel(end - begin, 8, [&](int64_t first, int64_t last, int) {
    for (int64_t i = first; i < last; ++i) row_values(w, begin + i, values.f32() + i * w.in);
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

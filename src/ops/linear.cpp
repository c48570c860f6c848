#include "ops/linear.h"

#include <array>
#include <utility>

#include "ops/products/gated.h"
#include "ops/products/product.h"
#include "ops/rows.h"

namespace jamsu::ops {
namespace {

using kernels::kLanes;
using products::Product;

// x as the B operand of dW: columns = features, contraction = rows.
Tensor pack_rows(const float* x, int64_t rows, int64_t width, kernels::Element element, Context& context) {
  const DType dtype = element == kernels::Element::bf16 ? DType::bf16 : DType::f32;
  Tensor panels = context.empty({kernels::panel_elements(width, rows)}, dtype);
  context.parallel((width + kLanes - 1) / kLanes, rows > 256 ? 1 : 1024, [&](int64_t begin, int64_t end, int) {
    context.kernels.pack_b({.source = x,
                            .source_type = kernels::Source::f32,
                            .column_stride = 1,
                            .k_stride = width,
                            .n = width,
                            .k = rows,
                            .element = element,
                            .panels = panels.raw(),
                            .panel_begin = begin,
                            .panel_end = end});
  });
  return panels;
}

Product weight_gradient(const float* dy, const Tensor& panels, int64_t rows, int64_t out, int64_t in, Tensor& dw) {
  JAMSU_CHECK(dw.shape() == Shape({out, in}));
  return {.a = dy,
          .row_stride = 1,
          .k_stride = out,
          .panels = &panels,
          .c = dw.f32(),
          .m = out,
          .n = in,
          .k = rows,
          .accumulate = true};
}

// y[m, out] = rows of x times w^T.
Product forward_product(const float* x, const int32_t* rows, int64_t m, const Weight& w, const float* bias, float* y) {
  return {.a = x,
          .rows = rows,
          .row_stride = w.in,
          .panels = &w.forward,
          .weight = w.format ? &w : nullptr,
          .c = y,
          .m = m,
          .n = w.out,
          .k = w.in,
          .bias = bias};
}

// dx[m, in] = dy w: panels of the transpose, or the rows as they lie.
Product backward_product(const float* dy, int64_t m, const Weight& w, float* dx) {
  JAMSU_CHECK(w.format || w.backward.defined());
  return {.a = dy,
          .row_stride = w.out,
          .panels = &w.backward,
          .weight = w.format ? &w : nullptr,
          .transposed = true,
          .c = dx,
          .m = m,
          .n = w.in,
          .k = w.out};
}

}  // namespace

Tensor linear(const Tensor& x, const Weight& w, const float* bias, Context& context) {
  JAMSU_CHECK(x.shape().rank() == 2 && x.dim(1) == w.in);
  Tensor y = context.empty({x.dim(0), w.out});
  products::run({forward_product(x.f32(), nullptr, x.dim(0), w, bias, y.f32())}, w.element, context);
  return y;
}

std::vector<Tensor> linears(const Tensor& x, std::span<const LinearTerm> terms, Context& context) {
  std::vector<Tensor> y;
  std::vector<Product> all;
  for (const LinearTerm& t : terms) {
    JAMSU_CHECK(x.dim(1) == t.w->in && t.w->element == terms[0].w->element);
    y.push_back(context.empty({x.dim(0), t.w->out}));
    all.push_back(forward_product(x.f32(), nullptr, x.dim(0), *t.w, t.bias, y.back().f32()));
  }
  products::run(std::move(all), terms[0].w->element, context);
  return y;
}

Tensor gated_mlp(const Tensor& x, const Weight& gate, const Weight& up, const Weight& down, Context& context) {
  if (products::joins_gate_and_up(x.dim(0), gate.format, up.format, down.format, context.kernels))
    return products::gated(x, gate, up, down, context);
  const std::vector<Tensor> y = linears(x, std::array<LinearTerm, 2>{{{&gate}, {&up}}}, context);
  return linear(swiglu(y[0], y[1], context), down, nullptr, context);
}

Tensor linear_dx(const Tensor& dy, const Weight& w, Context& context) {
  JAMSU_CHECK(dy.dim(1) == w.out);
  Tensor dx = context.empty({dy.dim(0), w.in});
  products::run({backward_product(dy.f32(), dy.dim(0), w, dx.f32())}, w.element, context);
  return dx;
}

void linear_dw(const Tensor& dy, const Tensor& x, kernels::Element element, Tensor& dw, Context& context) {
  JAMSU_CHECK(dy.dim(0) == x.dim(0));
  const Tensor panels = pack_rows(x.f32(), x.dim(0), x.dim(1), element, context);
  products::run({weight_gradient(dy.f32(), panels, x.dim(0), dy.dim(1), x.dim(1), dw)}, element, context);
}

Tensor grouped_linear(const Tensor& x, const int32_t* rows, const Groups& groups, Context& context) {
  const Weight& first = *groups.weights[0];
  Tensor y = context.empty({groups.offsets.back(), first.out});
  std::vector<Product> all;
  all.reserve(groups.weights.size());
  for (size_t e = 0; e < groups.weights.size(); ++e) {
    const int64_t begin = groups.offsets[e], count = groups.offsets[e + 1] - begin;
    if (count == 0) continue;
    const float* from = rows ? x.f32() : x.f32() + begin * first.in;
    all.push_back(forward_product(from, rows ? rows + begin : nullptr, count, *groups.weights[e], nullptr,
                                  y.f32() + begin * first.out));
  }
  if (!all.empty()) products::run(std::move(all), first.element, context);
  return y;
}

Tensor grouped_linear_dx(const Tensor& dy, const Groups& groups, Context& context) {
  const Weight& first = *groups.weights[0];
  Tensor dx = context.empty({groups.offsets.back(), first.in});
  std::vector<Product> all;
  all.reserve(groups.weights.size());
  for (size_t e = 0; e < groups.weights.size(); ++e) {
    const int64_t begin = groups.offsets[e], count = groups.offsets[e + 1] - begin;
    if (count == 0) continue;
    all.push_back(
        backward_product(dy.f32() + begin * first.out, count, *groups.weights[e], dx.f32() + begin * first.in));
  }
  if (!all.empty()) products::run(std::move(all), first.element, context);
  return dx;
}

void grouped_linear_dw(const Tensor& dy, const Tensor& x, std::span<const int64_t> offsets, kernels::Element element,
                       std::span<Tensor* const> dws, Context& context) {
  const int64_t out = dy.dim(1), in = x.dim(1);
  const size_t experts = dws.size();
  const DType dtype = element == kernels::Element::bf16 ? DType::bf16 : DType::f32;
  std::vector<Tensor> panels(experts);
  for (size_t e = 0; e < experts; ++e)
    if (offsets[e + 1] > offsets[e])
      panels[e] = context.empty({kernels::panel_elements(in, offsets[e + 1] - offsets[e])}, dtype);
  context.pool.run(static_cast<int64_t>(experts), [&](int64_t i, int) {
    const auto e = static_cast<size_t>(i);
    const int64_t count = offsets[e + 1] - offsets[e];
    if (count == 0) return;
    context.kernels.pack_b({.source = x.f32() + offsets[e] * in,
                            .source_type = kernels::Source::f32,
                            .column_stride = 1,
                            .k_stride = in,
                            .n = in,
                            .k = count,
                            .element = element,
                            .panels = panels[e].raw(),
                            .panel_begin = 0,
                            .panel_end = (in + kLanes - 1) / kLanes});
  });
  std::vector<Product> all;
  all.reserve(experts);
  for (size_t e = 0; e < experts; ++e) {
    const int64_t count = offsets[e + 1] - offsets[e];
    if (count > 0) all.push_back(weight_gradient(dy.f32() + offsets[e] * out, panels[e], count, out, in, *dws[e]));
  }
  if (!all.empty()) products::run(std::move(all), element, context);
}

}  // namespace jamsu::ops

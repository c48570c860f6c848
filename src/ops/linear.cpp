#include "ops/linear.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/fp8.h"

namespace jamsu::ops {
namespace {

using kernels::kLanes;

// One product C[rows, n] = A B, to be cut into tasks over rows, or over columns where there are few rows.
struct Product {
  const float* a;       // row i of A starts at a + row(i) * row_stride
  const int32_t* rows;  // gather, or null
  int64_t row_stride, k_stride;
  const Tensor* panels;
  float* c;
  int64_t m, n, k;
  const float* bias;
  bool accumulate;
  const Weight* fp8 = nullptr;  // instead of panels
};

struct Task {
  const Product* product;
  int64_t row_begin, row_end, panel_begin, panel_end;
};

// Below this many multiply-adds a task costs less than handing it to another thread.
constexpr int64_t kSmallWork = 200'000;
constexpr int64_t kRowTile = 96;  // a multiple of every register tile in use (6, 12, 16, 32)

void cut(const Product& p, int threads, std::vector<Task>& tasks) {
  const int64_t panels = (p.n + kLanes - 1) / kLanes, work = p.m * p.n * p.k;
  if (threads == 1 || work <= kSmallWork) {
    if (p.m > 0) tasks.push_back({&p, 0, p.m, 0, panels});
    return;
  }
  if (p.m >= kRowTile) {
    for (int64_t row = 0; row < p.m; row += kRowTile)
      tasks.push_back({&p, row, std::min(row + kRowTile, p.m), 0, panels});
    return;
  }
  const int64_t pieces = std::min<int64_t>({panels, threads * 2, work / kSmallWork + 1});
  for (int64_t i = 0; i < pieces; ++i) tasks.push_back({&p, 0, p.m, panels * i / pieces, panels * (i + 1) / pieces});
}

// numerics.md section 6: of each 128 of k a bf16 dot from +0, then acc = fma(scale, partial, acc), blocks in order.
void run_fp8(const Task& t, int worker, Context& context) {
  constexpr auto kElement = kernels::Element::bf16;
  const Product& p = *t.product;
  const Weight& w = *p.fp8;
  const int64_t rows = t.row_end - t.row_begin, blocks = (p.k + kFp8Block - 1) / kFp8Block;
  const kernels::GemmKernel& gemm = kernels::choose_gemm(context.kernels, rows, kElement);
  const int64_t a_bytes = kernels::round_up(gemm.a_bytes(rows, kFp8Block), 64);
  auto* a = context.scratch.get<std::byte>(worker, Scratch::slot_a, a_bytes * blocks);
  const auto width = [&](int64_t block) { return std::min(kFp8Block, p.k - block * kFp8Block); };
  for (int64_t b = 0; b < blocks; ++b)
    gemm.pack_a({.source = (p.rows ? p.a : p.a + t.row_begin * p.row_stride) + b * kFp8Block * p.k_stride,
                 .rows = p.rows ? p.rows + t.row_begin : nullptr,
                 .row_stride = p.row_stride,
                 .k_stride = p.k_stride,
                 .m = rows,
                 .k = width(b),
                 .element = kElement,
                 .packed = a + b * a_bytes});
  auto* panels = context.scratch.get<uint16_t>(worker, Scratch::slot_b,
                                               kernels::panel_elements(kFp8Block, kFp8Block) + kFp8Block * kFp8Block);
  uint16_t* decoded = panels + kernels::panel_elements(kFp8Block, kFp8Block);
  auto* partial = context.scratch.get<float>(worker, Scratch::slot_c, rows * kFp8Block);
  const auto* q = reinterpret_cast<const uint8_t*>(w.fp8.raw());
  const int64_t last = std::min(t.panel_end * kLanes, p.n);
  for (int64_t column = t.panel_begin * kLanes; column < last;) {
    const int64_t columns = std::min((column / kFp8Block + 1) * kFp8Block, last) - column;  // of one row of scales
    for (int64_t i = 0; i < rows; ++i) std::fill_n(p.c + (t.row_begin + i) * p.n + column, columns, 0.0f);
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t k = width(b);
      for (int64_t j = 0; j < columns; ++j) {
        const uint8_t* from = q + (column + j) * p.k + b * kFp8Block;
        for (int64_t i = 0; i < k; ++i) decoded[j * k + i] = kE4m3ToBf16[from[i]];
      }
      context.kernels.pack_b({.source = decoded,
                              .source_type = kernels::Source::bf16,
                              .column_stride = k,
                              .k_stride = 1,
                              .n = columns,
                              .k = k,
                              .element = kElement,
                              .panels = panels,
                              .panel_begin = 0,
                              .panel_end = (columns + kLanes - 1) / kLanes});
      gemm.run({.a = a + b * a_bytes,
                .b = panels,
                .c = partial,
                .ldc = columns,
                .m = rows,
                .n = columns,
                .k = k,
                .element = kElement,
                .accumulate = false,
                .bias = nullptr});
      const float scale = w.fp8_scales.f32()[column / kFp8Block * blocks + b];
      for (int64_t i = 0; i < rows; ++i) {
        float* c = p.c + (t.row_begin + i) * p.n + column;
        for (int64_t j = 0; j < columns; ++j) c[j] = std::fma(scale, partial[i * columns + j], c[j]);
      }
    }
    if (p.bias)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) p.c[(t.row_begin + i) * p.n + column + j] += p.bias[column + j];
    column += columns;
  }
}

void run(const Task& t, kernels::Element element, int worker, Context& context) {
  const Product& p = *t.product;
  const int64_t rows = t.row_end - t.row_begin;
  if (rows == 0 || t.panel_begin == t.panel_end) return;
  if (p.fp8) return run_fp8(t, worker, context);
  const kernels::GemmKernel& gemm = kernels::choose_gemm(context.kernels, rows, element);
  auto* a = context.scratch.get<std::byte>(worker, Scratch::slot_a, gemm.a_bytes(rows, p.k));
  gemm.pack_a({.source = p.rows ? p.a : p.a + t.row_begin * p.row_stride,
               .rows = p.rows ? p.rows + t.row_begin : nullptr,
               .row_stride = p.row_stride,
               .k_stride = p.k_stride,
               .m = rows,
               .k = p.k,
               .element = element,
               .packed = a});
  const int64_t column = t.panel_begin * kLanes,
                panel_bytes = kernels::panel_elements(kLanes, p.k) * kernels::element_bytes(element);
  gemm.run({.a = a,
            .b = p.panels->raw() + t.panel_begin * panel_bytes,
            .c = p.c + t.row_begin * p.n + column,
            .ldc = p.n,
            .m = rows,
            .n = std::min(t.panel_end * kLanes, p.n) - column,
            .k = p.k,
            .element = element,
            .accumulate = p.accumulate,
            .bias = p.bias ? p.bias + column : nullptr});
}

void run_all(const std::vector<Product>& products, kernels::Element element, Context& context) {
  std::vector<Task> tasks;
  for (const Product& p : products) cut(p, context.pool.threads(), tasks);
  int64_t work = 0;
  for (const Product& p : products) work += p.m * p.n * p.k;
  if (work <= kSmallWork) {
    const FlushScope flush;
    for (const Task& t : tasks) run(t, element, 0, context);
    return;
  }
  context.pool.run(static_cast<int64_t>(tasks.size()),
                   [&](int64_t i, int worker) { run(tasks[static_cast<size_t>(i)], element, worker, context); });
}

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
          .rows = nullptr,
          .row_stride = 1,
          .k_stride = out,
          .panels = &panels,
          .c = dw.f32(),
          .m = out,
          .n = in,
          .k = rows,
          .bias = nullptr,
          .accumulate = true,
          .fp8 = nullptr};
}

// x times the weight, or its transpose (then w is null: gradients know panels alone).
Product rows_product(const Tensor& x, const int32_t* rows, int64_t m, const Tensor& panels, Tensor& y, int64_t n,
                     int64_t k, const float* bias, const Weight* w = nullptr) {
  return {.a = x.f32(),
          .rows = rows,
          .row_stride = k,
          .k_stride = 1,
          .panels = &panels,
          .c = y.f32(),
          .m = m,
          .n = n,
          .k = k,
          .bias = bias,
          .accumulate = false,
          .fp8 = w && w->fp8.defined() ? w : nullptr};
}

}  // namespace

Tensor linear(const Tensor& x, const Weight& w, const float* bias, Context& context) {
  JAMSU_CHECK(x.shape().rank() == 2 && x.dim(1) == w.in);
  Tensor y = context.empty({x.dim(0), w.out});
  run_all({rows_product(x, nullptr, x.dim(0), w.forward, y, w.out, w.in, bias, &w)}, w.element, context);
  return y;
}

Tensor linear_dx(const Tensor& dy, const Weight& w, Context& context) {
  JAMSU_CHECK(dy.dim(1) == w.out && w.backward.defined());
  Tensor dx = context.empty({dy.dim(0), w.in});
  run_all({rows_product(dy, nullptr, dy.dim(0), w.backward, dx, w.in, w.out, nullptr)}, w.element, context);
  return dx;
}

void linear_dw(const Tensor& dy, const Tensor& x, kernels::Element element, Tensor& dw, Context& context) {
  JAMSU_CHECK(dy.dim(0) == x.dim(0));
  const Tensor panels = pack_rows(x.f32(), x.dim(0), x.dim(1), element, context);
  run_all({weight_gradient(dy.f32(), panels, x.dim(0), dy.dim(1), x.dim(1), dw)}, element, context);
}

Tensor grouped_linear(const Tensor& x, const int32_t* rows, const Groups& groups, Context& context) {
  const Weight& first = *groups.weights[0];
  Tensor y = context.empty({groups.offsets.back(), first.out});
  std::vector<Product> products;
  products.reserve(groups.weights.size());
  for (size_t e = 0; e < groups.weights.size(); ++e) {
    const int64_t begin = groups.offsets[e], count = groups.offsets[e + 1] - begin;
    if (count == 0) continue;
    Product p = rows_product(x, rows ? rows + begin : nullptr, count, groups.weights[e]->forward, y, first.out,
                             first.in, nullptr, groups.weights[e]);
    if (!rows) p.a += begin * first.in;
    p.c += begin * first.out;
    products.push_back(p);
  }
  if (!products.empty()) run_all(products, first.element, context);
  return y;
}

Tensor grouped_linear_dx(const Tensor& dy, const Groups& groups, Context& context) {
  const Weight& first = *groups.weights[0];
  Tensor dx = context.empty({groups.offsets.back(), first.in});
  std::vector<Product> products;
  products.reserve(groups.weights.size());
  for (size_t e = 0; e < groups.weights.size(); ++e) {
    const int64_t begin = groups.offsets[e], count = groups.offsets[e + 1] - begin;
    if (count == 0) continue;
    Product p = rows_product(dy, nullptr, count, groups.weights[e]->backward, dx, first.in, first.out, nullptr);
    p.a += begin * first.out;
    p.c += begin * first.in;
    products.push_back(p);
  }
  if (!products.empty()) run_all(products, first.element, context);
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
  std::vector<Product> products;
  products.reserve(experts);
  for (size_t e = 0; e < experts; ++e) {
    const int64_t count = offsets[e + 1] - offsets[e];
    if (count > 0) products.push_back(weight_gradient(dy.f32() + offsets[e] * out, panels[e], count, out, in, *dws[e]));
  }
  if (!products.empty()) run_all(products, element, context);
}

}  // namespace jamsu::ops

#include "ops/linear.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ops/rows.h"

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
  const Weight* stored = nullptr;  // instead of panels
  std::byte* packed = nullptr;     // its x, where the stored kernel takes it as it is
  bool packs_x = true;             // else another product does, or it is there already
};

struct Task {
  const Product* product;
  int64_t row_begin, row_end, panel_begin, panel_end;
};

// Below this many multiply-adds a task costs less than handing it to another thread.
constexpr int64_t kSmallWork = 200'000;
constexpr int64_t kRowTile = 96;  // a multiple of every register tile in use (6, 12, 16, 32)

// A weight where it lies is packed anew for every tile of rows, by blocks of 64 columns and 512 k: tiles as tall as the
// second-level cache allows, cut into columns as well.
constexpr int64_t kStoredColumnsPacked = 64, kStoredContraction = 512, kStoredTileBytes = int64_t{384} << 10;

void cut_stored(const Product& p, const Context& context, std::vector<Task>& tasks) {
  const kernels::GemmKernel& gemm = kernels::choose_gemm(context.kernels, kRowTile, kernels::Element::bf16);
  const int64_t tile = kStoredTileBytes / (gemm.a_bytes(kRowTile, kStoredContraction) / kRowTile);
  const int64_t panels = (p.n + kLanes - 1) / kLanes, tiles = (p.m + tile - 1) / tile, threads = context.pool.threads();
  const int64_t rows = kernels::round_up((p.m + tiles - 1) / tiles, 6);
  // 16 panels a task, or as few as 4 where threads would have nothing to do.
  const int64_t busy = std::min((panels + 3) / 4, (threads + tiles - 1) / tiles);
  const int64_t pieces = std::clamp<int64_t>(threads * 4 / tiles, 1, std::max((panels + 15) / 16, busy));
  for (int64_t row = 0; row < p.m; row += rows)
    for (int64_t i = 0; i < pieces; ++i)
      tasks.push_back({&p, row, std::min(row + rows, p.m), panels * i / pieces, panels * (i + 1) / pieces});
}

// Columns that a task of the stored kernel takes with many rows: their results stay in the second-level cache.
constexpr int64_t kStoredColumns = 256, kManyRows = 128;

void cut_columns(const Product& p, int threads, std::vector<Task>& tasks) {
  const int64_t panels = (p.n + kLanes - 1) / kLanes, pairs = (panels + 1) / 2;
  const int64_t pieces = kernels::round_up((p.n + kStoredColumns - 1) / kStoredColumns, threads);
  for (int64_t i = 0; i < std::min(pieces, pairs); ++i) {
    const int64_t count = std::min(pieces, pairs);
    tasks.push_back({&p, 0, p.m, pairs * i / count * 2, std::min(pairs * (i + 1) / count * 2, panels)});
  }
}

void cut(const Product& p, const Context& context, std::vector<Task>& tasks) {
  const int threads = context.pool.threads();
  const int64_t panels = (p.n + kLanes - 1) / kLanes, work = p.m * p.n * p.k;
  if (p.packed && p.m > kManyRows && work > kSmallWork) return cut_columns(p, threads, tasks);
  if (p.stored && !p.packed && p.m >= kRowTile) return cut_stored(p, context, tasks);
  if (threads == 1 || work <= kSmallWork) {
    if (p.m > 0) tasks.push_back({&p, 0, p.m, 0, panels});
    return;
  }
  if (p.m >= kRowTile && !p.packed) {
    for (int64_t row = 0; row < p.m; row += kRowTile)
      tasks.push_back({&p, row, std::min(row + kRowTile, p.m), 0, panels});
    return;
  }
  // Reading is what a packed x waits for, and no two cores read alike: more pieces than threads even it out.
  const int64_t pieces = std::min<int64_t>({panels, threads * (p.packed ? 8 : 2), work / kSmallWork + 1});
  for (int64_t i = 0; i < pieces; ++i) tasks.push_back({&p, 0, p.m, panels * i / pieces, panels * (i + 1) / pieces});
}

// As many columns from `column` on as share a row of scales.
int64_t columns_together(const Weight& w, int64_t column, int64_t last) {
  const int64_t end = w.scales.defined() ? (column / kFp8Block + 1) * kFp8Block : last;
  return std::min(end, last) - column;
}
const float* scales_of(const Weight& w, int64_t column) {
  return w.scales.defined() ? w.scales.f32() + column / kFp8Block * w.scales.dim(1) : nullptr;
}
const std::byte* stored_row(const Weight& w, int64_t row) {
  return w.stored.raw() + row * w.in * dtype_bytes(w.stored.dtype());
}
kernels::Source source_of(const Weight& w) {
  return w.stored.dtype() == DType::bf16 ? kernels::Source::bf16 : kernels::Source::e4m3;
}

// Rows [row_begin, row_end) of A, k in [k, k + width).
void pack_rows_of(const Task& t, int64_t k, int64_t width, kernels::Element element, const kernels::GemmKernel& gemm,
                  std::byte* to) {
  const Product& p = *t.product;
  gemm.pack_a({.source = (p.rows ? p.a : p.a + t.row_begin * p.row_stride) + k * p.k_stride,
               .rows = p.rows ? p.rows + t.row_begin : nullptr,
               .row_stride = p.row_stride,
               .k_stride = p.k_stride,
               .m = t.row_end - t.row_begin,
               .k = width,
               .element = element,
               .packed = to});
}

// n columns from `column` on; no C yet.
kernels::GemmStoredParams stored_params(const Product& p, const Weight& w, int64_t column, int64_t n, void* scratch) {
  return {.x = p.packed,
          .w = stored_row(w, column),
          .stored = source_of(w),
          .scales = scales_of(w, column),
          .scale_stride = w.scales.defined() ? w.scales.dim(1) : 0,
          .first_row = column % kFp8Block,
          .c = nullptr,
          .ldc = 0,
          .m = p.m,
          .n = n,
          .k = p.k,
          .bias = nullptr,
          .scratch = scratch};
}
// The weight is read as it lies.
void run_stored(const Task& t, int worker, Context& context) {
  const Product& p = *t.product;
  const kernels::StoredKernel& kernel = context.kernels.gemm_stored;
  const int64_t column = t.panel_begin * kLanes, n = std::min(t.panel_end * kLanes, p.n) - column;
  kernels::GemmStoredParams params = stored_params(
      p, *p.stored, column, n, context.scratch.get<std::byte>(worker, Scratch::slot_a, kernel.scratch_bytes(p.m, n)));
  params.c = p.c + column;
  params.ldc = p.n;
  params.bias = p.bias ? p.bias + column : nullptr;
  kernel.run(params);
}

// Many rows, elsewhere: block after block of the weight is packed into cache, where all rows pass it.
class StoredBlocks {
 public:
  StoredBlocks(const Task& task, int worker, Context& context)
      : task_(task),
        p_(*task.product),
        w_(*p_.stored),
        context_(context),
        rows_(task.row_end - task.row_begin),
        width_(w_.scales.defined() ? kFp8Block : kStoredContraction),
        gemm_(kernels::choose_gemm(context.kernels, rows_, kElement)) {
    a_ = context.scratch.get<std::byte>(worker, Scratch::slot_a, gemm_.a_bytes(rows_, width_));
    panels_ = context.scratch.get<uint16_t>(worker, Scratch::slot_b, kernels::panel_elements(kColumns, width_));
    partial_ = context.scratch.get<float>(worker, Scratch::slot_c, rows_ * kColumns);
  }

  void run() {
    const int64_t last = std::min(task_.panel_end * kLanes, p_.n);
    for (int64_t k = 0; k < p_.k; k += width_) {
      pack_rows_of(task_, k, std::min(width_, p_.k - k), kElement, gemm_, a_);
      for (int64_t column = task_.panel_begin * kLanes, n = 0; column < last; column += n) {
        n = std::min(kColumns, columns_together(w_, column, last));
        block(column, n, k);
      }
    }
  }

 private:
  static constexpr auto kElement = kernels::Element::bf16;
  static constexpr int64_t kColumns = kStoredColumnsPacked;  // 64 KiB of panels

  void block(int64_t column, int64_t n, int64_t k) {
    const int64_t width = std::min(width_, p_.k - k);
    const bool last = k + width == p_.k;
    context_.kernels.pack_b({.source = stored_row(w_, column) + k * dtype_bytes(w_.stored.dtype()),
                             .source_type = source_of(w_),
                             .column_stride = p_.k,
                             .k_stride = 1,
                             .n = n,
                             .k = width,
                             .element = kElement,
                             .panels = panels_,
                             .panel_begin = 0,
                             .panel_end = (n + kLanes - 1) / kLanes});
    float* c = p_.c + task_.row_begin * p_.n + column;
    const float* bias = last && p_.bias ? p_.bias + column : nullptr;
    if (w_.scales.defined()) return scaled_block(c, n, k, width, bias);
    gemm_.run({.a = a_,
               .b = panels_,
               .c = c,
               .ldc = p_.n,
               .m = rows_,
               .n = n,
               .k = width,
               .element = kElement,
               .accumulate = k > 0,
               .bias = bias});
  }

  // numerics.md section 6: of each 128 of k a bf16 dot from +0, then acc = fma(scale, partial, acc), blocks in order.
  void scaled_block(float* c, int64_t n, int64_t k, int64_t width, const float* bias) {
    gemm_.run({.a = a_,
               .b = panels_,
               .c = partial_,
               .ldc = n,
               .m = rows_,
               .n = n,
               .k = width,
               .element = kElement,
               .accumulate = false,
               .bias = nullptr});
    if (k == 0)
      for (int64_t i = 0; i < rows_; ++i) std::fill_n(c + i * p_.n, n, 0.0f);
    context_.kernels.add_scaled({.x = partial_,
                                 .y = c,
                                 .scale = scales_of(w_, (c - p_.c) % p_.n)[k / kFp8Block],
                                 .rows = rows_,
                                 .n = n,
                                 .x_stride = n,
                                 .y_stride = p_.n});
    if (!bias) return;
    for (int64_t i = 0; i < rows_; ++i)
      for (int64_t j = 0; j < n; ++j) c[i * p_.n + j] += bias[j];
  }

  const Task& task_;
  const Product& p_;
  const Weight& w_;
  Context& context_;
  const int64_t rows_, width_;
  const kernels::GemmKernel& gemm_;
  std::byte* a_;
  uint16_t* panels_;
  float* partial_;
};

void run(const Task& t, kernels::Element element, int worker, Context& context) {
  const Product& p = *t.product;
  const int64_t rows = t.row_end - t.row_begin;
  if (rows == 0 || t.panel_begin == t.panel_end) return;
  if (p.packed) return run_stored(t, worker, context);
  if (p.stored) return StoredBlocks(t, worker, context).run();
  const kernels::GemmKernel& gemm = kernels::choose_gemm(context.kernels, rows, element);
  auto* a = context.scratch.get<std::byte>(worker, Scratch::slot_a, gemm.a_bytes(rows, p.k));
  pack_rows_of(t, 0, p.k, element, gemm, a);
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

// Packs x of the products that have a place for it.
void pack_x(std::vector<Product>& products, Context& context) {
  struct Panels {
    const Product* product;
    int64_t begin, end;
  };
  constexpr int64_t kPanelsTogether = 2;
  std::vector<Panels> tasks;
  int64_t values = 0;
  for (const Product& p : products) {
    if (!p.packed || !p.packs_x) continue;
    values += p.m * p.k;
    const int64_t panels = (p.m + kLanes - 1) / kLanes;
    for (int64_t i = 0; i < panels; i += kPanelsTogether)
      tasks.push_back({&p, i, std::min(i + kPanelsTogether, panels)});
  }
  const auto pack = [&](const Panels& t) {
    const Product& p = *t.product;
    context.kernels.gemm_stored.pack_x({.source = p.a,
                                        .rows = p.rows,
                                        .row_stride = p.row_stride,
                                        .m = p.m,
                                        .k = p.k,
                                        .packed = p.packed,
                                        .panel_begin = t.begin,
                                        .panel_end = t.end});
  };
  if (values <= kSmallWork / 8) {
    const FlushScope flush;
    for (const Panels& t : tasks) pack(t);
  } else {
    context.pool.run(static_cast<int64_t>(tasks.size()),
                     [&](int64_t i, int /*worker*/) { pack(tasks[static_cast<size_t>(i)]); });
  }
}

// Cuts products of weights as they lie to as many rows as the stored kernel takes, and gives those that it takes a
// place for their x, packed. Returns the memory of these places.
Tensor place_stored(std::vector<Product>& products, Context& context) {
  const kernels::StoredKernel& kernel = context.kernels.gemm_stored;
  std::vector<Product> all;
  for (const Product& p : products) {
    const bool cut = p.stored && kernel.many_rows && p.m > kernel.max_rows;
    const int64_t tiles = cut ? (p.m + kernel.max_rows - 1) / kernel.max_rows : 1;
    const int64_t step = cut ? kernels::round_up((p.m + tiles - 1) / tiles, 2 * kLanes) : p.m;
    for (int64_t row = 0; row < p.m; row += step) {
      all.push_back(p);
      Product& piece = all.back();
      piece.m = std::min(step, p.m - row);
      if (piece.c) piece.c += row * p.n;
      if (p.rows)
        piece.rows += row;
      else
        piece.a += row * p.row_stride;
    }
  }
  products = std::move(all);
  std::vector<int64_t> offsets;
  int64_t bytes = 0;
  for (size_t i = 0; i < products.size(); ++i) {
    const Product& p = products[i];
    const bool packs = p.stored && p.m <= kernel.max_rows;
    const auto same = [&](const Product& other) {
      return other.stored && other.a == p.a && other.rows == p.rows && other.m == p.m && other.k == p.k;
    };
    const auto end = products.begin() + static_cast<std::ptrdiff_t>(i),
               first = std::find_if(products.begin(), end, same);
    if (packs && first != end) {  // the rows of an earlier one
      offsets.push_back(offsets[static_cast<size_t>(first - products.begin())]);
      products[i].packs_x = false;
      continue;
    }
    offsets.push_back(packs ? bytes : -1);
    if (packs) bytes += kernels::round_up(kernel.x_bytes(p.m, p.k), 64);
  }
  Tensor memory = context.empty({bytes}, DType::u8);
  for (size_t i = 0; i < products.size(); ++i)
    if (offsets[i] >= 0) products[i].packed = memory.raw() + offsets[i];
  return memory;
}

// Those with a place for x find it packed.
void run_packed(const std::vector<Product>& products, kernels::Element element, Context& context) {
  std::vector<Task> tasks;
  int64_t work = 0;
  for (const Product& p : products) {
    cut(p, context, tasks);
    work += p.m * p.n * p.k;
  }
  if (work <= kSmallWork) {
    const FlushScope flush;
    for (const Task& t : tasks) run(t, element, 0, context);
    return;
  }
  context.pool.run(static_cast<int64_t>(tasks.size()),
                   [&](int64_t i, int worker) { run(tasks[static_cast<size_t>(i)], element, worker, context); });
}

void run_all(std::vector<Product> products, kernels::Element element, Context& context) {
  Tensor memory;
  if (std::any_of(products.begin(), products.end(), [](const Product& p) { return p.stored != nullptr; })) {
    memory = place_stored(products, context);
    pack_x(products, context);
  }
  run_packed(products, element, context);
}

// h = swiglu of both products, as x of the next one, packed.
void run_gated(const Product& x, const Weight& gate, const Weight& up, std::byte* h, Context& context) {
  constexpr int64_t kColumns = kStoredColumns / 2;  // of each
  const kernels::StoredKernel& kernel = context.kernels.gemm_stored;
  const int64_t units = (gate.out + kernels::kDotBlock - 1) / kernels::kDotBlock;
  const int64_t pieces =
      std::min(units, kernels::round_up((gate.out + kColumns - 1) / kColumns, context.pool.threads()));
  context.pool.run(pieces, [&](int64_t i, int worker) {
    const int64_t column = units * i / pieces * kernels::kDotBlock,
                  n = std::min(units * (i + 1) / pieces * kernels::kDotBlock, gate.out) - column;
    void* scratch = context.scratch.get<std::byte>(worker, Scratch::slot_a, kernel.scratch_bytes(x.m, 2 * n));
    context.kernels.gemm_gated({.gate = stored_params(x, gate, column, n, scratch),
                                .up = stored_params(x, up, column, n, scratch),
                                .h = h,
                                .column = column,
                                .width = gate.out});
  });
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
          .stored = nullptr};
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
          .stored = w && w->stored.defined() ? w : nullptr};
}

}  // namespace

Tensor linear(const Tensor& x, const Weight& w, const float* bias, Context& context) {
  JAMSU_CHECK(x.shape().rank() == 2 && x.dim(1) == w.in);
  Tensor y = context.empty({x.dim(0), w.out});
  run_all({rows_product(x, nullptr, x.dim(0), w.forward, y, w.out, w.in, bias, &w)}, w.element, context);
  return y;
}

std::vector<Tensor> linears(const Tensor& x, std::span<const LinearTerm> terms, Context& context) {
  std::vector<Tensor> y;
  std::vector<Product> products;
  for (const LinearTerm& t : terms) {
    JAMSU_CHECK(x.dim(1) == t.w->in && t.w->element == terms[0].w->element);
    y.push_back(context.empty({x.dim(0), t.w->out}));
    products.push_back(rows_product(x, nullptr, x.dim(0), t.w->forward, y.back(), t.w->out, t.w->in, t.bias, t.w));
  }
  run_all(std::move(products), terms[0].w->element, context);
  return y;
}

Tensor gated_mlp(const Tensor& x, const Weight& gate, const Weight& up, const Weight& down, Context& context) {
  const int64_t rows = x.dim(0);
  const bool lie =
      gate.stored.defined() && up.stored.defined() && down.stored.defined() && gate.stored.dtype() == up.stored.dtype();
  if (!lie || !context.kernels.gemm_stored.many_rows || rows <= kManyRows) {
    const std::vector<Tensor> y = linears(x, std::array<LinearTerm, 2>{{{&gate}, {&up}}}, context);
    return linear(swiglu(y[0], y[1], context), down, nullptr, context);
  }
  JAMSU_CHECK(x.dim(1) == gate.in && up.in == gate.in && up.out == gate.out && down.in == gate.out);
  Tensor y = context.empty({rows, down.out});
  std::vector<Product> inputs{rows_product(x, nullptr, rows, gate.forward, y, gate.out, gate.in, nullptr, &gate)};
  inputs[0].c = nullptr;                                // theirs is h
  const Tensor memory = place_stored(inputs, context);  // its pieces of rows
  pack_x(inputs, context);
  for (const Product& input : inputs) {
    const int64_t row = (input.a - x.f32()) / gate.in;
    const Tensor h = context.empty({context.kernels.gemm_stored.x_bytes(input.m, down.in)}, DType::u8);
    run_gated(input, gate, up, h.raw(), context);
    Tensor part = y.rows(row, row + input.m);
    std::vector<Product> product{
        rows_product(x, nullptr, input.m, down.forward, part, down.out, down.in, nullptr, &down)};
    product[0].packed = h.raw();
    run_packed(product, down.element, context);
  }
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
  if (!products.empty()) run_all(std::move(products), first.element, context);
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
  if (!products.empty()) run_all(std::move(products), first.element, context);
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
  if (!products.empty()) run_all(std::move(products), element, context);
}

}  // namespace jamsu::ops

#include "ops/products/stored.h"

#include <algorithm>

namespace jamsu::ops::products {
namespace {

using kernels::kLanes;

const kernels::StoredKernel& kernel_of(const Weight& w, const Context& context) {
  return context.kernels.stored(*kernel_source(*w.format));
}

}  // namespace

kernels::GemmStoredParams stored_params(const Product& p, const Weight& w, int64_t column, int64_t n, void* scratch) {
  const bool scaled = w.scales.defined();
  const int64_t together = scaled ? w.format->scale_block : 1, across = scaled ? w.scales.dim(1) : 0;
  return {.x = p.x,
          .w = w.row(column),
          .scales = scaled ? w.scales.f32() + column / together * across : nullptr,
          .scale_stride = across,
          .first_row = column % together,
          .c = nullptr,
          .ldc = 0,
          .m = p.m,
          .n = n,
          .k = p.k,
          .bias = nullptr,
          .scratch = scratch};
}

void run_stored(const Product& p, const Task& t, int worker, Context& context) {
  const kernels::StoredKernel& kernel = kernel_of(*p.weight, context);
  const int64_t column = t.panel_begin * kLanes, n = std::min(t.panel_end * kLanes, p.n) - column;
  kernels::GemmStoredParams params = stored_params(
      p, *p.weight, column, n, context.scratch.get<std::byte>(worker, Scratch::slot_a, kernel.scratch_bytes(p.m, n)));
  params.c = p.c + column;
  params.ldc = p.n;
  params.bias = p.bias ? p.bias + column : nullptr;
  kernel.run(params);
}

void pack_x(const std::vector<Product>& products, Context& context) {
  struct Panels {
    const Product* product;
    int64_t begin, end;
  };
  constexpr int64_t kPanelsTogether = 2;
  std::vector<Panels> tasks;
  int64_t values = 0;
  for (const Product& p : products) {
    if (!p.x || !p.packs_x) continue;
    values += p.m * p.k;
    const int64_t panels = (p.m + kLanes - 1) / kLanes;
    for (int64_t i = 0; i < panels; i += kPanelsTogether)
      tasks.push_back({&p, i, std::min(i + kPanelsTogether, panels)});
  }
  const auto pack = [&](const Panels& t) {
    const Product& p = *t.product;
    context.kernels.stored_x.pack({.source = p.a,
                                   .rows = p.rows,
                                   .row_stride = p.row_stride,
                                   .m = p.m,
                                   .k = p.k,
                                   .packed = p.x,
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

Tensor place(std::vector<Product>& products, Context& context) {
  std::vector<Product> all;
  for (const Product& p : products) {
    const Choice choice = choose(p.size(), context.kernels);
    for (int64_t row = 0; row < p.m; row += choice.rows) {
      all.push_back(p);
      Product& piece = all.back();
      piece.strategy = choice.strategy;
      piece.m = std::min(choice.rows, p.m - row);
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
    const bool packs = p.strategy == Strategy::stored;
    const auto same = [&](const Product& other) {
      return other.strategy == Strategy::stored && other.a == p.a && other.rows == p.rows && other.m == p.m &&
             other.k == p.k;
    };
    const auto end = products.begin() + static_cast<std::ptrdiff_t>(i),
               first = std::find_if(products.begin(), end, same);
    if (packs && first != end) {  // the rows of an earlier one
      offsets.push_back(offsets[static_cast<size_t>(first - products.begin())]);
      products[i].packs_x = false;
      continue;
    }
    offsets.push_back(packs ? bytes : -1);
    if (packs) bytes += kernels::round_up(context.kernels.stored_x.bytes(p.m, p.k), 64);
  }
  Tensor memory = context.empty({bytes}, DType::u8);
  for (size_t i = 0; i < products.size(); ++i)
    if (offsets[i] >= 0) products[i].x = memory.raw() + offsets[i];
  return memory;
}

}  // namespace jamsu::ops::products

#include "ops/products/product.h"

#include <algorithm>

#include "ops/products/blocks.h"
#include "ops/products/panels.h"
#include "ops/products/stored.h"

namespace jamsu::ops::products {
namespace {

void run_task(const Product& p, const Task& t, kernels::Element element, int worker, Context& context) {
  if (t.row_begin == t.row_end || t.panel_begin == t.panel_end) return;
  switch (p.strategy) {
    case Strategy::panels:
      return run_panels(p, t, element, worker, context);
    case Strategy::stored:
      return run_stored(p, t, worker, context);
    case Strategy::blocks:
      return run_blocks(p, t, worker, context);
  }
}

}  // namespace

void run_placed(const std::vector<Product>& products, kernels::Element element, Context& context) {
  std::vector<Task> tasks;
  int64_t work = 0;
  for (size_t i = 0; i < products.size(); ++i) {
    const Product& p = products[i];
    cut(p.size(), p.strategy, context.pool.threads(), context.kernels, i, tasks);
    work += p.m * p.n * p.k;
  }
  const auto task = [&](const Task& t, int worker) { run_task(products[t.product], t, element, worker, context); };
  if (work <= kSmallWork) {
    const FlushScope flush;
    for (const Task& t : tasks) task(t, 0);
    return;
  }
  context.pool.run(static_cast<int64_t>(tasks.size()),
                   [&](int64_t i, int worker) { task(tasks[static_cast<size_t>(i)], worker); });
}

void run(std::vector<Product> products, kernels::Element element, Context& context) {
  Tensor memory;
  if (std::any_of(products.begin(), products.end(), [](const Product& p) { return p.weight != nullptr; })) {
    memory = place(products, context);
    pack_x(products, context);
  }
  run_placed(products, element, context);
}

}  // namespace jamsu::ops::products

#pragma once
// Products of rows with weights, one or many at once. What is asked of all of them: linear.h; how each is computed:
// choose.h, then panels.h, stored.h or blocks.h.
#include <vector>

#include "ops/products/choose.h"
#include "ops/weight.h"

namespace jamsu::ops::products {

// C[m, n] = A B (+ C, + bias). B is panels, or a weight that is stored.
struct Product {
  const float* a;                 // row i of A starts at a + row(i) * row_stride, row(i) = rows ? rows[i] : i
  const int32_t* rows = nullptr;  // gather
  int64_t row_stride, k_stride = 1;
  const Tensor* panels = nullptr;
  const Weight* weight = nullptr;  // instead of panels; A and C are of bf16 mode, nothing is accumulated
  bool transposed = false;         // B is the stored matrix as it lies, k over its rows (dX); else its transpose
  float* c;
  int64_t m, n, k;
  const float* bias = nullptr;
  bool accumulate = false;
  // What `place` decides for stored weights.
  Strategy strategy = Strategy::panels;
  std::byte* x = nullptr;  // A of Strategy::stored, packed
  bool packs_x = true;     // else another product does, or it is there already

  Size size() const { return {m, n, k, weight ? weight->format : nullptr, transposed}; }
};

// Computes them all, shared out over the pool.
void run(std::vector<Product> products, kernels::Element element, Context& context);
// The same of products whose strategy is chosen and whose x is packed.
void run_placed(const std::vector<Product>& products, kernels::Element element, Context& context);

}  // namespace jamsu::ops::products

#pragma once
// Products with panels: A is packed task by task.
#include "ops/products/product.h"

namespace jamsu::ops::products {

// A task's part of C. REQUIRES: rows and panels to do.
void run_panels(const Product& p, const Task& t, kernels::Element element, int worker, Context& context);

// Rows of a task's A, k in [k, k + width), packed for `gemm`.
void pack_rows(const Product& p, const Task& t, int64_t k, int64_t width, kernels::Element element,
               const kernels::GemmKernel& gemm, std::byte* to);

}  // namespace jamsu::ops::products

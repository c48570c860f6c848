#pragma once
// Products with weights as they lie, of many rows, and their dX: block after block of the weight is packed into cache,
// where all rows of a task pass it. No second copy of the weight is ever made.
#include "ops/products/product.h"

namespace jamsu::ops::products {

// A task's part of C. REQUIRES: rows and panels to do.
void run_blocks(const Product& p, const Task& t, int worker, Context& context);

}  // namespace jamsu::ops::products

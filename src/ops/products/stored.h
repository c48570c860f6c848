#pragma once
// Products with weights as they lie: x is packed once, for all columns and for every product that reads it.
#include "ops/products/product.h"

namespace jamsu::ops::products {

// Chooses each product's strategy, cuts those of stored kernels to as many rows as these take, and gives them a place
// for their x. Returns the memory of these places.
Tensor place(std::vector<Product>& products, Context& context);
// Packs x of the products that have a place for it.
void pack_x(const std::vector<Product>& products, Context& context);
// A task's part of C. REQUIRES: x is packed; rows and panels to do.
void run_stored(const Product& p, const Task& t, int worker, Context& context);

// n columns of C = x w^T from `column` on; no C yet.
kernels::GemmStoredParams stored_params(const Product& p, const Weight& w, int64_t column, int64_t n, void* scratch);

}  // namespace jamsu::ops::products

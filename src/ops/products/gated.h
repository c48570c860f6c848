#pragma once
// gate, up and down of many rows as they lie: h = silu(gate) * up goes from one product to the next as packed x.
#include "ops/products/product.h"

namespace jamsu::ops::products {

// What ops::gated_mlp gives, [N, down.out]. REQUIRES: joins_gate_and_up.
Tensor gated(const Tensor& x, const Weight& gate, const Weight& up, const Weight& down, Context& context);

}  // namespace jamsu::ops::products

#pragma once
// Muon's direction: a matrix brought towards the nearest one with orthonormal rows (or columns).
#include "ops/context.h"

namespace jamsu::ops {

// x [rows, columns] becomes about U V^T of its singular value decomposition U S V^T: five Newton-Schulz steps
// X = a X + (b G + c G^2) X with G = X X^T, a, b, c = 3.4445, -4.7750, 2.0315, after a division by max(|x|, 1e-7).
// Jordan 2024 ("Muon"); singular values end between about 0.7 and 1.2, and 0 stays 0. Order: numerics.md section 3.
// Runs on the calling thread; `worker` is the pool's number of it, so that tasks may call this side by side.
void orthogonalize(float* x, int64_t rows, int64_t columns, int worker, Context& context);

}  // namespace jamsu::ops

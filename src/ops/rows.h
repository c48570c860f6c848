#pragma once
// Operations on rows: norm, activation, sums, slices, embedding. x [N, d] f32 unless said otherwise.
#include <span>

#include "ops/context.h"

namespace jamsu::ops {

// y[i, j] = x[i, j] * (1 / sqrt(mean_j(x[i, j]^2) + eps)) * w[j].   Zhang & Sennrich 2019 (arXiv:1910.07467).
//   x: [N, d], w: [d]  ->  y [N, d], scale [N] = 1 / sqrt(ms + eps).   Order of sums: numerics.md section 5.
struct RmsNormResult {
  Tensor y, scale;
};
RmsNormResult rms_norm(const Tensor& x, const Tensor& w, float eps, Context& context);
Tensor rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& w, const Tensor& scale, Context& context);
// dw += the long sum over rows of dy * (x * scale), formed apart and added once.
void rms_norm_weight_grad(const Tensor& dy, const Tensor& x, const Tensor& scale, Tensor& dw, Context& context);

// h = silu(gate) * up.   Shazeer 2020 (arXiv:2002.05202).
Tensor swiglu(const Tensor& gate, const Tensor& up, Context& context);
struct SwigluGrads {
  Tensor dgate, dup;
};
SwigluGrads swiglu_backward(const Tensor& dh, const Tensor& gate, const Tensor& up, Context& context);

Tensor add(const Tensor& a, const Tensor& b, Context& context);
void add_to(Tensor& a, const Tensor& b, Context& context);  // a += b
Tensor scale(const Tensor& a, float factor, Context& context);
Tensor copy(const Tensor& a, Context& context);

// Columns [begin, begin + width) of each row.
Tensor slice_columns(const Tensor& x, int64_t begin, int64_t width, Context& context);
void add_to_columns(Tensor& x, int64_t begin, const Tensor& slice, Context& context);
// [a | b] side by side.
Tensor concat_columns(const Tensor& a, const Tensor& b, Context& context);

// y[i] = x[rows[i]]; its backward dx[rows[i]] += dy[i], i ascending.
Tensor gather_rows(const Tensor& x, std::span<const int32_t> rows, Context& context);
void scatter_add_rows(Tensor& dx, const Tensor& dy, std::span<const int32_t> rows, Context& context);

// Rows of a table (f32 or bf16), widened. REQUIRES: every id in [0, rows of the table).
Tensor embedding(const Tensor& table, std::span<const int32_t> ids, Context& context);

// numerics.md section 2, long sums: chunks of 4,096 by sum16, chunk results by the binary tree.
float long_sum(const float* x, int64_t count);
float long_sum_of_squares(const float* x, int64_t count);
// Neighbours paired in index order, an odd last one carried. Consumes its argument.
float tree_sum(std::vector<float> values);

}  // namespace jamsu::ops

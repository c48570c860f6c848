#pragma once
// Matrix products of rows with weights, forward and backward; numerics.md sections 2 and 3.
//   N rows, in = K, out = M of the weight. x [N, in] f32, dy [N, out] f32.
#include <span>
#include <vector>

#include "ops/weight.h"

namespace jamsu::ops {

// y = x w^T (+ bias): [N, out] f32.
Tensor linear(const Tensor& x, const Weight& w, const float* bias, Context& context);
// Several of the same rows at once: what y[i] = linear(x, *terms[i].w, terms[i].bias) gives, x packed once where it is.
struct LinearTerm {
  const Weight* w;
  const float* bias = nullptr;
};
std::vector<Tensor> linears(const Tensor& x, std::span<const LinearTerm> terms, Context& context);
// linear(swiglu(linear(x, gate), linear(x, up)), down), with its bits: [N, down.out]. Where all three are used as they
// lie and rows are many, what lies between is never written as f32.
Tensor gated_mlp(const Tensor& x, const Weight& gate, const Weight& up, const Weight& down, Context& context);
// dx = dy w: [N, in]. The weight is packed for it (`backward`), or lies in its file: then blocks of its rows are packed
// into cache while dy passes them, without a copy of the weight;
// with the same bits for bf16, by numerics.md section 6 for scaled formats.
Tensor linear_dx(const Tensor& dy, const Weight& w, Context& context);
// dw += dy^T x: [out, in], contraction over the rows in order, with the gradient buffer as the accumulator.
void linear_dw(const Tensor& dy, const Tensor& x, kernels::Element element, Tensor& dw, Context& context);

// Rows sorted into groups (experts): group e has rows offsets[e] .. offsets[e + 1] and weight weights[e].
// All of equal shape.
struct Groups {
  std::span<const int64_t> offsets;        // [E + 1]
  std::span<const Weight* const> weights;  // [E]
};
// Row s of the result belongs to x row (rows ? rows[s] : s).
Tensor grouped_linear(const Tensor& x, const int32_t* rows, const Groups& groups, Context& context);
Tensor grouped_linear_dx(const Tensor& dy, const Groups& groups, Context& context);
// dws[e] += dy_e^T x_e; x already in group order. Null entries are skipped when the group is empty.
void grouped_linear_dw(const Tensor& dy, const Tensor& x, std::span<const int64_t> offsets, kernels::Element element,
                       std::span<Tensor* const> dws, Context& context);

}  // namespace jamsu::ops

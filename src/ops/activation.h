#pragma once
// What stands between the products of a gated MLP (Shazeer 2020, arXiv:2002.05202). Other functions than silu are plain
// code without ISA paths (docs/numerics.md section 5); silu is the kernel of ops/rows.h.
#include "ops/rows.h"

namespace jamsu::ops {

enum class Activation : uint8_t { silu, gelu, gelu_tanh, relu };

// y = f(x), element by element.
void activate(Activation f, const float* x, int64_t count, float* y);

// h = f(gate) * up, of equal shapes.
Tensor gated(Activation f, const Tensor& gate, const Tensor& up, Context& context);
// dup = dh * f(gate), dgate = (dh * up) * f'(gate).
SwigluGrads gated_backward(Activation f, const Tensor& dh, const Tensor& gate, const Tensor& up, Context& context);

}  // namespace jamsu::ops

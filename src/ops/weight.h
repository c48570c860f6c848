#pragma once
// Weight: a matrix [out, in] with its packed forms. numerics.md section 3: each published matrix is its own dot.
#include "ops/context.h"

namespace jamsu::ops {

struct Weight {
  int64_t out = 0, in = 0;
  kernels::Element element = kernels::Element::bf16;
  Tensor forward;   // panels with columns = out, contraction = in
  Tensor backward;  // panels with columns = in, contraction = out; undefined where no gradient is asked
};

enum class Packs : uint8_t { forward, forward_and_backward };

// Packs [out, in] values (f32 or bf16) at once; in bf16 elements they are rounded with to_bf16. The router takes
// Element::f32 of values the caller has rounded.
Weight make_weight(const Tensor& values, kernels::Element element, Packs packs, Context& context);
// The same into an existing weight (after an optimizer step). REQUIRES: equal shape.
void refresh_weight(Weight& weight, const Tensor& values, Context& context);

}  // namespace jamsu::ops

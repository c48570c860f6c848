#pragma once
// Weight: a matrix [out, in], where it lies in a file or packed. numerics.md section 3: each published matrix is its
// own dot.
#include "ops/context.h"

namespace jamsu::ops {

struct Weight {
  int64_t out = 0, in = 0;
  kernels::Element element = kernels::Element::bf16;
  Tensor forward;   // panels with columns = out, contraction = in
  Tensor backward;  // panels with columns = in, contraction = out; undefined where no gradient is asked
  // Instead of `forward`, in bf16 mode: the rows as published, bf16 or e4m3 [out, in], used where they lie (f32 and f16
  // rounded to rows of bf16 when a model is opened); e4m3 with a scale per block of 128 x 128 (DeepSeek-V3), f32
  // [ceil(out / 128), ceil(in / 128)].
  Tensor stored, scales;
  // Of the values: another number whenever they are set, and of no other weight of this process but copies of this
  // one; 0: none yet. What is derived from a weight is asked for by it.
  uint64_t version = 0;
};
inline constexpr int64_t kFp8Block = kernels::kScaleBlock;

enum class Packs : uint8_t { forward, forward_and_backward };

// Packs [out, in] values (f32 or bf16) at once; in bf16 elements they are rounded with to_bf16. The router takes
// Element::f32 of values the caller has rounded.
Weight make_weight(const Tensor& values, kernels::Element element, Packs packs, Context& context);
// For inference, without a copy: values bf16 [out, in], which somebody keeps alive. REQUIRES: bf16 mode.
Weight make_stored_weight(const Tensor& values);
// values: e4m3 [out, in], scales as in Weight. In bf16 mode both are used where they lie (numerics.md section 6); in
// f32 mode the values are f32(q) * scale, packed.
Weight make_fp8_weight(const Tensor& values, const Tensor& scales, Context& context);
// The values of rows [begin, end) as f32 (of FP8: f32(q) * scale), read back from where they are: [end - begin, in].
// Slow.
Tensor weight_rows(const Weight& w, int64_t begin, int64_t end, Context& context);
// The same into an existing weight (after an optimizer step), whose version changes. REQUIRES: equal shape.
void refresh_weight(Weight& weight, const Tensor& values, Context& context);

}  // namespace jamsu::ops

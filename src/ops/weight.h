#pragma once
// Weight: a matrix [out, in], where it lies in a file or packed.
// numerics.md section 3: each published matrix is its own dot.
#include <optional>

#include "ops/context.h"
#include "tensor/format.h"

namespace jamsu::ops {

struct Weight {
  int64_t out = 0, in = 0;
  kernels::Element element = kernels::Element::bf16;
  Tensor forward;   // panels with columns = out, contraction = in
  Tensor backward;  // panels with columns = in, contraction = out; undefined where no gradient is asked
  // Instead of `forward`, in bf16 mode: the rows as published, in a format that is used as it lies (bf16, or e4m3 with
  // a scale per block of 128 x 128); f32 and f16 are rounded to rows of bf16 when a model is opened. Null: packed.
  const Format* format = nullptr;
  Tensor rows;    // [out] rows of format->row_bytes(in) bytes
  Tensor scales;  // f32 format->scale_shape(out, in), where the format's scales lie beside
  // Of the values: another number whenever they are set, and of no other weight of this process but copies of this
  // one; 0: none yet. What is derived from a weight is asked for by it.
  uint64_t version = 0;

  // REQUIRES, here and below: there is a format.
  const std::byte* row(int64_t i) const { return rows.raw() + i * format->row_bytes(in); }
  // Of the value in row i and column j; 1 where none lies beside.
  float scale(int64_t i, int64_t j) const {
    return scales.defined() ? scales.f32()[i / format->scale_block * scales.dim(1) + j / format->scale_block] : 1.0f;
  }
};

// What kernels call the values of a format; nothing where they do not read it.
std::optional<kernels::Source> kernel_source(const Format& format);
// Whether make_weight takes values of a format (null: none); others are widened to f32 before.
bool can_be_packed(const Format* format);

enum class Packs : uint8_t { forward, forward_and_backward };

// Packs [out, in] values (of a format that can_be_packed) at once; in bf16 elements they are rounded with to_bf16. The
// router takes Element::f32 of values the caller has rounded.
Weight make_weight(const Tensor& values, kernels::Element element, Packs packs, Context& context);
// Without a copy: the rows where they lie, which somebody keeps alive, and their scales where the format has them
// beside. REQUIRES: a format that is used as it lies, rows and scales of the size it says. Products with it: bf16 mode.
Weight make_stored_weight(const Format& format, int64_t out, int64_t in, const Tensor& rows, const Tensor& scales = {});
// The same of values bf16 [out, in].
Weight make_stored_weight(const Tensor& values);
// values: e4m3 [out, in], scales as in Weight. In bf16 mode both are used where they lie (numerics.md section 6); in
// f32 mode the values are f32(q) * scale, packed.
Weight make_fp8_weight(const Tensor& values, const Tensor& scales, Context& context);
// The values of rows [begin, end) as f32 (with scales: f32(q) * scale), read back from where they are:
// [end - begin, in]. Slow.
Tensor weight_rows(const Weight& w, int64_t begin, int64_t end, Context& context);
// The same into an existing weight (after an optimizer step), whose version changes. REQUIRES: equal shape.
void refresh_weight(Weight& weight, const Tensor& values, Context& context);

}  // namespace jamsu::ops

#pragma once
// What multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1) does beside products and attention:
// rows of latents in a cache, and heads taken apart and put together. numerics.md section 4.
//   N rows in the batch, P positions of all segments, H heads, L latent, R rope.
#include <span>
#include <vector>

#include "ops/attention.h"

namespace jamsu::ops {

// How a position lies in a block of 32:
// row p % 32 of plain rows [normed latent | rotated k_rope], to_bf16 (f32 in f32 mode).
struct LatentGeometry {
  int64_t latent = 0, rope = 0;
  kernels::Element element = kernels::Element::bf16;
  int64_t row_bytes() const { return (latent + rope) * kernels::element_bytes(element); }
};

// Writes the new rows, latent [N, L] and k_rope [N, R], into the segments' blocks.
void store_latents(const Tensor& latent, const Tensor& k_rope, std::span<const KvSegment> segments,
                   const LatentGeometry& geometry);
// Positions 0 .. position + rows - 1 of each segment as f32, one segment after the other.
struct Latents {
  Tensor latent, k_rope;  // [P, L], [P, R]
};
Latents load_latents(std::span<const KvSegment> segments, const LatentGeometry& geometry, Context& context);

// Blocks for the keys and values of all P positions, zeroed. They live as long as `memory`.
struct TemporaryBlocks {
  std::vector<Tensor> memory;
  std::vector<KvSegment> positions;  // who writes: all positions of a segment as its new rows, counted as in Latents
  std::vector<KvSegment> rows;       // who reads: the batch's rows
};
TemporaryBlocks temporary_blocks(std::span<const KvSegment> segments, const KvGeometry& geometry, Context& context);

// Columns [begin, begin + width) of each head of x [N, H * stride], head after head: [H * N, width].
Tensor head_columns(const Tensor& x, int64_t heads, int64_t begin, int64_t width, Context& context);
// The other way: y [H * N, width] into columns [begin, begin + width) of each head of x [N, H * stride].
void put_head_columns(const Tensor& y, int64_t heads, int64_t begin, Tensor& x);

// x [n, k] -> [k, n].
Tensor transposed(const Tensor& x, Context& context);

}  // namespace jamsu::ops

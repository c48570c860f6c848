#pragma once
// Attention over blocks of 32 keys, numerics.md section 4 (online softmax: Milakov & Gimelshein 2018; Dao et al. 2022).
// Training and cache use the same blocks and the same kernels.
//   N rows in the batch, H heads, D query/key width, V value width.
#include <span>
#include <vector>

#include "ops/context.h"

namespace jamsu::ops {

// How the keys and values of one layer lie in a block of 32 positions: head by head, keys then values.
struct KvGeometry {
  int64_t heads = 0, d = 0, v = 0;
  kernels::Element element = kernels::Element::bf16;
  int64_t key_bytes() const { return kernels::key_block_elements(d) * kernels::element_bytes(element); }
  int64_t value_bytes() const { return kernels::value_block_elements(v) * kernels::element_bytes(element); }
  int64_t head_bytes() const { return key_bytes() + value_bytes(); }
  int64_t block_bytes() const { return heads * head_bytes(); }
};

// One sequence's new rows and the blocks that hold its positions 0 .. position + rows - 1.
struct KvSegment {
  int64_t first_row = 0, rows = 0, position = 0;
  std::vector<std::byte*> blocks;
};

// Where the keys or values of row i and head h come from: data + i * row_stride + h * head_stride, `width` floats.
struct KvSource {
  const float* data = nullptr;
  int64_t row_stride = 0, head_stride = 0, width = 0;
  // Rows of x [N, width], the same for every head.
  static KvSource shared(const Tensor& x) { return {x.f32(), x.dim(1), 0, x.dim(1)}; }
  // Columns [begin, begin + width) of each head of x [N, heads * stride].
  static KvSource by_head(const Tensor& x, int64_t heads, int64_t begin, int64_t width) {
    return {x.f32() + begin, x.dim(1), x.dim(1) / heads, width};
  }
};

// Writes the new rows' keys [first | second] and values into the blocks.
void store_kv(const KvSource& first, const KvSource& second, const KvSource& value, std::span<const KvSegment> segments,
              const KvGeometry& geometry, Context& context);

struct AttentionResult {
  Tensor out;  // [N, H * V]
  Tensor lse;  // [N, H], only when asked for
};
// q [N, H * D]. A query sees the last `window` keys up to its own. REQUIRES: as many query heads as key heads times an
// integer group; a window of at least 1.
AttentionResult attention(const Tensor& q, int64_t heads, std::span<const KvSegment> segments,
                          const KvGeometry& geometry, float scale, bool want_lse, Context& context,
                          int64_t window = kernels::kNoWindow);

struct AttentionGrads {
  Tensor dq, dk, dv;  // [N, H * D], [N, G * D], [N, G * V], G key heads
};
// REQUIRES: every segment starts at position 0.
AttentionGrads attention_backward(const Tensor& dout, const Tensor& q, const AttentionResult& forward, int64_t heads,
                                  std::span<const KvSegment> segments, const KvGeometry& geometry, float scale,
                                  Context& context, int64_t window = kernels::kNoWindow);

}  // namespace jamsu::ops

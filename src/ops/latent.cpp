#include "ops/latent.h"

#include <algorithm>

#include "base/math.h"

namespace jamsu::ops {

using kernels::kKeyBlock;

namespace {

void store_row(std::byte* to, const float* latent, const float* k_rope, const LatentGeometry& g) {
  for (int64_t j = 0; j < g.latent + g.rope; ++j) {
    const float value = j < g.latent ? latent[j] : k_rope[j - g.latent];
    if (g.element == kernels::Element::bf16)
      reinterpret_cast<uint16_t*>(to)[j] = f32_to_bf16(value);
    else
      reinterpret_cast<float*>(to)[j] = value;
  }
}

void load_row(const std::byte* from, float* latent, float* k_rope, const LatentGeometry& g) {
  for (int64_t j = 0; j < g.latent + g.rope; ++j) {
    const float value = g.element == kernels::Element::bf16 ? bf16_to_f32(reinterpret_cast<const uint16_t*>(from)[j])
                                                            : reinterpret_cast<const float*>(from)[j];
    (j < g.latent ? latent[j] : k_rope[j - g.latent]) = value;
  }
}

std::byte* row_at(const KvSegment& segment, int64_t position, const LatentGeometry& g) {
  return segment.blocks[static_cast<size_t>(position / kKeyBlock)] + position % kKeyBlock * g.row_bytes();
}

}  // namespace

void store_latents(const Tensor& latent, const Tensor& k_rope, std::span<const KvSegment> segments,
                   const LatentGeometry& geometry) {
  for (const KvSegment& s : segments)
    for (int64_t i = 0; i < s.rows; ++i) {
      const int64_t row = s.first_row + i;
      store_row(row_at(s, s.position + i, geometry), latent.f32() + row * geometry.latent,
                k_rope.f32() + row * geometry.rope, geometry);
    }
}

Latents load_latents(std::span<const KvSegment> segments, const LatentGeometry& geometry, Context& context) {
  int64_t total = 0;
  for (const KvSegment& s : segments) total += s.position + s.rows;
  Latents all{context.empty({total, geometry.latent}), context.empty({total, geometry.rope})};
  int64_t row = 0;
  for (const KvSegment& s : segments)
    for (int64_t p = 0; p < s.position + s.rows; ++p, ++row)
      load_row(row_at(s, p, geometry), all.latent.f32() + row * geometry.latent, all.k_rope.f32() + row * geometry.rope,
               geometry);
  return all;
}

TemporaryBlocks temporary_blocks(std::span<const KvSegment> segments, const KvGeometry& geometry, Context& context) {
  TemporaryBlocks all;
  int64_t first = 0;
  for (const KvSegment& s : segments) {
    const int64_t length = s.position + s.rows, count = (length + kKeyBlock - 1) / kKeyBlock;
    const Tensor& memory = all.memory.emplace_back(context.zeros({count * geometry.block_bytes()}, DType::u8));
    std::vector<std::byte*> blocks;
    for (int64_t b = 0; b < count; ++b) blocks.push_back(memory.raw() + b * geometry.block_bytes());
    all.positions.push_back({first, length, 0, blocks});
    all.rows.push_back({s.first_row, s.rows, s.position, std::move(blocks)});
    first += length;
  }
  return all;
}

Tensor head_columns(const Tensor& x, int64_t heads, int64_t begin, int64_t width, Context& context) {
  const int64_t rows = x.dim(0), stride = x.dim(1) / heads;
  Tensor out = context.empty({heads * rows, width});
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = 0; i < rows; ++i)
      std::copy_n(x.f32() + (i * heads + h) * stride + begin, width, out.f32() + (h * rows + i) * width);
  return out;
}

void put_head_columns(const Tensor& y, int64_t heads, int64_t begin, Tensor& x) {
  const int64_t rows = x.dim(0), stride = x.dim(1) / heads, width = y.dim(1);
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = 0; i < rows; ++i)
      std::copy_n(y.f32() + (h * rows + i) * width, width, x.f32() + (i * heads + h) * stride + begin);
}

Tensor transposed(const Tensor& x, Context& context) {
  const int64_t n = x.dim(0), k = x.dim(1);
  Tensor y = context.empty({k, n});
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < k; ++j) y.f32()[j * n + i] = x.f32()[i * k + j];
  return y;
}

}  // namespace jamsu::ops

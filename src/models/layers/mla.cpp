#include "models/layers/mla.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/math.h"
#include "models/layers/segments.h"
#include "ops/rows.h"

namespace jamsu::models {

using autograd::Value;
using kernels::kKeyBlock;

namespace {

// The latent norms keep 1e-6 whatever rms_norm_eps says (numerics.md section 5; transformers' DeepseekV3RMSNorm
// default).
constexpr float kLatentEps = 1e-6f;

// (nope + rope)^-1/2 times YaRN's m^2: an f64 product rounded once.
float softmax_scale(const DeepseekV3Config& config) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.qk_head_dim())) *
                            ops::Rope(config.rope()).softmax_factor);
}

}  // namespace

Mla::Mla(const NameScope& scope, const DeepseekV3Config& config)
    : heads_(config.num_attention_heads),
      nope_(config.qk_nope_head_dim),
      rope_(config.qk_rope_head_dim),
      v_(config.v_head_dim),
      kv_rank_(config.kv_lora_rank),
      scale_(softmax_scale(config)),
      kv_a_((scope / "kv_a_proj_with_mqa").matrix(config.kv_lora_rank + config.qk_rope_head_dim, config.hidden_size)),
      kv_norm_((scope / "kv_a_layernorm").vector(config.kv_lora_rank)),
      kv_b_((scope / "kv_b_proj").matrix(heads_ * (nope_ + v_), config.kv_lora_rank)),
      o_((scope / "o_proj").matrix(config.hidden_size, heads_ * v_)) {
  if (config.q_lora_rank) {
    q_a_ = &(scope / "q_a_proj").matrix(*config.q_lora_rank, config.hidden_size);
    q_norm_ = &(scope / "q_a_layernorm").vector(*config.q_lora_rank);
    q_b_ = &(scope / "q_b_proj").matrix(heads_ * (nope_ + rope_), *config.q_lora_rank);
  } else {
    q_ = &(scope / "q_proj").matrix(heads_ * (nope_ + rope_), config.hidden_size);
  }
}

LayerLayout Mla::layout(const DeepseekV3Config& config, CachePolicy policy, kernels::Element element) {
  if (policy == CachePolicy::latent)
    return PagedRows{(config.kv_lora_rank + config.qk_rope_head_dim) * kernels::element_bytes(element)};
  if (policy == CachePolicy::absorbed)  // one key head that all queries share: [latent | k_rope], and its latent again
    return PagedKv{
        {.heads = 1, .d = config.kv_lora_rank + config.qk_rope_head_dim, .v = config.kv_lora_rank, .element = element}};
  return PagedKv{
      {.heads = config.num_attention_heads, .d = config.qk_head_dim(), .v = config.v_head_dim, .element = element}};
}

Value Mla::queries(const Value& x, ForwardContext& c) const {
  if (q_) return autograd::linear(x, *q_, nullptr, c);
  const Value latent = autograd::rms_norm(autograd::linear(x, *q_a_, nullptr, c), *q_norm_, kLatentEps, c);
  return autograd::linear(latent, *q_b_, nullptr, c);
}

Value Mla::forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                   ForwardContext& c) const {
  const Value q = queries(x, c);
  const Value kv_a = autograd::linear(x, kv_a_, nullptr, c);
  const Value latent = autograd::rms_norm(autograd::slice_columns(kv_a, 0, kv_rank_, c), kv_norm_, kLatentEps, c);
  const Value k_rope = autograd::slice_columns(kv_a, kv_rank_, rope_, c);

  const StateLayout& layout = batch.segments.front().state->layout();
  JAMSU_CHECK(layout.policy == CachePolicy::expanded || !c.tape);  // training uses expanded states
  Value attended;
  if (layout.policy == CachePolicy::latent) {
    attended = attend_latent(q, latent, k_rope, batch, table, state_layer, c);
  } else if (layout.policy == CachePolicy::absorbed) {
    attended = attend_absorbed(q, latent, k_rope, batch, table, state_layer, c);
  } else {
    const Value kv = autograd::linear(latent, kv_b_, nullptr, c);
    const auto segments = kv_segments(batch, state_layer);
    attended = autograd::mla_attention(q, kv, k_rope,
                                       {.heads = heads_,
                                        .nope = nope_,
                                        .rope = rope_,
                                        .v = v_,
                                        .table = &table,
                                        .layout = kernels::RopeLayout::interleaved,
                                        .segments = segments,
                                        .geometry = std::get<PagedKv>(layout.layers[state_layer]).geometry,
                                        .scale = scale_},
                                       c);
  }
  return autograd::linear(attended, o_, nullptr, c);
}

namespace {

// Cached rows: to_bf16 of [normed latent | rotated k_rope] (f32 in f32 mode).
void store_row(std::byte* to, const float* latent, int64_t latent_width, const float* k_rope, int64_t rope_width,
               kernels::Element e) {
  for (int64_t j = 0; j < latent_width + rope_width; ++j) {
    const float value = j < latent_width ? latent[j] : k_rope[j - latent_width];
    if (e == kernels::Element::bf16)
      reinterpret_cast<uint16_t*>(to)[j] = f32_to_bf16(value);
    else
      reinterpret_cast<float*>(to)[j] = value;
  }
}
void load_row(const std::byte* from, float* latent, int64_t latent_width, float* k_rope, int64_t rope_width,
              kernels::Element e) {
  for (int64_t j = 0; j < latent_width + rope_width; ++j) {
    const float value = e == kernels::Element::bf16 ? bf16_to_f32(reinterpret_cast<const uint16_t*>(from)[j])
                                                    : reinterpret_cast<const float*>(from)[j];
    (j < latent_width ? latent[j] : k_rope[j - latent_width]) = value;
  }
}

}  // namespace

// Re-expands the whole past of each segment: kv_b on the cached latents, into blocks that live for this call.
Value Mla::attend_latent(const Value& q, const Value& latent, const Value& k_rope, const Batch& batch,
                         const ops::RopeTable& table, size_t state_layer, ForwardContext& c) const {
  const kernels::Element element = ops::matmul_element(c.ops.numerics);
  const int64_t row_bytes = (kv_rank_ + rope_) * kernels::element_bytes(element);
  Tensor qt = q.tensor, kr = k_rope.tensor;
  ops::rope(qt, heads_, nope_ + rope_, nope_, table, kernels::RopeLayout::interleaved, false, c.ops);
  ops::rope(kr, 1, rope_, 0, table, kernels::RopeLayout::interleaved, false, c.ops);

  int64_t total = 0;
  for (const Segment& s : batch.segments) total += s.position + s.rows;
  Tensor all_latent = c.ops.empty({total, kv_rank_}), all_rope = c.ops.empty({total, rope_});
  const ops::KvGeometry geometry{.heads = heads_, .d = nope_ + rope_, .v = v_, .element = element};
  std::vector<ops::KvSegment> whole, asked;
  std::vector<Tensor> memory;
  int64_t first = 0;
  for (const Segment& s : batch.segments) {
    const auto rows = s.state->blocks(state_layer);
    const int64_t length = s.position + s.rows;
    for (int64_t i = 0; i < s.rows; ++i) {
      const int64_t p = s.position + i, row = s.first_row + i;
      store_row(rows[static_cast<size_t>(p / kKeyBlock)] + p % kKeyBlock * row_bytes,
                latent.tensor.f32() + row * kv_rank_, kv_rank_, kr.f32() + row * rope_, rope_, element);
    }
    for (int64_t p = 0; p < length; ++p)
      load_row(rows[static_cast<size_t>(p / kKeyBlock)] + p % kKeyBlock * row_bytes,
               all_latent.f32() + (first + p) * kv_rank_, kv_rank_, all_rope.f32() + (first + p) * rope_, rope_,
               element);
    const int64_t blocks = (length + kKeyBlock - 1) / kKeyBlock;
    memory.push_back(c.ops.zeros({blocks * geometry.block_bytes()}, DType::u8));
    std::vector<std::byte*> pointers;
    for (int64_t b = 0; b < blocks; ++b) pointers.push_back(memory.back().raw() + b * geometry.block_bytes());
    whole.push_back({first, length, 0, pointers});
    asked.push_back({s.first_row, s.rows, s.position, pointers});
    first += length;
  }
  const Tensor kv = ops::linear(all_latent, kv_b_.weight, nullptr, c.ops);
  const int64_t width = nope_ + v_;
  ops::store_kv({kv.f32(), heads_ * width, width, nope_}, {all_rope.f32(), rope_, 0, rope_},
                {kv.f32() + nope_, heads_ * width, width, v_}, whole, geometry, c.ops);
  return {ops::attention(qt, heads_, asked, geometry, scale_, false, c.ops).out, -1};
}

const Mla::Absorbed& Mla::absorbed(ForwardContext& c) const {
  if (absorbed_) return *absorbed_;
  auto parts = std::make_unique<Absorbed>();
  const kernels::Element element = ops::matmul_element(c.ops.numerics);
  for (int64_t h = 0; h < heads_; ++h) {
    const int64_t first = h * (nope_ + v_);
    const Tensor keys = ops::weight_rows(kv_b_.weight, first, first + nope_, c.ops);
    Tensor turned = c.ops.empty({kv_rank_, nope_});
    for (int64_t i = 0; i < nope_; ++i)
      for (int64_t j = 0; j < kv_rank_; ++j) turned.f32()[j * nope_ + i] = keys.f32()[i * kv_rank_ + j];
    parts->keys.push_back(ops::make_weight(turned, element, ops::Packs::forward, c.ops));
    parts->values.push_back(ops::make_weight(ops::weight_rows(kv_b_.weight, first + nope_, first + nope_ + v_, c.ops),
                                             element, ops::Packs::forward, c.ops));
  }
  absorbed_ = std::move(parts);
  return *absorbed_;
}

namespace {

// Columns [begin, begin + width) of each head of x [N, H * stride], head after head: [H * N, width].
Tensor head_columns(const Tensor& x, int64_t heads, int64_t begin, int64_t width, ops::Context& context) {
  const int64_t rows = x.dim(0), stride = x.dim(1) / heads;
  Tensor out = context.empty({heads * rows, width});
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = 0; i < rows; ++i)
      std::copy_n(x.f32() + (i * heads + h) * stride + begin, width, out.f32() + (h * rows + i) * width);
  return out;
}
// The other way: y [H * N, width] into columns [begin, begin + width) of each head of x.
void put_head_columns(const Tensor& y, int64_t heads, int64_t begin, Tensor& x) {
  const int64_t rows = x.dim(0), stride = x.dim(1) / heads, width = y.dim(1);
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = 0; i < rows; ++i)
      std::copy_n(y.f32() + (h * rows + i) * width, width, x.f32() + (i * heads + h) * stride + begin);
}

// x [H * N, in] times one weight a head.
Tensor by_head(const Tensor& x, const std::vector<ops::Weight>& weights, ops::Context& context) {
  const auto heads = static_cast<int64_t>(weights.size());
  std::vector<int64_t> offsets;
  std::vector<const ops::Weight*> pointers;
  for (int64_t h = 0; h <= heads; ++h) offsets.push_back(h * (x.dim(0) / heads));
  for (const ops::Weight& w : weights) pointers.push_back(&w);
  return ops::grouped_linear(x, nullptr, {offsets, pointers}, context);
}

}  // namespace

// DeepSeek-V2, arXiv:2405.04434, section 2.1.2: q^T (W_uk c) = (W_uk^T q)^T c, and sum p (W_uv c) = W_uv (sum p c).
Value Mla::attend_absorbed(const Value& q, const Value& latent, const Value& k_rope, const Batch& batch,
                           const ops::RopeTable& table, size_t state_layer, ForwardContext& c) const {
  const Absorbed& parts = absorbed(c);
  const auto& geometry = std::get<PagedKv>(batch.segments.front().state->layout().layers[state_layer]).geometry;
  Tensor qt = q.tensor, kr = k_rope.tensor;
  ops::rope(qt, heads_, nope_ + rope_, nope_, table, kernels::RopeLayout::interleaved, false, c.ops);
  ops::rope(kr, 1, rope_, 0, table, kernels::RopeLayout::interleaved, false, c.ops);
  Tensor queries = c.ops.empty({qt.dim(0), heads_ * (kv_rank_ + rope_)});
  put_head_columns(by_head(head_columns(qt, heads_, 0, nope_, c.ops), parts.keys, c.ops), heads_, 0, queries);
  put_head_columns(head_columns(qt, heads_, nope_, rope_, c.ops), heads_, kv_rank_, queries);
  const auto segments = kv_segments(batch, state_layer);
  const ops::KvSource latents{latent.tensor.f32(), kv_rank_, 0, kv_rank_};
  ops::store_kv(latents, {kr.f32(), rope_, 0, rope_}, latents, segments, geometry, c.ops);
  const Tensor sums = ops::attention(queries, heads_, segments, geometry, scale_, false, c.ops).out;
  Tensor out = c.ops.empty({qt.dim(0), heads_ * v_});
  put_head_columns(by_head(head_columns(sums, heads_, 0, kv_rank_, c.ops), parts.values, c.ops), heads_, 0, out);
  return {out, -1};
}

}  // namespace jamsu::models

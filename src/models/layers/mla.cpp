#include "models/layers/mla.h"

#include "models/layers/segments.h"
#include "ops/latent.h"

namespace jamsu::models {

using autograd::Value;

namespace {

// The latent norms keep 1e-6 whatever rms_norm_eps says (numerics.md section 5;
// transformers' DeepseekV3RMSNorm default).
constexpr float kLatentEps = 1e-6f;

}  // namespace

Mla::Mla(const NameScope& scope, const MlaShape& shape)
    : shape_(shape),
      kv_a_(scope / "kv_a_proj_with_mqa", shape.kv_rank + shape.rope, shape.hidden, shape.bias),
      kv_norm_((scope / "kv_a_layernorm").vector(shape.kv_rank)),
      kv_b_(scope / "kv_b_proj", shape.heads * (shape.nope + shape.v), shape.kv_rank),
      o_(scope / "o_proj", shape.hidden, shape.heads * shape.v, shape.bias),
      q_a_(shape.q_rank > 0 ? std::optional(Linear(scope / "q_a_proj", shape.q_rank, shape.hidden, shape.bias))
                            : std::nullopt),
      q_norm_(q_a_ ? &(scope / "q_a_layernorm").vector(shape.q_rank) : nullptr),
      q_(q_a_ ? Linear(scope / "q_b_proj", shape.heads * shape.qk(), shape.q_rank)
              : Linear(scope / "q_proj", shape.heads * shape.qk(), shape.hidden)) {}

LayerLayout Mla::layout(CachePolicy policy, kernels::Element element) const {
  const int64_t row = shape_.kv_rank + shape_.rope;
  if (policy == CachePolicy::latent) return PagedRows{row * kernels::element_bytes(element)};
  if (policy == CachePolicy::absorbed)  // one key head that all queries share: [latent | k_rope], and its latent again
    return PagedKv{{.heads = 1, .d = row, .v = shape_.kv_rank, .element = element}};
  return PagedKv{{.heads = shape_.heads, .d = shape_.qk(), .v = shape_.v, .element = element}};
}

Mla::Projected Mla::project(const Value& x, ForwardContext& c) const {
  const Value q = q_.forward(q_a_ ? autograd::rms_norm(q_a_->forward(x, c), *q_norm_, kLatentEps, c) : x, c);
  const Value kv_a = kv_a_.forward(x, c);
  const Value latent = autograd::rms_norm(autograd::slice_columns(kv_a, 0, shape_.kv_rank, c), kv_norm_, kLatentEps, c);
  return {q, latent, autograd::slice_columns(kv_a, shape_.kv_rank, shape_.rope, c)};
}

Value Mla::forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                   ForwardContext& c) const {
  const Projected projected = project(x, c);
  const CachePolicy policy = batch.segments.front().state->layout().policy;
  JAMSU_CHECK(policy == CachePolicy::expanded || !c.tape);  // training uses expanded states
  const Value attended = policy == CachePolicy::latent     ? attend_latent(projected, batch, table, state_layer, c)
                         : policy == CachePolicy::absorbed ? attend_absorbed(projected, batch, table, state_layer, c)
                                                           : attend_expanded(projected, batch, table, state_layer, c);
  return o_.forward(attended, c);
}

Value Mla::attend_expanded(const Projected& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                           ForwardContext& c) const {
  const Value kv = kv_b_.forward(x.latent, c);
  const auto segments = kv_segments(batch, state_layer);
  const LayerLayout& layout = batch.segments.front().state->layout().layers[state_layer];
  return autograd::mla_attention(x.q, kv, x.k_rope,
                                 {.heads = shape_.heads,
                                  .nope = shape_.nope,
                                  .rope = shape_.rope,
                                  .v = shape_.v,
                                  .table = &table,
                                  .layout = shape_.layout,
                                  .segments = segments,
                                  .geometry = std::get<PagedKv>(layout).geometry,
                                  .scale = shape_.scale},
                                 c);
}

void Mla::rotate(const Projected& x, const ops::RopeTable& table, ForwardContext& c) const {
  Tensor q = x.q.tensor, k_rope = x.k_rope.tensor;
  ops::rope(q, shape_.heads, shape_.qk(), shape_.nope, table, shape_.layout, false, c.ops);
  ops::rope(k_rope, 1, shape_.rope, 0, table, shape_.layout, false, c.ops);
}

// Re-expands the whole past of each segment: kv_b on the cached latents, into blocks that live for this call.
Value Mla::attend_latent(const Projected& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                         ForwardContext& c) const {
  const kernels::Element element = ops::matmul_element(c.ops.numerics);
  const ops::LatentGeometry cached{.latent = shape_.kv_rank, .rope = shape_.rope, .element = element};
  const ops::KvGeometry geometry{.heads = shape_.heads, .d = shape_.qk(), .v = shape_.v, .element = element};
  rotate(x, table, c);
  const auto segments = kv_segments(batch, state_layer);
  ops::store_latents(x.latent.tensor, x.k_rope.tensor, segments, cached);
  const ops::Latents all = ops::load_latents(segments, cached, c.ops);
  const ops::TemporaryBlocks blocks = ops::temporary_blocks(segments, geometry, c.ops);
  const Tensor kv = kv_b_.forward({all.latent, -1}, c).tensor;
  ops::store_kv(ops::KvSource::by_head(kv, shape_.heads, 0, shape_.nope), ops::KvSource::shared(all.k_rope),
                ops::KvSource::by_head(kv, shape_.heads, shape_.nope, shape_.v), blocks.positions, geometry, c.ops);
  return {ops::attention(x.q.tensor, shape_.heads, blocks.rows, geometry, shape_.scale, false, c.ops).out, -1};
}

const Mla::Absorbed& Mla::absorbed(ForwardContext& c) const {
  const ops::Weight& kv_b = kv_b_.weight().weight;
  if (!absorbed_.keys.empty() && absorbed_.version == kv_b.version) return absorbed_;
  absorbed_ = {};  // its memory first
  Absorbed parts{.version = kv_b.version, .keys = {}, .values = {}};
  const auto made = [&](const Tensor& values) {
    return ops::make_weight(values, ops::matmul_element(c.ops.numerics), ops::Packs::forward, c.ops);
  };
  for (int64_t h = 0; h < shape_.heads; ++h) {
    const int64_t keys = h * (shape_.nope + shape_.v), values = keys + shape_.nope;
    parts.keys.push_back(made(ops::transposed(ops::weight_rows(kv_b, keys, values, c.ops), c.ops)));
    parts.values.push_back(made(ops::weight_rows(kv_b, values, values + shape_.v, c.ops)));
  }
  absorbed_ = std::move(parts);
  return absorbed_;
}

namespace {

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
Value Mla::attend_absorbed(const Projected& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                           ForwardContext& c) const {
  const Absorbed& parts = absorbed(c);
  const auto& geometry = std::get<PagedKv>(batch.segments.front().state->layout().layers[state_layer]).geometry;
  const Tensor& q = x.q.tensor;
  const int64_t heads = shape_.heads, kv_rank = shape_.kv_rank;
  rotate(x, table, c);
  Tensor queries = c.ops.empty({q.dim(0), heads * (kv_rank + shape_.rope)});
  const Tensor nope = ops::head_columns(q, heads, 0, shape_.nope, c.ops);
  ops::put_head_columns(by_head(nope, parts.keys, c.ops), heads, 0, queries);
  ops::put_head_columns(ops::head_columns(q, heads, shape_.nope, shape_.rope, c.ops), heads, kv_rank, queries);
  const auto segments = kv_segments(batch, state_layer);
  const auto latents = ops::KvSource::shared(x.latent.tensor);
  ops::store_kv(latents, ops::KvSource::shared(x.k_rope.tensor), latents, segments, geometry, c.ops);
  const Tensor sums = ops::attention(queries, heads, segments, geometry, shape_.scale, false, c.ops).out;
  Tensor out = c.ops.empty({q.dim(0), heads * shape_.v});
  ops::put_head_columns(by_head(ops::head_columns(sums, heads, 0, kv_rank, c.ops), parts.values, c.ops), heads, 0, out);
  return {out, -1};
}

}  // namespace jamsu::models

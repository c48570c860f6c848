#include "models/layers/gqa.h"

#include <array>

#include "models/layers/segments.h"

namespace jamsu::models {

using autograd::Parameter;
using autograd::Value;

Gqa::Gqa(const NameScope& scope, const GqaShape& shape)
    : shape_(shape),
      q_(scope / "q_proj", shape.heads * shape.width, shape.hidden, shape.bias),
      k_(scope / "k_proj", shape.key_heads * shape.width, shape.hidden, shape.bias),
      v_(scope / "v_proj", shape.key_heads * shape.width, shape.hidden, shape.bias),
      o_(scope / "o_proj", shape.hidden, shape.heads * shape.width, shape.out_bias) {
  if (shape.norm != QkNorm::none) {
    const bool all = shape.norm == QkNorm::all;
    q_norm_ = &(scope / "q_norm").vector(all ? shape.heads * shape.width : shape.width);
    k_norm_ = &(scope / "k_norm").vector(all ? shape.key_heads * shape.width : shape.width);
  }
}

LayerLayout Gqa::layout(kernels::Element element) const {
  return PagedKv{{.heads = shape_.key_heads, .d = shape_.width, .v = shape_.width, .element = element}, shape_.window};
}

Value Gqa::heads_of(const Value& y, const Parameter* norm, ForwardContext& c) const {
  if (!norm) return y;
  if (shape_.norm == QkNorm::all) return autograd::rms_norm(y, *norm, shape_.eps, c);
  const int64_t rows = y.tensor.dim(0), width = y.tensor.dim(1);
  const Value each = autograd::reshape(y, {rows * (width / shape_.width), shape_.width}, c);
  return autograd::reshape(autograd::rms_norm(each, *norm, shape_.eps, c), {rows, width}, c);
}

Value Gqa::forward(const Value& x, const Batch& batch, const ops::RopeTable& table, size_t state_layer,
                   ForwardContext& c) const {
  const std::vector<Value> y = autograd::linears(x, std::array{q_.term(), k_.term(), v_.term()}, c);
  const Value q = heads_of(y[0], q_norm_, c), k = heads_of(y[1], k_norm_, c);
  const Value& v = y[2];
  const auto segments = kv_segments(batch, state_layer);
  const auto& paged = std::get<PagedKv>(batch.segments.front().state->layout().layers[state_layer]);
  const Value attended = autograd::gqa_attention(q, k, v,
                                                 {.heads = shape_.heads,
                                                  .key_heads = shape_.key_heads,
                                                  .width = shape_.width,
                                                  .table = &table,
                                                  .segments = segments,
                                                  .geometry = paged.geometry,
                                                  .scale = shape_.scale,
                                                  .window = shape_.window},
                                                 c);
  return o_.forward(attended, c);
}

}  // namespace jamsu::models

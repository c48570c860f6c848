#include "models/layers/lightning.h"

#include "base/math.h"
#include "ops/lightning.h"

namespace jamsu::models {

using autograd::Value;

namespace {

constexpr float kNormEps = 1e-6f;  // whatever rms_norm_eps says, as published

// exp(-s), s = 2^(-8 (h + 1) / H) (1 - layer / (L - 1 + 1e-5) + 1e-5).
std::vector<float> decays(const LightningShape& shape) {
  const double factor = 1.0 - static_cast<double>(shape.layer) / (static_cast<double>(shape.layers - 1) + 1e-5) + 1e-5;
  std::vector<float> decay;
  for (int64_t h = 1; h <= shape.heads; ++h) {
    const double slope = math::pow(2.0, -8.0 * static_cast<double>(h) / static_cast<double>(shape.heads)) * factor;
    decay.push_back(math::exp(static_cast<float>(-slope)));
  }
  return decay;
}

}  // namespace

Lightning::Lightning(const NameScope& scope, const LightningShape& shape)
    : shape_(shape),
      decay_(decays(shape)),
      qkv_(scope / "qkv_proj", 3 * shape.heads * shape.width, shape.hidden),
      gate_(scope / "output_gate", shape.heads * shape.width, shape.hidden),
      norm_((scope / "norm").vector(shape.heads * shape.width)),
      out_(scope / "out_proj", shape.hidden, shape.heads * shape.width) {}

LayerLayout Lightning::layout() const {
  return FixedState{shape_.heads * shape_.width * shape_.width * static_cast<int64_t>(sizeof(float))};
}

Value Lightning::forward(const Value& x, const Batch& batch, size_t state_layer, ForwardContext& c) const {
  JAMSU_CHECK(c.tape == nullptr);
  std::vector<ops::LightningSegment> segments;
  for (const Segment& s : batch.segments)
    segments.push_back({s.first_row, s.rows, reinterpret_cast<float*>(s.state->fixed(state_layer))});
  const Value qkv = qkv_.forward(x, c);
  Value attended{ops::lightning(qkv.tensor, {shape_.heads, shape_.width, decay_, shape_.activation}, segments, c.ops)};
  attended = autograd::rms_norm(attended, norm_, kNormEps, c);
  const Value gate = gate_.forward(x, c);
  return out_.forward(Value{ops::sigmoid_gate(attended.tensor, gate.tensor, c.ops)}, c);
}

}  // namespace jamsu::models

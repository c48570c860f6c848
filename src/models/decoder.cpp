#include "models/decoder.h"

#include "models/count.h"
#include "models/layers/mlp.h"
#include "models/layers/segments.h"

namespace jamsu::models {

using autograd::Value;

// DeepSeek-V3, section 2.2, with the embedding first in the concatenation and h after the final norm, as the released
// weights are used (golden/training README). Embedding and head are the trunk's.
class Decoder::MtpModule final : public Mtp {
 public:
  MtpModule(const NameScope& scope, const Decoder& trunk, const ModelInfo& info, ops::Numerics numerics,
            const MakeLayer& make_layer)
      : trunk_(trunk),
        embedding_norm_((scope / "enorm").vector(info.hidden)),
        hidden_norm_((scope / "hnorm").vector(info.hidden)),
        join_(scope / "eh_proj", info.hidden, 2 * info.hidden),
        layer_(make_layer(scope, info.layers)),
        head_norm_((scope / "shared_head" / "norm").vector(info.hidden)) {
    layout_.layers.push_back(layer_->layout(CachePolicy::expanded, ops::matmul_element(numerics)));
  }

  Value hidden(const Value& hidden, const Batch& batch, ForwardContext& c) const override {
    const ops::RopeTable table = rope_table_of(batch, trunk_.rope_, c.ops);
    const auto index = static_cast<int64_t>(trunk_.layers());
    const float eps = trunk_.shape_.eps;
    const Value e = autograd::rms_norm(trunk_.embed(batch.tokens, c), embedding_norm_, eps, c);
    const Value h = autograd::rms_norm(hidden, hidden_norm_, eps, c);
    const Value x = join_.forward(autograd::concat_columns(e, h, c), c);
    if (c.observer) c.observer->hidden(index + 1, x.tensor);
    const Value y = layer_->forward(x, batch, table, 0, c);
    if (c.observer) c.observer->hidden(index + 2, y.tensor);
    return autograd::rms_norm(y, head_norm_, eps, c);
  }
  const StateLayout& layout() const override { return layout_; }
  MoE* moe() { return layer_->moe(); }

 private:
  const Decoder& trunk_;
  const autograd::Parameter &embedding_norm_, &hidden_norm_;
  Linear join_;
  std::unique_ptr<DecoderLayer> layer_;
  const autograd::Parameter& head_norm_;
  StateLayout layout_;
};

namespace {

std::vector<std::unique_ptr<DecoderLayer>> make_layers(const NameScope& scope, int64_t count,
                                                       const MakeLayer& make_layer) {
  std::vector<std::unique_ptr<DecoderLayer>> layers;
  for (int64_t i = 0; i < count; ++i) layers.push_back(make_layer(scope / i, i));
  return layers;
}

}  // namespace

Decoder::Decoder(ModelInfo info, const DecoderShape& shape, ops::Numerics numerics, const MakeLayer& make_layer)
    : shape_(shape),
      rope_(shape.rope),
      embedding_((NameScope(parameters_) / "model" / "embed_tokens").table(info.vocab, info.hidden)),
      layers_(make_layers(NameScope(parameters_) / "model" / "layers", info.layers, make_layer)),
      final_norm_((NameScope(parameters_) / "model" / "norm").vector(info.hidden)),
      mtp_(info.has_mtp ? std::make_unique<MtpModule>(
                              (NameScope(parameters_) / "model" / "layers" / info.layers).part(autograd::Part::mtp),
                              *this, info, numerics, make_layer)
                        : nullptr),
      head_(info.tied_head ? Linear(parameters_.tie(embedding_))
                           : Linear(NameScope(parameters_) / "lm_head", info.vocab, info.hidden)) {
  info_ = std::move(info);
  count_parameters(parameters_, moe_layers(), info_);
  layouts_.clear();
  for (const CachePolicy policy : kCachePolicies) {
    if (policy != CachePolicy::expanded && !shape.latents) continue;
    StateLayout& layout = layouts_.emplace_back();
    layout.policy = policy;
    for (const auto& layer : layers_) layout.layers.push_back(layer->layout(policy, ops::matmul_element(numerics)));
  }
}

Decoder::~Decoder() = default;

Value Decoder::embed(std::span<const int32_t> tokens, ForwardContext& c) const {
  const Value x = autograd::embedding(embedding_, tokens, c);
  return shape_.embedding_multiplier == 1 ? x : autograd::scale(x, shape_.embedding_multiplier, c);
}

Value Decoder::forward(Value x, const Batch& batch, size_t first, size_t last, ForwardContext& c) const {
  JAMSU_CHECK(first <= last && last <= layers());
  const ops::RopeTable table = rope_table_of(batch, rope_, c.ops);
  for (size_t i = first; i < last; ++i) {
    if (c.observer) c.observer->hidden(static_cast<int64_t>(i), x.tensor);
    x = layers_[i]->forward(x, batch, table, i, c);
  }
  if (c.observer && last == layers()) c.observer->hidden(static_cast<int64_t>(last), x.tensor);
  return x;
}

Value Decoder::norm(const Value& x, ForwardContext& c) const {
  return autograd::rms_norm(x, final_norm_, shape_.eps, c);
}

Value Decoder::hidden(const Batch& batch, ForwardContext& c) const {
  return norm(forward(embed(batch.tokens, c), batch, 0, layers(), c), c);
}

Value Decoder::logits(const Value& hidden, ForwardContext& c) const {
  const Value y = head_.forward(hidden, c);
  return shape_.logits_scaling == 1 ? y : autograd::scale(y, shape_.logits_scaling, c);
}

const Mtp* Decoder::mtp() const {
  return mtp_.get();
}

std::vector<MoE*> Decoder::moe_layers() {
  std::vector<MoE*> all;
  for (const auto& layer : layers_)
    if (MoE* moe = layer->moe()) all.push_back(moe);
  if (MoE* moe = mtp_ ? mtp_->moe() : nullptr) all.push_back(moe);
  return all;
}

}  // namespace jamsu::models

#pragma once
// The trunk that the decoders of all families share: embedding, layers, final norm, head, and a multi-token prediction
// module behind them. A family gives its layer and what it says of itself.   N rows, d hidden, L layers.
#include <functional>
#include <memory>
#include <vector>

#include "models/layers/decoder_layer.h"
#include "models/layers/linear.h"
#include "models/model.h"

namespace jamsu::models {

// What ModelInfo does not say of a trunk.
struct DecoderShape {
  float eps = 1e-6f;  // of the final norm, and of the MTP module's norms
  ops::RopeConfig rope;
  float embedding_multiplier = 1, logits_scaling = 1;  // muP's factors on what comes in and on the logits
  bool latents = false;                                // the layers' states differ by cache policy (MLA)
};

// A layer whose parameters' names begin with the scope. `index` counts from 0; the number of layers: the MTP module's.
using MakeLayer = std::function<std::unique_ptr<DecoderLayer>(const NameScope& scope, int64_t index)>;

class Decoder : public Model {
 public:
  ~Decoder() override;

  autograd::Value hidden(const Batch& batch, ForwardContext& c) const final;
  autograd::Value logits(const autograd::Value& hidden, ForwardContext& c) const final;
  const Mtp* mtp() const final;
  std::vector<MoE*> moe_layers() final;

  // The parts of `hidden`, for whoever runs a part of a model: norm(forward(embed(tokens), batch, 0, layers())).
  size_t layers() const { return layers_.size(); }
  // Input of the first layer, [N, d].
  autograd::Value embed(std::span<const int32_t> tokens, ForwardContext& c) const;
  // Layers [first, last): x [N, d], input of layer `first`, becomes the output of layer last - 1. Pieces one after the
  // other give the bits of the whole. REQUIRES: first <= last <= layers().
  autograd::Value forward(autograd::Value x, const Batch& batch, size_t first, size_t last, ForwardContext& c) const;
  // The final norm, [N, d].
  autograd::Value norm(const autograd::Value& x, ForwardContext& c) const;

 protected:
  // Vocabulary, width, number of layers, tied head and MTP module are those of `info`, whose counts of parameters and
  // of products with weights are filled here.
  // Parameters have names and shapes but no values yet (set_weights, or the trainer's init).
  Decoder(ModelInfo info, const DecoderShape& shape, ops::Numerics numerics, const MakeLayer& make_layer);

 private:
  class MtpModule;

  DecoderShape shape_;
  ops::Rope rope_;
  // In the order of their parameters.
  const autograd::Parameter& embedding_;
  std::vector<std::unique_ptr<DecoderLayer>> layers_;
  const autograd::Parameter& final_norm_;
  std::unique_ptr<MtpModule> mtp_;
  Linear head_;
};

}  // namespace jamsu::models

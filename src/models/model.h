#pragma once
// One model definition for training and inference: layers call autograd functions, which record only when a tape is
// given.
#include <memory>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "models/batch.h"
#include "models/model_info.h"
#include "models/parameters.h"
#include "models/sequence_state.h"

namespace jamsu::models {

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const = 0;

  // Rows after the final norm, [N, hidden]. Every segment's state must have room for its rows (reserve) and is read and
  // written, not advanced. REQUIRES: tokens in the vocabulary, positions below the context length.
  virtual autograd::Value hidden(const Batch& batch, ForwardContext& c) const = 0;
  // Logits of rows of `hidden`, [rows, vocab].
  virtual autograd::Value logits(const autograd::Value& hidden, ForwardContext& c) const = 0;
  // The multi-token prediction module: rows of the main model's `hidden` (position t) and the tokens at t + 1 give the
  // rows whose logits predict t + 2. `batch.tokens` are the tokens at t + 1; its segments' states come from
  // mtp_layout(). REQUIRES: info().has_mtp.
  virtual autograd::Value mtp_hidden(const autograd::Value& hidden, const Batch& batch, ForwardContext& c) const = 0;

  // The same object for policies that are the same to this model.
  virtual const StateLayout& state_layout(CachePolicy policy) const = 0;
  virtual const StateLayout& mtp_layout() const = 0;

  virtual ParameterSet& parameters() = 0;
  virtual const ParameterSet& parameters() const = 0;
  // The correction bias of each MoE layer, the MTP module's last; by layer index.
  virtual std::vector<std::pair<int64_t, autograd::Parameter*>> correction_biases() = 0;

  // Files in which weights lie that were not copied. Whoever uses a forward's result asks intact() after it: an error,
  // which names the file, when one of them was changed since it was opened. Thread-safe.
  void reads_on_from(std::vector<std::shared_ptr<const MappedFile>> files) { files_ = std::move(files); }
  Status intact() const {
    for (const auto& file : files_)
      if (auto s = file->intact(); !s) return s;
    return {};
  }

 private:
  std::vector<std::shared_ptr<const MappedFile>> files_;
};

// The policies that differ for this model, `expanded` first.
std::vector<CachePolicy> cache_policies(const Model& model);
// What requests get unless they say otherwise: absorbed where expanded keys and values would be large.
CachePolicy default_cache_policy(const Model& model);

}  // namespace jamsu::models

#pragma once
// One model definition for training and inference:
// layers call autograd functions, which record only when a tape is given.
#include <memory>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "models/batch.h"
#include "models/model_info.h"
#include "models/parameters.h"
#include "models/sequence_state.h"

namespace jamsu::models {

class MoE;

// A module that predicts one token further (multi-token prediction, DeepSeek-V3, arXiv:2412.19437, section 2.2).
class Mtp {
 public:
  virtual ~Mtp() = default;
  // Rows of the main model's `hidden` (position t) and the tokens at t + 1 give the rows whose logits predict t + 2,
  // [N, hidden]. The batch is of these rows: its tokens are those at t + 1, its segments' states come from layout(),
  // its row_begin counts them.
  virtual autograd::Value hidden(const autograd::Value& hidden, const Batch& batch, ForwardContext& c) const = 0;
  virtual const StateLayout& layout() const = 0;
};

// One forward at a time: layers may keep what they derive from weights.
class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Rows after the final norm, [N, hidden]. Every segment's state must have room for its rows (reserve) and is read and
  // written, not advanced. REQUIRES: tokens in the vocabulary, positions below the context length.
  virtual autograd::Value hidden(const Batch& batch, ForwardContext& c) const = 0;
  // Logits of rows of `hidden`, [rows, vocab].
  virtual autograd::Value logits(const autograd::Value& hidden, ForwardContext& c) const = 0;
  // Null: none.
  virtual const Mtp* mtp() const { return nullptr; }
  // Every mixture of experts, by layer index, the MTP module's last.
  virtual std::vector<MoE*> moe_layers() { return {}; }
  // The correction biases that moe_layers() have, each with its layer's index.
  std::vector<std::pair<int64_t, autograd::Parameter*>> correction_biases();

  const ModelInfo& info() const { return info_; }
  ParameterSet& parameters() { return parameters_; }
  const ParameterSet& parameters() const { return parameters_; }
  // The same object for policies that are the same to this model.
  const StateLayout& state_layout(CachePolicy policy) const {
    return layouts_.size() == 1 ? layouts_.front() : layouts_[static_cast<size_t>(policy)];
  }

  // Files in which weights lie that were not copied. Whoever uses a forward's result asks intact() after it: an error,
  // which names the file, when one of them was changed since it was opened. Thread-safe.
  void reads_on_from(std::vector<std::shared_ptr<const MappedFile>> files) { files_ = std::move(files); }
  Status intact() const {
    for (const auto& file : files_)
      if (auto s = file->intact(); !s) return s;
    return {};
  }

 protected:
  Model() = default;

  // What a constructor fills, and nothing changes after it.
  ModelInfo info_;
  ParameterSet parameters_;
  std::vector<StateLayout> layouts_ = std::vector<StateLayout>(1);  // one, or one for each of kCachePolicies

 private:
  std::vector<std::shared_ptr<const MappedFile>> files_;
};

// The policies that differ for this model, `expanded` first.
std::vector<CachePolicy> cache_policies(const Model& model);
// What requests get unless they say otherwise: absorbed where expanded keys and values would be large.
CachePolicy default_cache_policy(const Model& model);

}  // namespace jamsu::models

#pragma once
// One model in training: masters, moments, correction biases, and the global step that changes them.
// No files, no clock.
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "models/load.h"
#include "models/model.h"
#include "train/optimizer.h"
#include "train/step.h"

namespace jamsu::train {

struct StepOptions {
  LossWeights losses;
  OptimizerOptions optimizer;
  double learning_rate = 1e-3;
  double bias_gamma = 1e-3;              // correction bias update speed; 0 leaves biases alone
  int64_t gradient_slots = 1;            // numerics.md section 3
  models::Observer* observer = nullptr;  // sees each forward; null: nobody does
};

// Means over the global batch.
struct StepReport {
  int64_t step = 0;                     // optimizer steps taken, this one counted
  bool finite = true;                   // false: a loss or the gradient's norm is not, and nothing was changed
  double ce = 0, mtp = 0, balance = 0;  // ce: the objective's, over the labels
  double gradient_norm = 0, learning_rate = 0;
  GlobalCounts counts;
  double load_max_over_mean = 0;  // worst MoE layer
  int64_t dead_experts = 0;       // experts no token reached, over all layers
  std::optional<double> validation =
      {};  // loss on what is not trained on, after the step; where it was measured (run.h)
};

class Trainer {
 public:
  // The model's parameters are trained in place; the runtime and the model outlive the trainer. Frozen ones
  // (ParameterSet::freeze) have their values already, or get them from start_from.
  Trainer(models::Model& model, ops::Runtime& runtime, const InitOptions& init);

  // A step over the micro-batches of one global batch, in order. The same data and options give the same bits on any
  // number of threads and any ISA. Throws std::bad_alloc with nothing changed but gradients. Where a loss or the norm of
  // the gradient is not finite nothing is changed either: StepReport::finite is false, and the same step may be taken
  // again.
  StepReport step(const std::vector<MicroBatch>& batch, const StepOptions& options);
  // Mean cross-entropy of rows that are not trained on.
  double validate(const std::vector<MicroBatch>& batch);

  int64_t steps() const { return state_.step; }
  // Everything a checkpoint holds: "master.NAME", "m.NAME", "v.NAME" by parameter that is trained, "bias.NAME" by
  // correction bias. The tensors are the trainer's own memory.
  models::NamedTensors tensors() const;
  // What training leaves alone: the frozen parameters by name, as they are published.
  models::NamedTensors frozen() const;
  // REQUIRES nothing of `tensors`: each must be there with its shape, or an Error names it and nothing has changed.
  Status restore(const models::NamedTensors& tensors, int64_t steps);
  // Masters from a checkpoint of weights (pretrained/nano); moments zero, step 0. Rows of frozen matrices may stay in
  // the tensors' own memory, which lives on with them.
  Status start_from(const models::NamedTensors& weights, std::string_view file);
  // Weights as they are published: to_bf16(master), frozen ones as they were read (rounded to bf16), correction biases
  // f32, the MTP module with the official copies of embedding and head (arXiv:2412.19437 section 2.2; names as
  // released). A tied head is no tensor of its own.
  models::NamedTensors published(bool with_mtp_copies) const;

  const models::Model& model() const { return model_; }

 private:
  models::Model& model_;
  ops::Runtime& runtime_;
  TrainState state_;
};

}  // namespace jamsu::train

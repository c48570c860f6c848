#pragma once
// Forward and backward of one micro-batch:
// objective (cross-entropy) + lambda * MTP CE + alpha * balance (DeepSeek-V3, arXiv:2412.19437, eq. 17-25).
#include "autograd/tape.h"
#include "models/model.h"
#include "train/micro_batch.h"
#include "train/objective.h"

namespace jamsu::train {

struct LossWeights {
  double mtp_lambda = 0.3;
  double balance_alpha = 1e-4;
  bool balance_counts_chosen = false;
  const Objective* objective = nullptr;  // null: cross-entropy over the labels
};

// Sums of one micro-batch, to be divided by the global counts.
struct MicroLosses {
  float ce_sum = 0, mtp_sum = 0;  // ce_sum: what the objective returned
  models::MoeReport moe;          // load and balance per MoE layer
  std::vector<Tensor> kept;       // tests: [logits, mtp logits] when asked for
};

// Adds the gradients of this micro-batch's share of the global loss into `gradients`.
MicroLosses run_micro_batch(const models::Model& model, const Part& part, const LossWeights& weights,
                            autograd::GradStore& gradients, ops::Context& context, models::Observer* observer = nullptr,
                            bool keep_logits = false);
// The same of the first of a step.
MicroLosses run_micro_batch(const models::Model& model, const MicroBatch& batch, const LossWeights& weights,
                            const GlobalCounts& counts, autograd::GradStore& gradients, ops::Context& context,
                            models::Observer* observer = nullptr, bool keep_logits = false);
// The loss alone, without gradients and without the MTP module (validation).
MicroLosses evaluate_micro_batch(const models::Model& model, const MicroBatch& batch, ops::Context& context);

}  // namespace jamsu::train

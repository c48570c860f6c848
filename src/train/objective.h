#pragma once
// What a training step minimises: an objective takes the logits of a micro-batch, records its loss on the tape, and so
// seeds the backward. Everything else of a step (the MTP module's cross-entropy, the balance loss, slots, optimizer) is
// the same whatever the objective.   N packed rows of a micro-batch, V columns.
#include <functional>
#include <span>
#include <vector>

#include "autograd/tape.h"
#include "models/batch.h"
#include "train/micro_batch.h"

namespace jamsu::train {

// One micro-batch among those of its step.
struct Part {
  const MicroBatch& batch;
  const GlobalCounts& counts;  // of the whole step
  int64_t index = 0;           // in its step: finds what an objective keeps by micro-batch
};

class Objective {
 public:
  virtual ~Objective() = default;
  // Records the loss over `logits` [N, V] on c.tape, where there is one, and returns what StepReport::ce is made of:
  // each objective says what. Called once for each micro-batch of a step, in order.
  virtual float seed(const autograd::Value& logits, const Part& part, models::ForwardContext& c) const = 0;
};

// Mean of -logp[label] over the labels of the step. Returns the sum of the micro-batch.
class CrossEntropy final : public Objective {
 public:
  float seed(const autograd::Value& logits, const Part& part, models::ForwardContext& c) const override;
};

// A loss that is a function of the log-probabilities of the labels alone (REINFORCE, PPO, GRPO and what is like them):
// of a micro-batch's logp [N] it gives d loss / d logp [N] and returns the loss, both as they are to be added up over
// the step's micro-batches: means are its own affair. logp is 0, and a slope is not read, where no label is.
using LogpLoss = std::function<float(const Part& part, std::span<const float> logp, std::span<float> slopes)>;

// Returns labels of the step times the loss, so that the report's mean over labels is the loss.
class PolicyGradient final : public Objective {
 public:
  // The logits are divided by `temperature` first, as they were when the tokens were drawn.
  explicit PolicyGradient(LogpLoss loss, double temperature = 1) : loss_(std::move(loss)), temperature_(temperature) {}
  float seed(const autograd::Value& logits, const Part& part, models::ForwardContext& c) const override;

 private:
  LogpLoss loss_;
  double temperature_;
};

// Values of the rows of every micro-batch of a step: [micro-batch][N].
using RowValues = std::vector<std::vector<float>>;

// loss = -sum_i w_i logp_i (Williams 1992). Losses of ratios are in post/policy_loss.h.
LogpLoss weighted_logp(RowValues weights);

// What a teacher said of the rows of one micro-batch: log-probabilities, of all columns or of `each` chosen ones.
struct TeacherRows {
  int64_t each = 0;          // log-probabilities a row
  std::vector<int32_t> ids;  // [N * each]; empty: all V columns in order
  std::vector<float> logp;   // [N * each], natural logarithms at the same temperature
};

// Mean over the labels of the step of KL(teacher || student) = sum_k t_k (log t_k - logp_k), t = exp(teacher logp),
// over what is stored of the teacher (Hinton et al. 2015, arXiv:1503.02531, without its factor T^2). Of stored top-k
// the teacher is renormalised and the student's softmax left whole. Rows without a label add nothing. Returns the sum.
class Distillation final : public Objective {
 public:
  explicit Distillation(std::vector<TeacherRows> teacher, double temperature = 1)
      : teacher_(std::move(teacher)), temperature_(temperature) {}
  float seed(const autograd::Value& logits, const Part& part, models::ForwardContext& c) const override;

 private:
  std::vector<TeacherRows> teacher_;  // by micro-batch
  double temperature_;
};

// numerics.md section 3: f32(scale / n) formed in f64; 0 where n == 0.
float loss_seed(double scale, int64_t n);

}  // namespace jamsu::train

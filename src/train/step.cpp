#include "train/step.h"

#include <memory>

#include "autograd/functions.h"
#include "ops/rows.h"

namespace jamsu::train {
namespace {

using models::SequenceState;

// States for the segments of one forward; alive until the tape has run backward.
class States {
 public:
  States(const std::vector<models::Segment>& segments, const models::StateLayout& layout, Allocator& memory)
      : segments_(segments) {
    for (models::Segment& s : segments_) {
      states_.push_back(std::make_unique<SequenceState>(layout, memory));
      states_.back()->reserve(s.rows);
      s.state = states_.back().get();
    }
  }
  const std::vector<models::Segment>& segments() const { return segments_; }

 private:
  std::vector<models::Segment> segments_;
  std::vector<std::unique_ptr<SequenceState>> states_;
};

float sum(const Tensor& losses) {
  return ops::long_sum(losses.f32(), losses.elements());
}

MicroLosses run(const models::Model& model, const Part& part, const LossWeights& weights,
                autograd::GradStore* gradients, ops::Context& context, models::Observer* observer, bool keep_logits) {
  const FlushScope flush;
  const MicroBatch& batch = part.batch;
  const GlobalCounts& counts = part.counts;
  MicroLosses result;
  if (batch.tokens.empty()) return result;
  autograd::Tape tape;
  models::ForwardContext c(context, gradients ? &tape : nullptr, observer);
  models::BalanceTerm balance;
  const bool balanced = model.info().experts > 0;
  if (balanced) {
    balance = {weights.balance_counts_chosen, loss_seed(weights.balance_alpha, counts.rows)};
    c.balance = &balance;
    c.moe_report = &result.moe;
  }
  const States states(batch.segments, model.state_layout(models::CachePolicy::expanded), context.memory);
  const autograd::Value h = model.hidden({batch.tokens, states.segments(), {}, batch.row_begin}, c);
  const autograd::Value logits = model.logits(h, c);
  static const CrossEntropy kCrossEntropy;
  result.ce_sum = (weights.objective ? *weights.objective : kCrossEntropy).seed(logits, part, c);
  if (keep_logits) result.kept.push_back(logits.tensor);

  std::unique_ptr<States> mtp_states;
  if (const models::Mtp* mtp = model.mtp(); mtp && weights.mtp_lambda != 0 && !batch.mtp_rows.empty()) {
    mtp_states = std::make_unique<States>(batch.mtp_segments, mtp->layout(), context.memory);
    const autograd::Value rows = autograd::gather_rows(h, batch.mtp_rows, c);
    const autograd::Value m = mtp->hidden(rows, {batch.mtp_tokens, mtp_states->segments(), {}, batch.mtp_row_begin}, c);
    const autograd::Value mtp_logits = model.logits(m, c);
    result.mtp_sum =
        sum(autograd::cross_entropy(mtp_logits, batch.mtp_labels, loss_seed(weights.mtp_lambda, counts.mtp_labels), c));
    if (keep_logits) result.kept.push_back(mtp_logits.tensor);
  }
  if (gradients) tape.backward(*gradients, context);
  return result;
}

}  // namespace

MicroLosses run_micro_batch(const models::Model& model, const Part& part, const LossWeights& weights,
                            autograd::GradStore& gradients, ops::Context& context, models::Observer* observer,
                            bool keep_logits) {
  return run(model, part, weights, &gradients, context, observer, keep_logits);
}

MicroLosses run_micro_batch(const models::Model& model, const MicroBatch& batch, const LossWeights& weights,
                            const GlobalCounts& counts, autograd::GradStore& gradients, ops::Context& context,
                            models::Observer* observer, bool keep_logits) {
  return run(model, {batch, counts}, weights, &gradients, context, observer, keep_logits);
}

MicroLosses evaluate_micro_batch(const models::Model& model, const MicroBatch& batch, ops::Context& context) {
  const GlobalCounts counts = count({&batch, 1});
  return run(model, {batch, counts}, {.mtp_lambda = 0}, nullptr, context, nullptr, false);
}

}  // namespace jamsu::train

#pragma once
// Learning from pairs of replies of which one is preferred (DPO, arXiv:2305.18290), as a function of the log-probabilities
// of the replies' tokens beside those of a reference model.
//   A micro-batch's segments are pairs: 2j is the reply that is preferred to that in 2j + 1, both to one prompt. Labels
//   stand where a reply's tokens are predicted. P pairs in a step.
#include "base/result.h"
#include "train/objective.h"

namespace jamsu::post {

// Of the difference h between the two replies of a pair, each by logp - reference over its tokens:
enum class Preference {
  sigmoid,  // -(1 - s) log sigmoid(beta h) - s log sigmoid(-beta h), of sums; s > 0: conservative DPO
  ipo,      // (h - 1 / (2 beta))^2, of means over tokens (arXiv:2310.12036)
};
struct PreferenceOptions {
  Preference kind = Preference::sigmoid;
  double beta = 0.1;
  double smoothing = 0;  // s: the share of pairs that are taken to be the wrong way round
};
// Names the field that is out of its range.
Status check(const PreferenceOptions& options);
Result<Preference> preference_named(std::string_view name);  // as it is spelled here

// Sums over the pairs of a step.
struct PreferenceStatistics {
  int64_t pairs = 0;
  int64_t right = 0;                                      // the preferred reply has the higher reward
  double chosen_reward_sum = 0, rejected_reward_sum = 0;  // beta times the sum (ipo: mean) of logp - reference
};

// The mean over the step's pairs, for train::PolicyGradient. reference_logp: [micro-batch][N], read where a label is;
// `pairs`: P. `statistics`, if any, is added to by every call and has to outlive the loss.
// REQUIRES: check(options); an even number of segments in each micro-batch; a label in every segment.
train::LogpLoss preference_loss(PreferenceOptions options, train::RowValues reference_logp, int64_t pairs,
                                PreferenceStatistics* statistics = nullptr);

}  // namespace jamsu::post

#pragma once
// The losses of GRPO and its kin, as functions of the log-probabilities of the replies' tokens:
//   loss = sum_i w_i (-min(r_i A, clamp(r_i, 1 - low, 1 + high) A) + beta kl_i),   r_i = exp(logp_i - old_i)
// over the tokens i that have a label, A the advantage of their reply (PPO, arXiv:1707.06347; GRPO, arXiv:2402.03300).
//   A step's micro-batches; each has N packed rows in S segments. A segment is a prompt with one reply to it, and labels
//   stand where the reply's tokens are predicted (and nowhere else).
#include <optional>

#include "base/result.h"
#include "train/objective.h"

namespace jamsu::post {

// What the mean over a step's tokens is: w_i of R replies with T tokens in all, `t` in that of i.
enum class Mean {
  sequence,  // 1 / (R t): of each reply, then over replies ("grpo"). A reply without tokens counts in R
  tokens,    // 1 / T: DAPO (arXiv:2503.14476)
  longest,   // 1 / (R longest): a constant, so that long replies are not favoured (Dr. GRPO, arXiv:2503.20783)
};
// k3 = exp(d) - d - 1, d = reference - logp (Schulman 2020); `unbiased`: k3 r, with the gradient through both
// (DeepSeek-V3.2, arXiv:2512.02556).
enum class Kl { none, k3, unbiased };

// Bounds of the ratio.
struct Clip {
  double low = 0.2, high = 0.2;
};
inline constexpr Clip kSymmetric{}, kHigher{0.2, 0.28}, kR1{10, 10};  // PPO; DAPO; DeepSeek-R1 (Nature 2025)

struct PolicyOptions {
  Mean mean = Mean::sequence;
  int64_t longest = 0;  // tokens a reply may have; of Mean::longest
  Clip clip = kSymmetric;
  Kl kl = Kl::none;
  double beta = 0.04;
  // A reply with A < 0 whose tokens' mean of (old - logp) is above this loses its first term, never its KL
  // (DeepSeek-V3.2's mask of what is too far off the policy).
  std::optional<double> sequence_mask = {};
};
// Names the field that is out of its range.
Status check(const PolicyOptions& options);

// "grpo", "dapo", "dr_grpo"; "symmetric", "higher", "r1"; "none", "k3", "unbiased".
Result<Mean> mean_named(std::string_view name);
Result<Clip> clip_named(std::string_view name);
Result<Kl> kl_named(std::string_view name);

// By micro-batch, as train::RowValues are.
struct Replies {
  train::RowValues advantage;            // [S]: of each segment's reply
  train::RowValues old_logp;             // [N]: when the tokens were drawn; read where a label is
  train::RowValues reference_logp = {};  // [N]: of the reference model; empty with Kl::none
};

// What a step's tokens did; sums, so that micro-batches add up. Tokens: those with a label.
struct PolicyStatistics {
  int64_t tokens = 0, replies = 0;
  int64_t kept = 0;                           // replies that the sequence mask left their first term
  int64_t clipped_low = 0, clipped_high = 0;  // tokens beyond the bound that their advantage asks about, mask or not
  double ratio_gap = 0;                       // max |r - 1|; NaN where a ratio is none
  double kl_sum = 0, kl_means = 0;            // of the reference's KL term without beta: over tokens; of replies' means
  double moved_sum = 0;                       // of r - log r - 1: KL(old || policy) of the tokens drawn
  double surprise_sum = 0;                    // of -r logp

  double clip_share() const { return over_tokens(static_cast<double>(clipped_low + clipped_high)); }
  double kl() const { return over_tokens(kl_sum); }  // estimate of KL(policy || reference) a token
  double kl_of_replies() const { return replies ? kl_means / static_cast<double>(replies) : 0; }
  double moved() const { return over_tokens(moved_sum); }  // 0 on policy
  // Estimate of the policy's entropy a token, from the tokens drawn alone: the whole rows are not read.
  double entropy() const { return over_tokens(surprise_sum); }

 private:
  double over_tokens(double sum) const { return tokens ? sum / static_cast<double>(tokens) : 0; }
};

// For train::PolicyGradient. `statistics`, if any, is added to by every call and has to outlive the loss.
// REQUIRES: check(options); `replies` of the sizes that the step's micro-batches have.
train::LogpLoss policy_loss(PolicyOptions options, Replies replies, PolicyStatistics* statistics = nullptr);

}  // namespace jamsu::post

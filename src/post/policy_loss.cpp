#include "post/policy_loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/math.h"

namespace jamsu::post {
namespace {

// A loss and its slope by logp.
struct Term {
  double loss = 0, slope = 0;
};

Term clipped(double ratio, double advantage, const Clip& clip) {
  const double free = ratio * advantage, bound = std::clamp(ratio, 1 - clip.low, 1 + clip.high) * advantage;
  return {-std::min(free, bound), free <= bound ? -free : 0};  // beyond the bound it is constant
}

Term kl_term(Kl kl, double ratio, double reference_minus_logp) {
  if (kl == Kl::none) return {};
  const double d = reference_minus_logp, e = math::exp(d), k3 = e - d - 1;
  if (kl == Kl::k3) return {k3, 1 - e};
  return {k3 * ratio, (k3 + 1 - e) * ratio};
}

template <class T, size_t N>
Result<T> named(const std::array<std::pair<std::string_view, T>, N>& table, std::string_view name) {
  std::string names;
  for (const auto& [known, value] : table) {
    if (known == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  return Error{fmt::format("\"{}\" is none of {}", name, names)};
}

class PolicyLoss {
 public:
  PolicyLoss(PolicyOptions options, Replies replies, PolicyStatistics* statistics)
      : options_(options), replies_(std::move(replies)), statistics_(statistics) {
    JAMSU_CHECK(check(options).ok());
    for (const auto& part : replies_.advantage) count_ += static_cast<double>(part.size());
  }

  float operator()(const train::Part& part, std::span<const float> logp, std::span<float> slopes) {
    const auto index = static_cast<size_t>(part.index);
    const auto& segments = part.batch.segments;
    const std::vector<float>& advantage = replies_.advantage.at(index);
    JAMSU_CHECK(advantage.size() == segments.size() && replies_.old_logp.at(index).size() == logp.size());
    JAMSU_CHECK(options_.kl == Kl::none || replies_.reference_logp.at(index).size() == logp.size());
    double loss = 0;
    for (size_t s = 0; s < segments.size(); ++s)
      loss += reply(part, segments[s], static_cast<double>(advantage[s]), logp, slopes);
    return static_cast<float>(loss);
  }

 private:
  // What is known of a token before its loss.
  struct Token {
    size_t row;
    double logp, moved, ratio;  // moved: logp - old
  };

  double weight(const train::Part& part, double tokens) const {
    if (options_.mean == Mean::tokens) return 1 / static_cast<double>(part.counts.labels);
    return 1 / (count_ * (options_.mean == Mean::sequence ? tokens : static_cast<double>(options_.longest)));
  }

  double reply(const train::Part& part, const models::Segment& segment, double advantage, std::span<const float> logp,
               std::span<float> slopes) {
    const std::vector<float>& old = replies_.old_logp[static_cast<size_t>(part.index)];
    tokens_.clear();
    double moved_sum = 0;
    for (int64_t i = segment.first_row; i < segment.first_row + segment.rows; ++i) {
      const auto row = static_cast<size_t>(i);
      if (part.batch.labels[row] < 0) continue;
      const double now = static_cast<double>(logp[row]), moved = now - static_cast<double>(old[row]);
      tokens_.push_back({row, now, moved, math::exp(moved)});
      moved_sum += moved;
    }
    const auto tokens = static_cast<double>(tokens_.size());
    const bool masked = options_.sequence_mask && advantage < 0 && -moved_sum > *options_.sequence_mask * tokens;
    if (statistics_) {
      ++statistics_->replies;
      statistics_->kept += !masked;
    }
    if (tokens_.empty()) return 0;
    const double w = weight(part, tokens);
    double loss = 0, kl_sum = 0;
    for (const Token& token : tokens_) {
      const Term policy = masked ? Term{} : clipped(token.ratio, advantage, options_.clip);
      const Term kl = kl_of(part, token);
      loss += policy.loss + options_.beta * kl.loss;
      slopes[token.row] = static_cast<float>(w * (policy.slope + options_.beta * kl.slope));
      kl_sum += kl.loss;
      if (statistics_) note(token, advantage);
    }
    if (statistics_) {
      statistics_->kl_sum += kl_sum;
      statistics_->kl_means += kl_sum / tokens;
    }
    return w * loss;
  }

  Term kl_of(const train::Part& part, const Token& token) const {
    if (options_.kl == Kl::none) return {};
    const float reference = replies_.reference_logp[static_cast<size_t>(part.index)][token.row];
    return kl_term(options_.kl, token.ratio, static_cast<double>(reference) - token.logp);
  }

  void note(const Token& token, double advantage) {
    PolicyStatistics& s = *statistics_;
    ++s.tokens;
    s.clipped_low += token.ratio < 1 - options_.clip.low && advantage < 0;
    s.clipped_high += token.ratio > 1 + options_.clip.high && advantage > 0;
    const double gap = std::abs(token.ratio - 1);
    if (!(gap <= s.ratio_gap) && s.ratio_gap == s.ratio_gap) s.ratio_gap = gap;  // a NaN stays
    s.moved_sum += token.ratio - 1 - token.moved;
    s.surprise_sum -= token.ratio * token.logp;
  }

  PolicyOptions options_;
  Replies replies_;
  PolicyStatistics* statistics_;
  double count_ = 0;           // replies of the step
  std::vector<Token> tokens_;  // of one reply
};

}  // namespace

Status check(const PolicyOptions& o) {
  const auto wrong = [](std::string_view field, double value, std::string_view wanted) {
    return Error{fmt::format("{} = {}: has to be {}", field, value, wanted)};
  };
  const auto fine = [](double x) { return std::isfinite(x) && x >= 0; };
  if (!fine(o.clip.low)) return wrong("clip.low", o.clip.low, "0 or more");
  if (!fine(o.clip.high)) return wrong("clip.high", o.clip.high, "0 or more");
  if (!fine(o.beta)) return wrong("beta", o.beta, "0 or more");
  if (o.sequence_mask && !fine(*o.sequence_mask)) return wrong("sequence_mask", *o.sequence_mask, "0 or more");
  if (o.mean == Mean::longest && o.longest < 1)
    return wrong("longest", static_cast<double>(o.longest), "the tokens that a reply may have, for dr_grpo");
  return {};
}

Result<Mean> mean_named(std::string_view name) {
  using Row = std::pair<std::string_view, Mean>;
  return named(std::to_array<Row>({{"grpo", Mean::sequence}, {"dapo", Mean::tokens}, {"dr_grpo", Mean::longest}}),
               name);
}

Result<Clip> clip_named(std::string_view name) {
  using Row = std::pair<std::string_view, Clip>;
  return named(std::to_array<Row>({{"symmetric", kSymmetric}, {"higher", kHigher}, {"r1", kR1}}), name);
}

Result<Kl> kl_named(std::string_view name) {
  using Row = std::pair<std::string_view, Kl>;
  return named(std::to_array<Row>({{"none", Kl::none}, {"k3", Kl::k3}, {"unbiased", Kl::unbiased}}), name);
}

train::LogpLoss policy_loss(PolicyOptions options, Replies replies, PolicyStatistics* statistics) {
  return PolicyLoss(options, std::move(replies), statistics);
}

}  // namespace jamsu::post

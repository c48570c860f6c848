#include "post/preference_loss.h"

#include <fmt/format.h>

#include <cmath>

#include "base/math.h"

namespace jamsu::post {
namespace {

// log sigmoid(x) without overflow.
double log_sigmoid(double x) {
  return std::min(x, 0.0) - math::log(1 + math::exp(-std::abs(x)));
}
double sigmoid(double x) {
  return x < 0 ? math::exp(x) / (1 + math::exp(x)) : 1 / (1 + math::exp(-x));
}

// A loss and its slope by the difference.
struct Term {
  double loss = 0, slope = 0;
};
Term of_difference(const PreferenceOptions& o, double h) {
  if (o.kind == Preference::ipo) {
    const double off = h - 1 / (2 * o.beta);
    return {off * off, 2 * off};
  }
  const double m = o.beta * h, s = o.smoothing;
  return {-(1 - s) * log_sigmoid(m) - s * log_sigmoid(-m), o.beta * (s * sigmoid(m) - (1 - s) * sigmoid(-m))};
}

struct PreferenceLoss {
  PreferenceOptions options;
  train::RowValues reference_logp;
  double pairs;
  PreferenceStatistics* statistics;

  float operator()(const train::Part& part, std::span<const float> logp, std::span<float> slopes) const {
    const auto& segments = part.batch.segments;
    const std::vector<float>& reference = reference_logp.at(static_cast<size_t>(part.index));
    JAMSU_CHECK(segments.size() % 2 == 0 && reference.size() == logp.size());
    double loss = 0;
    for (size_t s = 0; s < segments.size(); s += 2) {
      const Reply chosen = read(part, segments[s], logp, reference),
                  rejected = read(part, segments[s + 1], logp, reference);
      const Term term = of_difference(options, chosen.value - rejected.value);
      loss += term.loss / pairs;
      write(part, segments[s], term.slope / pairs * chosen.share, slopes);
      write(part, segments[s + 1], -term.slope / pairs * rejected.share, slopes);
      if (!statistics) continue;
      ++statistics->pairs;
      statistics->right += chosen.value > rejected.value;
      statistics->chosen_reward_sum += options.beta * chosen.value;
      statistics->rejected_reward_sum += options.beta * rejected.value;
    }
    return static_cast<float>(loss);
  }

 private:
  struct Reply {
    double value = 0, share = 1;  // d value / d logp of each of its tokens
  };

  Reply read(const train::Part& part, const models::Segment& segment, std::span<const float> logp,
             std::span<const float> reference) const {
    double sum = 0, tokens = 0;
    for (int64_t i = segment.first_row; i < segment.first_row + segment.rows; ++i) {
      const auto row = static_cast<size_t>(i);
      if (part.batch.labels[row] < 0) continue;
      sum += static_cast<double>(logp[row]) - static_cast<double>(reference[row]);
      ++tokens;
    }
    JAMSU_CHECK(tokens > 0);
    return options.kind == Preference::ipo ? Reply{sum / tokens, 1 / tokens} : Reply{sum, 1};
  }

  static void write(const train::Part& part, const models::Segment& segment, double slope, std::span<float> slopes) {
    for (int64_t i = segment.first_row; i < segment.first_row + segment.rows; ++i)
      if (part.batch.labels[static_cast<size_t>(i)] >= 0) slopes[static_cast<size_t>(i)] = static_cast<float>(slope);
  }
};

}  // namespace

Status check(const PreferenceOptions& o) {
  if (!(std::isfinite(o.beta) && o.beta > 0)) return Error{fmt::format("beta = {}: has to be above 0", o.beta)};
  if (!(o.smoothing >= 0 && o.smoothing < 0.5))
    return Error{fmt::format("smoothing = {}: has to be from 0 to below 0.5", o.smoothing)};
  if (o.kind == Preference::ipo && o.smoothing != 0)
    return Error{fmt::format("smoothing = {}: ipo has none", o.smoothing)};
  return {};
}

Result<Preference> preference_named(std::string_view name) {
  if (name == "sigmoid") return Preference::sigmoid;
  if (name == "ipo") return Preference::ipo;
  return Error{fmt::format("\"{}\" is none of sigmoid, ipo", name)};
}

train::LogpLoss preference_loss(PreferenceOptions options, train::RowValues reference_logp, int64_t pairs,
                                PreferenceStatistics* statistics) {
  JAMSU_CHECK(check(options).ok() && pairs > 0);
  return PreferenceLoss{options, std::move(reference_logp), static_cast<double>(pairs), statistics};
}

}  // namespace jamsu::post

#pragma once
// From logits to a token. Filters in transformers' order (processors, then warpers); numerics.md section 7.
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/token_filter.h"

namespace jamsu::engine {

struct SamplingParams {
  double temperature = 1.0;                                // 0: greedy, the lowest id among equals
  int64_t top_k = 0;                                       // 0: off; ties with the k-th are kept
  double top_p = 1.0;                                      // 1: off
  double min_p = 0.0;                                      // 0: off; relative to the most probable token left by top_p
  double repetition_penalty = 1.0;                         // on ids of prompt and output, once each
  double presence_penalty = 0.0, frequency_penalty = 0.0;  // on ids of the output
  std::vector<std::pair<int32_t, double>> logit_bias = {};
  std::vector<int32_t> allowed_ids = {};  // empty: all
  uint64_t seed = 0;
};

// What is left to draw from, by (logit descending, id ascending). p is exp(x - max), not normalised;
// total sums it in order.
struct Distribution {
  std::vector<int32_t> ids;
  std::vector<float> p;
  double total = 0;
};

// Empty when a logit is NaN or nothing is left (all -inf). `allowed`: besides params.allowed_ids; null: all, else its
// vocabulary is that of the logits.
std::optional<Distribution> distribution(std::span<const float> logits, const SamplingParams& params,
                                         std::span<const int32_t> prompt, std::span<const int32_t> output,
                                         const TokenMask* allowed = nullptr);
// The first token whose cumulated sum exceeds u * total; u from Philox(seed, position, draw = sample number).
int32_t draw(const Distribution& d, uint64_t seed, uint64_t position, uint32_t sample);

}  // namespace jamsu::engine

#pragma once
// How a model's makers want it sampled: generation_config.json, read as transformers reads it.
#include <string>
#include <vector>

#include "base/result.h"

namespace jamsu::models {

struct GenerationConfig {
  double temperature = 0;  // 0: greedy, unless do_sample is set
  int64_t top_k = 0;       // 0: off
  double top_p = 1, min_p = 0, repetition_penalty = 1;
  std::vector<int64_t> eos = {};  // further tokens that end a reply
};

// FOLDER/generation_config.json; without that file greedy. Of sampling it knows what this program has: temperature,
// top_k (50 where do_sample stands alone, transformers' own default), top_p, min_p, repetition_penalty. Errors name
// file and field: of another type, out of range, a token outside the vocabulary.
Result<GenerationConfig> load_generation_config(const std::string& folder, int64_t vocab);

}  // namespace jamsu::models

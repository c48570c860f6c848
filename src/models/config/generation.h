#pragma once
// How a model's makers want it sampled: generation_config.json, read as transformers reads it. It is advice: nothing in
// it ends a load.
#include <string>
#include <vector>

namespace jamsu::models {

struct GenerationConfig {
  double temperature = 0;  // 0: greedy, unless do_sample is set
  int64_t top_k = 0;       // 0: off
  double top_p = 1, min_p = 0, repetition_penalty = 1;
  std::vector<int64_t> eos = {};  // further tokens that end a reply
  // What the file says and this program does not do, a sentence each that names file and field: a value of another type
  // or out of range, a token outside the vocabulary, a way of decoding that is not here, a field that nobody knows.
  std::vector<std::string> unused = {};
};

// FOLDER/generation_config.json; without that file, or where it cannot be read, greedy. Of sampling it takes what this
// program has: temperature (0: greedy), top_k (50 where do_sample stands alone, transformers' own default; 0 and less:
// off), top_p, min_p, repetition_penalty. null is a missing field.
GenerationConfig load_generation_config(const std::string& folder, int64_t vocab);

}  // namespace jamsu::models

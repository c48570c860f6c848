#pragma once
// What the verbs that ask a model share: the options of a request, and a reply as JSON.
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/verbs.h"
#include "models/config/generation.h"
#include "session/session.h"

namespace jamsu::apps {

struct SamplingOptions {
  std::optional<double> temperature, top_p, min_p, repetition_penalty;  // empty: as the model's makers want it
  std::optional<int64_t> top_k;
  double presence_penalty = 0, frequency_penalty = 0;
  int64_t max_tokens = 768;
  uint64_t seed = 0;
  std::string think = "auto";
  std::vector<std::string> stop;
};
void add_sampling_options(Verb& verb, SamplingOptions& options);
// What the command line leaves open is as in `defaults`; greedy without any.
session::ChatRequest make_request(const SamplingOptions& options, const models::GenerationConfig& defaults = {});

// content, reasoning, tokens, seconds, how it ended.
boost::json::object to_json(const session::Reply& reply);

}  // namespace jamsu::apps

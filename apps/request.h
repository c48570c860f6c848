#pragma once
// What the verbs that ask a model share: the options of a request, and a reply as JSON.
#include <boost/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <variant>
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
  std::string adapt_messages = "off";
  std::vector<std::string> stop;
  // Of verbs that show replies to people:
  std::string show_thinking = "dim";
  std::string end_loops;  // empty: on in the chat format
};

// One of them, as --NAME (with hyphens) on the command line and /set NAME in a chat.
struct Setting {
  using Member = std::variant<std::optional<double> SamplingOptions::*, std::optional<int64_t> SamplingOptions::*,
                              double SamplingOptions::*, int64_t SamplingOptions::*, uint64_t SamplingOptions::*,
                              std::string SamplingOptions::*>;
  const char* name;  // with underscores
  Member member;
  double low, high;                // of numbers
  std::vector<const char*> words;  // of texts: what they may be
  bool shown;                      // of verbs that show replies
  const char* help;
};
std::span<const Setting> settings();
// What is wrong with the value; empty: nothing, and it is set.
std::string set(SamplingOptions& options, const Setting& setting, const std::string& value);
std::string value_of(const SamplingOptions& options, const Setting& setting);

// `shows`: the verb shows replies to people.
void add_sampling_options(Verb& verb, SamplingOptions& options, bool shows = false);
// What the command line leaves open is as in `defaults`; greedy without any.
session::ChatRequest make_request(const SamplingOptions& options, const models::GenerationConfig& defaults = {});

// content, reasoning, tokens, seconds, how it ended.
boost::json::object to_json(const session::Reply& reply);

// Why a reply ended before its own end: a loop, its limit of tokens, or the model's context; empty: it did not.
std::string why_cut(const session::Reply& reply, int64_t max_tokens, int64_t context);

}  // namespace jamsu::apps

#pragma once
// What the verbs that talk to a model share: opening it, sampling options, the shape of a reply as JSON.
#include <boost/json.hpp>
#include <memory>
#include <string>

#include "apps/account.h"
#include "apps/verbs.h"
#include "models/config/generation.h"
#include "models/open.h"
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

// The model of --model (find_model), what it runs on, and its line in the ledger.
struct OpenModel {
  std::string folder;
  models::OpenedModel opened;
  std::unique_ptr<ops::Runtime> runtime;
  std::unique_ptr<Account> account;
  models::CachePolicy cache = models::CachePolicy::expanded;
  int64_t tokens = 0;
  double flops = 0;

  // Adds what a request took to the ledger: counts alone, never text. One caller at a time.
  void count(int64_t prompt_tokens, int64_t cached_tokens, int64_t output_tokens);
};
// `kind` is the verb, for the ledger, where the run stands from here on: as failed when the model cannot be opened.
Result<std::unique_ptr<OpenModel>> open_model(const std::string& kind, const std::string& model,
                                              const Globals& globals);

// Model, tokenizer and session.
struct OpenSession {
  std::unique_ptr<OpenModel> model;
  std::unique_ptr<session::Session> session;  // ends before the model
  models::GenerationConfig generation;

  void count(const session::Reply& reply) {
    model->count(reply.done.prompt_tokens, reply.done.cached_tokens, reply.done.output_tokens);
  }
};
// `chat`: a folder without a chat template that works is an error; else only requests with messages are.
Result<std::unique_ptr<OpenSession>> open_session(const std::string& kind, const std::string& model,
                                                  const Globals& globals, const engine::EngineOptions& options = {},
                                                  bool chat = true);

// The same for a model that is open.
Result<std::unique_ptr<OpenSession>> add_session(std::unique_ptr<OpenModel> opened,
                                                 const engine::EngineOptions& options = {}, bool chat = true);

// content, reasoning, tokens, seconds, how it ended.
boost::json::object to_json(const session::Reply& reply);

}  // namespace jamsu::apps

#pragma once
// Opens a model by its name: folder, memory, weights, tokenizer, chat format, and its line in the ledger. Who serves,
// scores or trains by it opens it here.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/installed.h"
#include "ledger/account.h"
#include "models/config/generation.h"
#include "models/open.h"
#include "session/session.h"
#include "session/text_ends.h"

namespace jamsu::session {

struct OpenOptions {
  hub::Places places;
  int threads = 1;
  kernels::Isa isa = kernels::Isa::ref;
  ops::Numerics numerics = ops::Numerics::bf16;
  std::optional<models::CachePolicy> cache;  // empty: default_cache_policy
  bool force = false;                        // although it does not fit into free memory
  ledger::Account::Say say;                  // for people: what goes on without (ledger/account.h)
};

// A model (hub::find_model), what it runs on, and its line in the ledger.
struct OpenModel {
  std::string folder;
  models::OpenedModel opened;
  models::GenerationConfig generation;  // what of it is not used has been said
  std::unique_ptr<ops::Runtime> runtime;
  std::unique_ptr<ledger::Account> account;
  models::CachePolicy cache = models::CachePolicy::expanded;
  int64_t tokens = 0;
  double flops = 0;

  // What ends a text of ids (session/text_ends.h).
  std::vector<int32_t> ends() const { return text_ends(folder, opened.model->info(), generation, nullptr); }
  // Adds what a request took to the ledger: counts alone, never text. One caller at a time.
  void count(int64_t prompt_tokens, int64_t cached_tokens, int64_t output_tokens);
};
// `kind` names the work for the ledger, where the run stands from here on: as failed when the model cannot be opened.
Result<std::unique_ptr<OpenModel>> open_model(const std::string& kind, const std::string& model,
                                              const OpenOptions& how);

// Model, tokenizer and session.
struct OpenSession {
  std::unique_ptr<OpenModel> model;
  std::unique_ptr<Session> session;  // ends before the model
  models::GenerationConfig generation;

  void count(const Reply& reply) {
    model->count(reply.done.prompt_tokens, reply.done.cached_tokens, reply.done.output_tokens);
  }
};
// `chat`: a folder without a chat template that works is an error; else only requests with messages are.
Result<std::unique_ptr<OpenSession>> open_session(const std::string& kind, const std::string& model,
                                                  const OpenOptions& how, const engine::EngineOptions& options = {},
                                                  bool chat = true);

// The same for a model that is open.
Result<std::unique_ptr<OpenSession>> add_session(std::unique_ptr<OpenModel> opened,
                                                 const engine::EngineOptions& options = {}, bool chat = true);

}  // namespace jamsu::session

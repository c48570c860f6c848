#pragma once
// Runs one model for many sequences at once. Tokens in, tokens out: text, templates and HTTP live above.
// Thread-safe. Results do not depend on what else is running (docs/numerics.md). A step that fails (memory; a file with
// weights that was cut short while in use) ends its requests with an error; the engine lives on.
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/sink.h"
#include "base/token_filter.h"
#include "engine/sampler.h"
#include "models/model.h"

namespace jamsu::engine {

struct EngineOptions {
  int64_t state_bytes = int64_t{1} << 30;  // memory for sequence states, cached prefixes included; never exceeded
  int64_t max_sequences = 64;              // that run at once; others wait
  int64_t max_step_rows = 512;             // rows of one forward: all decoding sequences, then pieces of prompts
  int64_t cached_prefixes = 8;             // finished sequences kept for reuse; 0: none
  int64_t most_undelivered =
      1024;  // events a sequence may be ahead of its sink before it is paused; at least 1. 1: the
             // next token is computed when the sink has returned from the last
  models::CachePolicy policy = models::CachePolicy::expanded;
};

struct Request {
  std::vector<int32_t> tokens = {};  // not empty
  SamplingParams sampling = {};
  uint32_t sample = 0;       // number of this sample of the same prompt: draws differ, nothing else
  int64_t samples = 1;       // so many from one prefill: they get the tokens of requests with sample, sample + 1, ...
  int64_t max_tokens = 256;  // of each
  std::vector<int32_t> stop_tokens = {};
  bool prompt_logprobs = false;
  std::shared_ptr<const TokenFilter> filter = {};  // null: every token may come
};

struct TokenEvent {
  int32_t token = 0;
  float logprob = 0;    // by the untouched logits
  uint32_t sample = 0;  // in [0, Request::samples)
};
// `cancelled`: by cancel(), by the engine's end, or by a sink that answered stop.
enum class FinishReason : uint8_t { stop_token, length, cancelled, error };
struct Finished {
  FinishReason reason = FinishReason::stop_token;
  std::string error;
  uint32_t sample = 0;  // in [0, Request::samples): each has its own end
  // `cached_tokens` of the prompt were not computed for this sample: from a cached prefix, or all of them by another
  // sample. `output_tokens` are those that the sink was given.
  int64_t prompt_tokens = 0, cached_tokens = 0, output_tokens = 0;
  int64_t dropped_tokens = 0;          // computed while the sink had not yet answered stop
  std::vector<float> prompt_logprobs;  // [prompt - 1]: of token i + 1 given those before
};
using Event = std::variant<TokenEvent, Finished>;
// Called from a thread that delivers, never from the one that computes: a sink may take its time, print, wait, and call
// the engine (but not end it). Events of a request come one at a time and in order. A sink that lags holds up its own
// request alone, which is paused when it is `most_undelivered` events ahead. After an answer of stop its sample gets no
// more tokens, only Finished. What a sink throws ends its sample with an error.
using EventSink = Sink<Event>;
using RequestId = uint64_t;

// Tokens are those of sequences that have ended, dropped ones too.
struct EngineStats {
  int64_t running = 0, waiting = 0;  // sequences: each sample is one
  int64_t steps = 0;
  int64_t rows = 0;         // of all forwards
  int64_t prompt_rows = 0;  // of them: tokens of prompts
  int64_t output_tokens = 0, prompt_tokens = 0, cached_tokens = 0;
  int64_t state_bytes = 0, peak_state_bytes = 0;  // what samples share counts once, but in each cached prefix again
};

class Engine {
 public:
  // Each step takes a turn on the runtime's thread pool, which may be shared; a runtime may be shared with whoever
  // takes a turn for a step as well. The runtime outlives the engine.
  static std::unique_ptr<Engine> open(std::shared_ptr<const models::Model> model, ops::Runtime& runtime,
                                      const EngineOptions& options);
  // Cancels what runs; returns when every event has been delivered. Not within a turn on the pool.
  virtual ~Engine() = default;

  // Queues a request; the last event of each of its samples is Finished. Errors: an empty prompt, a prompt that leaves
  // no room in the context or whose samples can never fit into state_bytes or max_sequences, a token outside the
  // vocabulary, a parameter out of range.
  virtual Result<RequestId> submit(Request request, EventSink sink) = 0;
  virtual void cancel(RequestId id) = 0;  // all samples; takes effect within one step; idempotent
  // The model's weights are others now (an optimizer step): cached prefixes are dropped, and what runs computes its
  // state anew from the tokens it has before its next one; tokens and log-probabilities that were already computed
  // stay. Every step that begins after the call sees it. So that no step falls between the change of the weights and
  // this call, both are made within one Runtime::turn() on the engine's pool; the weights themselves may be changed
  // only within a turn.
  virtual void weights_changed() = 0;
  virtual EngineStats stats() const = 0;
  virtual const models::Model& model() const = 0;
};

}  // namespace jamsu::engine

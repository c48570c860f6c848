#pragma once
// Runs one model for many sequences at once. Tokens in, tokens out: text, templates and HTTP live above.
// Thread-safe. Results do not depend on what else is running (docs/numerics.md). A step that fails (memory; a file with
// weights that was cut short while in use) ends its requests with an error; the engine lives on.
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/sampler.h"
#include "models/model.h"

namespace jamsu::engine {

struct EngineOptions {
  int64_t state_bytes = int64_t{1} << 30;  // memory for sequence states, cached prefixes included; never exceeded
  int64_t max_sequences = 64;              // that run at once; others wait
  int64_t max_step_rows = 512;             // rows of one forward: all decoding sequences, then pieces of prompts
  int64_t cached_prefixes = 8;             // finished sequences kept for reuse; 0: none
  models::CachePolicy policy = models::CachePolicy::expanded;
};

struct Request {
  std::vector<int32_t> tokens = {};  // not empty
  SamplingParams sampling = {};
  uint32_t sample = 0;  // number of this sample of the same prompt: draws differ, nothing else
  int64_t max_tokens = 256;
  std::vector<int32_t> stop_tokens = {};
  bool prompt_logprobs = false;
};

struct TokenEvent {
  int32_t token = 0;
  float logprob = 0;  // by the untouched logits
};
enum class FinishReason : uint8_t { stop_token, length, cancelled, error };
struct Finished {
  FinishReason reason = FinishReason::stop_token;
  std::string error;
  int64_t prompt_tokens = 0, cached_tokens = 0, output_tokens = 0;
  std::vector<float> prompt_logprobs;  // [prompt - 1]: of token i + 1 given those before
};
using Event = std::variant<TokenEvent, Finished>;
using EventSink = std::function<void(const Event&)>;
using RequestId = uint64_t;

struct EngineStats {
  int64_t running = 0, waiting = 0, steps = 0, rows = 0, output_tokens = 0, prompt_tokens = 0, cached_tokens = 0;
  int64_t state_bytes = 0, peak_state_bytes = 0;
};

class Engine {
 public:
  // The runtime's thread pool must be used by nobody else while requests run. Both outlive the engine.
  static std::unique_ptr<Engine> open(std::shared_ptr<const models::Model> model, ops::Runtime& runtime,
                                      const EngineOptions& options);
  virtual ~Engine() = default;  // cancels what runs

  // Queues a request; `sink` is called from the engine's thread, in order, at most once per step, and last with
  // Finished. Errors: an empty prompt, a prompt that leaves no room in the context or can never fit into state_bytes, a
  // token outside the vocabulary, a sampling parameter out of range.
  virtual Result<RequestId> submit(Request request, EventSink sink) = 0;
  virtual void cancel(RequestId id) = 0;  // takes effect within one step; idempotent
  virtual EngineStats stats() const = 0;
  virtual const models::Model& model() const = 0;
};

}  // namespace jamsu::engine

#pragma once
// One sample of a request on its way: what the scheduler counts with and the engine computes with.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "models/sequence_state.h"

namespace jamsu::engine {

class DeliveryLine;

struct Sequence {
  RequestId id = 0;                        // its samples share it
  std::shared_ptr<const Request> request;  // never null
  uint32_t sample = 0;                     // in [0, request->samples)
  std::shared_ptr<DeliveryLine> line;      // of the request; null in tests of the scheduler
  std::vector<int32_t> output;
  std::unique_ptr<models::SequenceState> state;  // null: not begun, or a sample that waits for the prompt of another
  int64_t done = 0;                              // tokens of prompt + output that are in the state
  Finished finished;
  bool over = false;
  bool paused = false;  // its sink lags: no rows until it has caught up

  int64_t prompt() const { return static_cast<int64_t>(request->tokens.size()); }
  int64_t length() const { return prompt() + static_cast<int64_t>(output.size()); }
  int64_t left() const { return length() - done; }
  int32_t token(int64_t i) const {
    return i < prompt() ? request->tokens[static_cast<size_t>(i)] : output[static_cast<size_t>(i - prompt())];
  }
  // The most positions it can come to hold: the last token is sampled, never fed.
  int64_t most_positions() const { return prompt() + request->max_tokens - 1; }
};

// Errors: an empty prompt, one that leaves no room in the context, a token outside the vocabulary, a parameter out of
// range; the message names it. Cuts max_tokens to what the context leaves.
Status check(Request& request, int64_t context, int64_t vocab);

// The samples of a checked request, without an id.
std::vector<std::unique_ptr<Sequence>> make_samples(Request request, const std::shared_ptr<DeliveryLine>& line);

}  // namespace jamsu::engine

#pragma once
// Prompts of random tokens through an engine, and when their tokens came.
#include "engine/engine.h"

namespace jamsu::bench {

struct Prompts {
  int64_t sequences = 1, prompt = 64, tokens = 128;  // tokens: new ones of each
};
struct Timed {
  double tokens = 0, seconds = 0;  // from the last sequence's first token to the last of all: those that came in it
  double first = 0;                // seconds from submission to the first token of all
};
// Greedy. Throws what the engine refuses.
Timed decode_once(engine::Engine& engine, const Prompts& prompts);

}  // namespace jamsu::bench

#pragma once
// Which requests run, and which rows the next step computes: queues and a budget in, a plan out. It knows no model and
// no thread; the engine's thread alone uses it.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "engine/sequence.h"

namespace jamsu::engine {

// The whole blocks of a prompt, which its samples share. A layer with a fixed state shares nothing.
int64_t shared_bytes(const models::StateLayout& layout, const Request& request);
// The most bytes that the states of `samples` samples of a request come to: to each its own, but what they share once.
int64_t most_bytes(const models::StateLayout& layout, const Request& request, int64_t samples);

// A part of a step: the next `rows` tokens of a sequence.
struct Piece {
  Sequence* sequence = nullptr;
  int64_t rows = 0;
  bool samples = false;  // a token is drawn from its last row
  // Samples of the same prompt, which ends with this piece: their states are forked from the sequence's after it. Those
  // without a token draw their first from its last row.
  std::vector<Sequence*> forks = {};
};

class Scheduler {
 public:
  // The layout outlives it.
  Scheduler(const models::StateLayout& layout, const EngineOptions& options) : layout_(layout), options_(options) {}

  // To the end of the waiting requests. REQUIRES: the samples of one request, whose states can fit.
  using Samples = std::vector<std::unique_ptr<Sequence>>;
  void add(Samples request) { waiting_.push_back(std::move(request)); }

  // Moves the first waiting request to the running ones if all its samples may run (max_sequences) and the whole future
  // of every running state fits into state_bytes beside `held` bytes of others; requests do not overtake each other.
  // `wants_memory`: only fewer held bytes would help it. `lead` is its first sample; null: none was moved.
  struct Admission {
    Sequence* lead = nullptr;
    bool wants_memory = false;
  };
  Admission admit(int64_t held);

  // A row for each decoding sequence, then pieces of prompts, up to max_step_rows or the number of running sequences.
  // Of samples that have not got their prompt the first computes it, in pieces of which one ends with it, and the
  // others wait. Paused sequences get no rows; those whose prompt is computed get its state like the others.
  std::vector<Piece> plan() const;

  // Takes out of both queues what `which` tells.
  std::vector<std::unique_ptr<Sequence>> take(const std::function<bool(const Sequence&)>& which);

  const std::vector<std::unique_ptr<Sequence>>& running() const { return running_; }
  int64_t waiting() const;  // samples
  // The most that the running states come to.
  int64_t reserved() const;

 private:
  const models::StateLayout& layout_;
  const EngineOptions options_;
  std::deque<Samples> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // samples of a request stand together, in order
};

}  // namespace jamsu::engine

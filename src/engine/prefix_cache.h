#pragma once
// States of finished sequences, kept so that a prompt with the same beginning need not be computed again. A hit gives
// the same bits as computing it (docs/numerics.md): whole blocks of 32 positions are shared.
#include <list>
#include <memory>
#include <vector>

#include "models/sequence_state.h"

namespace jamsu::engine {

class PrefixCache {
 public:
  explicit PrefixCache(size_t capacity) : capacity_(capacity) {}
  // A state that holds the longest common beginning with `tokens`, in whole blocks and at least one token short of all
  // of them; null when there is none. `length` becomes its number of tokens.
  std::unique_ptr<models::SequenceState> fork_longest(const std::vector<int32_t>& tokens, int64_t& length);
  void add(std::vector<int32_t> tokens, std::unique_ptr<models::SequenceState> state);
  bool evict_one();  // the least recently used; false when empty
  int64_t bytes() const;

 private:
  struct Entry {
    std::vector<int32_t> tokens;
    std::unique_ptr<models::SequenceState> state;
  };
  size_t capacity_;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace jamsu::engine

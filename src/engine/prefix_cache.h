#pragma once
// States of finished sequences, kept so that a prompt with the same beginning need not be computed again. A hit gives
// the same bits as computing it (docs/numerics.md): whole blocks of 32 positions are shared. Where a state depends on
// the length of the prompt it was read in (ModelInfo::same_up_to), prompts beyond that length take and leave nothing,
// and of the others the positions up to there are shared.
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "models/sequence_state.h"

namespace jamsu::engine {

class PrefixCache {
 public:
  explicit PrefixCache(size_t capacity, int64_t same_up_to = INT64_MAX)
      : capacity_(capacity), same_up_to_(same_up_to) {}
  // A state that holds the longest common beginning with `tokens`, in whole blocks and at least one token short of all
  // of them; null when there is none. `length` becomes its number of tokens.
  std::unique_ptr<models::SequenceState> fork_longest(const std::vector<int32_t>& tokens, int64_t& length);
  // `prompt`: how many of the tokens were read as one prompt.
  void add(std::vector<int32_t> tokens, std::unique_ptr<models::SequenceState> state, int64_t prompt);
  bool evict_one();  // the least recently used; false when empty
  int64_t bytes() const;

 private:
  struct Entry {
    std::vector<int32_t> tokens;
    std::unique_ptr<models::SequenceState> state;
  };
  size_t capacity_;
  int64_t same_up_to_;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace jamsu::engine

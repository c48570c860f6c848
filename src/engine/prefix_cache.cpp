#include "engine/prefix_cache.h"

#include <algorithm>

namespace jamsu::engine {

std::unique_ptr<models::SequenceState> PrefixCache::fork_longest(const std::vector<int32_t>& tokens, int64_t& length) {
  length = 0;
  if (static_cast<int64_t>(tokens.size()) > same_up_to_) return nullptr;
  auto best = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    const size_t limit = std::min(it->tokens.size(), tokens.size() - 1);
    size_t common = 0;
    while (common < limit && it->tokens[common] == tokens[common]) ++common;
    const int64_t whole = static_cast<int64_t>(common) / kernels::kKeyBlock * kernels::kKeyBlock;
    if (whole > length) {
      length = whole;
      best = it;
    }
  }
  if (best == entries_.end()) return nullptr;
  auto state = best->state->fork(length);
  if (!state) {
    length = 0;
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, best);
  return state;
}

void PrefixCache::add(std::vector<int32_t> tokens, std::unique_ptr<models::SequenceState> state, int64_t prompt) {
  if (capacity_ == 0 || !state || prompt > same_up_to_) return;
  if (static_cast<int64_t>(tokens.size()) > same_up_to_) {
    if (!state->truncate(same_up_to_)) return;
    tokens.resize(static_cast<size_t>(same_up_to_));
  }
  entries_.push_front({std::move(tokens), std::move(state)});
  if (entries_.size() > capacity_) entries_.pop_back();
}

bool PrefixCache::evict_one() {
  if (entries_.empty()) return false;
  entries_.pop_back();
  return true;
}

int64_t PrefixCache::bytes() const {
  int64_t total = 0;
  for (const Entry& e : entries_) total += e.state->bytes();
  return total;
}

}  // namespace jamsu::engine

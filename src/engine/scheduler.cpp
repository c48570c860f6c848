#include "engine/scheduler.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace jamsu::engine {

int64_t shared_bytes(const models::StateLayout& layout, const Request& request) {
  const auto prompt = static_cast<int64_t>(request.tokens.size());
  return layout.bytes_for(prompt / kernels::kKeyBlock * kernels::kKeyBlock) - layout.bytes_for(0);
}

int64_t most_bytes(const models::StateLayout& layout, const Request& request, int64_t samples) {
  const auto prompt = static_cast<int64_t>(request.tokens.size());
  const int64_t one = layout.bytes_for(prompt + request.max_tokens - 1);
  return one + (samples - 1) * (one - shared_bytes(layout, request));
}

int64_t Scheduler::reserved() const {
  int64_t bytes = 0;
  for (size_t i = 0; i < running_.size();) {
    const size_t first = i;
    while (i < running_.size() && running_[i]->id == running_[first]->id) ++i;
    bytes += most_bytes(layout_, *running_[first]->request, static_cast<int64_t>(i - first));
  }
  return bytes;
}

Scheduler::Admission Scheduler::admit(int64_t held) {
  if (waiting_.empty()) return {};
  Samples& samples = waiting_.front();
  const auto count = static_cast<int64_t>(samples.size());
  if (static_cast<int64_t>(running_.size()) + count > options_.max_sequences) return {};
  const int64_t bytes = reserved() + most_bytes(layout_, *samples.front()->request, count);
  if (bytes + held > options_.state_bytes) return {.wants_memory = bytes <= options_.state_bytes};
  Sequence* lead = samples.front().get();
  std::move(samples.begin(), samples.end(), std::back_inserter(running_));
  waiting_.pop_front();
  return {.lead = lead};
}

std::vector<Piece> Scheduler::plan() const {
  std::vector<Piece> decoding, reading;
  const Sequence* lead = nullptr;  // the last one that reads its prompt for others
  Piece* read = nullptr;           // what it reads
  std::vector<Sequence*> before;   // paused samples that stand before it and have to read the prompt again
  reading.reserve(running_.size());
  decoding.reserve(running_.size());
  for (const auto& owned : running_) {
    Sequence* s = owned.get();
    if (s->over) continue;
    const bool reads_prompt = s->done < s->prompt();
    if (reads_prompt && lead && lead->id == s->id) {
      read->forks.push_back(s);
      continue;
    }
    if (s->paused) {
      if (reads_prompt) before.push_back(s);
      continue;
    }
    auto& pieces = s->left() == 1 ? decoding : reading;
    pieces.push_back({.sequence = s});
    if (!reads_prompt) continue;
    lead = s, read = &pieces.back();
    std::erase_if(before, [&](const Sequence* p) { return p->id != s->id; });
    read->forks = std::exchange(before, {});
  }

  int64_t room = std::max(options_.max_step_rows, static_cast<int64_t>(running_.size()));
  std::move(reading.begin(), reading.end(), std::back_inserter(decoding));
  auto end = decoding.begin();
  for (; end != decoding.end() && room > 0; ++end) {
    const Sequence& s = *end->sequence;
    // A fixed state is forked as it is: the piece ends where the others begin.
    const int64_t until = end->forks.empty() ? s.length() : s.prompt();
    end->rows = std::min(until - s.done, room);
    end->samples = s.done + end->rows == s.length();
    if (s.done + end->rows < s.prompt()) end->forks.clear();
    room -= end->rows;
  }
  decoding.erase(end, decoding.end());
  return decoding;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::take(const std::function<bool(const Sequence&)>& which) {
  std::vector<std::unique_ptr<Sequence>> out;
  const auto from = [&](std::vector<std::unique_ptr<Sequence>>& queue) {
    for (auto& s : queue)
      if (which(*s)) out.push_back(std::move(s));
    std::erase(queue, nullptr);
  };
  from(running_);
  for (Samples& samples : waiting_) from(samples);
  std::erase_if(waiting_, [](const Samples& samples) { return samples.empty(); });
  return out;
}

int64_t Scheduler::waiting() const {
  int64_t count = 0;
  for (const Samples& samples : waiting_) count += static_cast<int64_t>(samples.size());
  return count;
}

}  // namespace jamsu::engine

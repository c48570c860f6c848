#include "tokenizer/unigram.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {

Unigram::Unigram(std::vector<double> scores, const Vocabulary& vocabulary) : scores_(std::move(scores)) {
  constexpr double kPenalty = 10.0;
  unknown_score_ = (scores_.empty() ? 0.0 : *std::min_element(scores_.begin(), scores_.end())) - kPenalty;
  for (int32_t id = 0; id < static_cast<int32_t>(scores_.size()); ++id) {
    bytes_of_.push_back(static_cast<int32_t>(vocabulary.token(id).size()));
    longest_ = std::max(longest_, vocabulary.token(id).size());
  }
  grow(vocabulary);
}

// Level by level: a node is a range of the ordered tokens, which have its bytes in common.
void Unigram::grow(const Vocabulary& vocabulary) {
  std::vector<int32_t> ids(scores_.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) { return vocabulary.token(a) < vocabulary.token(b); });
  struct Range {
    size_t begin, end;
  };
  std::vector<Range> level = {{0, ids.size()}}, below;
  nodes_.emplace_back();
  byte_to_.push_back(0);
  size_t node = 0;
  for (size_t depth = 0; !level.empty(); ++depth, level.swap(below)) {
    below.clear();
    for (auto [begin, end] : level) {
      const auto token = [&](size_t i) { return vocabulary.token(ids[i]); };
      if (begin < end && token(begin).size() == depth) {
        if (depth > 0) nodes_[node].id = ids[begin];
        ++begin;
      }
      nodes_[node].children = static_cast<int32_t>(nodes_.size());
      while (begin < end) {
        const auto byte = static_cast<uint8_t>(token(begin)[depth]);
        const size_t first = begin;
        while (begin < end && static_cast<uint8_t>(token(begin)[depth]) == byte) ++begin;
        const auto made = static_cast<int32_t>(nodes_.size());
        if (depth == 0) from_root_[byte] = made;
        nodes_.push_back({.children = 0, .fallback = static_cast<int32_t>(node), .ending = 0, .id = -1});  // the parent
        byte_to_.push_back(byte);
        below.push_back({first, begin});
      }
      ++node;
    }
  }
  nodes_.push_back({.children = static_cast<int32_t>(nodes_.size()), .fallback = 0, .ending = 0, .id = -1});
  // Endings are shorter, so they are known before.
  for (size_t i = 1; i + 1 < nodes_.size(); ++i) {
    Node& n = nodes_[i];
    const int32_t parent = n.fallback;
    n.fallback = parent == 0 ? 0 : next(nodes_[static_cast<size_t>(parent)].fallback, byte_to_[i]);
    n.ending = n.id >= 0 ? static_cast<int32_t>(i) : nodes_[static_cast<size_t>(n.fallback)].ending;
  }
}

int32_t Unigram::child(int32_t node, uint8_t byte) const {
  const auto n = static_cast<size_t>(node);
  const auto begin = byte_to_.begin() + nodes_[n].children, end = byte_to_.begin() + nodes_[n + 1].children;
  const auto found = std::lower_bound(begin, end, byte);
  return found != end && *found == byte ? static_cast<int32_t>(found - byte_to_.begin()) : 0;
}

// The longest node that ends with this byte behind the bytes of `node`.
int32_t Unigram::next(int32_t node, uint8_t byte) const {
  for (; node != 0; node = nodes_[static_cast<size_t>(node)].fallback)
    if (const int32_t found = child(node, byte)) return found;
  return from_root_[byte];
}

void Unigram::cut(std::string_view piece, std::span<const bool> blocked, Scratch& scratch,
                  FunctionRef<void(Part)> sink) const {
  auto& scores = scratch.scores;
  auto& last = scratch.last;
  // Rounded up to a power of two; a character that is no token has four bytes at most.
  const size_t mask = std::bit_ceil(std::min(std::max<size_t>(longest_, 4), piece.size()) + 1) - 1;
  if (scores.size() <= mask) scores.resize(mask + 1);
  if (last.size() <= piece.size()) last.resize(piece.size() + 1);
  scores[0] = 0;
  int32_t node = 0;
  for (size_t begin = 0; begin < piece.size();) {  // of a character
    const size_t character = unicode::decode_valid(piece.data() + begin).bytes, end = begin + character;
    for (; begin < end; ++begin) node = next(node, static_cast<uint8_t>(piece[begin]));
    bool found = false, single = false;
    double best = 0;
    // From the longest token on, so the first of equals stays.
    const auto offer = [&](size_t bytes, double score, int32_t id) {
      score += scores[(end - bytes) & mask];
      if (found && !(score > best)) return;
      found = true;
      best = score;
      last[end] = id;
    };
    for (int32_t n = nodes_[static_cast<size_t>(node)].ending; n != 0;
         n = nodes_[static_cast<size_t>(nodes_[static_cast<size_t>(n)].fallback)].ending) {
      const auto id = static_cast<size_t>(nodes_[static_cast<size_t>(n)].id);
      if (!blocked.empty() && blocked[id]) continue;
      const auto bytes = static_cast<size_t>(bytes_of_[id]);
      offer(bytes, scores_[id], static_cast<int32_t>(id));
      single |= bytes == character;
    }
    if (!single) offer(character, unknown_score_, -1);
    scores[end & mask] = best;
  }
  // The way back; its tokens go to the end of `last`, behind what is still to be read there.
  size_t first = piece.size() + 1;
  for (size_t end = piece.size(); end > 0;) {
    const int32_t id = last[--first] = last[end];
    if (id >= 0) {
      end -= static_cast<size_t>(bytes_of_[static_cast<size_t>(id)]);
    } else {
      while (unicode::is_utf8_continuation(piece[--end])) continue;
    }
  }
  for (size_t begin = 0; begin < piece.size();) {
    const int32_t id = last[first++];
    size_t end = begin;
    if (id >= 0) {
      end += static_cast<size_t>(bytes_of_[static_cast<size_t>(id)]);
    } else {
      end += unicode::decode_valid(piece.data() + end).bytes;
      for (; end < piece.size() && last[first] < 0; ++first) end += unicode::decode_valid(piece.data() + end).bytes;
    }
    sink({id, piece.substr(begin, end - begin)});
    begin = end;
  }
}

}  // namespace jamsu::tokenizer

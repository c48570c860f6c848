#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "unicode/utf8.h"

namespace jamsu::tokenizer {

MergeTable::MergeTable(std::span<const Merge> merges, Rank kind) {
  const size_t capacity = std::bit_ceil(std::max<size_t>(2, 2 * merges.size() + 1));
  slots_.assign(capacity, {});
  mask_ = capacity - 1;
  shift_ = 64 - std::countr_zero(capacity);
  constexpr size_t kBitsPerSlot = 4;
  const size_t words = std::max<size_t>(2, capacity * kBitsPerSlot / 64);
  filter_.assign(words, 0);
  filter_shift_ = 64 - std::countr_zero(words);
  for (size_t index = 0; index < merges.size(); ++index) {
    const Merge& merge = merges[index];
    const auto rank = static_cast<uint32_t>(kind == Rank::index ? index : static_cast<size_t>(merge.result));
    const uint64_t key = key_of(merge.left, merge.right);
    size_t i = slot_of(key);
    while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & mask_;
    slots_[i] = {key, {rank, merge.result}};
    filter_[hash(key) >> filter_shift_] |= uint64_t{1} << (hash(key) >> (filter_shift_ - 6) & 63);
    ranks_ = std::max(ranks_, rank + 1);
  }
  find_order(merges);
}

void MergeTable::find_order(std::span<const Merge> merges) {
  std::vector<uint32_t> made_by;  // by id: above the ranks that make it
  const auto made = [&made_by](int32_t id) -> uint32_t& {
    const auto i = static_cast<size_t>(id);
    if (i >= made_by.size()) made_by.resize(std::max(i + 1, 2 * made_by.size()), 0);
    return made_by[i];
  };
  std::vector<uint32_t> ranks;
  for (const Merge& merge : merges) {
    ranks.push_back(find(merge.left, merge.right).rank);
    made(merge.result) = std::max(made(merge.result), ranks.back() + 1);
  }
  for (size_t i = 0; i < merges.size(); ++i)
    ascends_ &= made(merges[i].left) <= ranks[i] && made(merges[i].right) <= ranks[i];
}

void RankQueue::reset(uint32_t ranks) {
  nodes_.clear();
  if (!levels_.empty() && levels_.back()[0] == 0 && heads_.size() == ranks) return;
  heads_.assign(ranks, -1);
  levels_.clear();
  for (size_t bits = std::max(ranks, 1u); levels_.empty() || bits > 1; bits = levels_.back().size())
    levels_.emplace_back((bits + 63) / 64, 0);
}

void RankQueue::push(uint32_t rank, int32_t at) {
  nodes_.push_back({at, heads_[rank]});
  heads_[rank] = static_cast<int32_t>(nodes_.size()) - 1;
  if (nodes_.back().next >= 0) return;
  size_t bit = rank;
  for (auto& level : levels_) {
    const uint64_t before = std::exchange(level[bit / 64], level[bit / 64] | uint64_t{1} << bit % 64);
    if (before) return;
    bit /= 64;
  }
}

uint32_t RankQueue::pop(std::vector<int32_t>& positions) {
  positions.clear();
  if (levels_.back()[0] == 0) return MergeTable::kNone;
  size_t rank = 0;
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
    rank = rank * 64 + static_cast<size_t>(std::countr_zero((*level)[rank]));
  for (int32_t node = std::exchange(heads_[rank], -1); node >= 0; node = nodes_[static_cast<size_t>(node)].next)
    positions.push_back(nodes_[static_cast<size_t>(node)].at);
  std::reverse(positions.begin(), positions.end());
  if (!std::is_sorted(positions.begin(), positions.end())) sort(positions);
  size_t bit = rank;
  for (auto& level : levels_) {
    level[bit / 64] &= ~(uint64_t{1} << bit % 64);
    if (level[bit / 64]) break;
    bit /= 64;
  }
  return static_cast<uint32_t>(rank);
}

// By digits of 11 bits from the lowest on: linear in their number.
void RankQueue::sort(std::vector<int32_t>& positions) {
  constexpr int kDigitBits = 11;
  constexpr size_t kFew = 256;
  if (positions.size() < kFew) return std::sort(positions.begin(), positions.end());
  const auto most = static_cast<uint32_t>(*std::max_element(positions.begin(), positions.end()));
  sorted_.resize(positions.size());
  for (int shift = 0; shift < 32 && most >> shift != 0; shift += kDigitBits) {
    std::array<uint32_t, size_t{1} << kDigitBits> ends{};
    const auto digit = [shift, &ends](int32_t p) { return static_cast<uint32_t>(p) >> shift & (ends.size() - 1); };
    for (const int32_t p : positions) ++ends[digit(p)];
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    for (size_t i = positions.size(); i > 0; --i) sorted_[--ends[digit(positions[i - 1])]] = positions[i - 1];
    positions.swap(sorted_);
  }
}

namespace {

using Symbol = BpeScratch::Symbol;
using Candidate = BpeScratch::Candidate;

bool is_blocked(std::span<const bool> blocked, int32_t id) {
  return !blocked.empty() && blocked[static_cast<size_t>(id)];
}

// Few symbols: look at all pairs again after each merge; the ranks of pairs are kept, so a merge costs two look-ups.
constexpr size_t kFew = 24;
size_t merge_few(const MergeTable& merges, std::span<int32_t> ids, std::span<const bool> blocked) {
  std::array<MergeTable::Found, kFew> pairs;  // pairs[i]: of ids[i], ids[i + 1]
  const auto look_up = [&](size_t i) {
    pairs[i] = merges.find(ids[i], ids[i + 1]);
    if (pairs[i].rank != MergeTable::kNone && is_blocked(blocked, pairs[i].result)) pairs[i] = {};
  };
  size_t count = ids.size();
  for (size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (pairs[i].rank < pairs[best].rank) best = i;
    if (pairs[best].rank == MergeTable::kNone) break;
    ids[best] = pairs[best].result;
    for (size_t i = best + 1; i + 1 < count; ++i) ids[i] = ids[i + 1], pairs[i] = pairs[i + 1];
    --count;
    if (best > 0) look_up(best - 1);
    if (best + 1 < count) look_up(best);
  }
  return count;
}

void link(std::vector<Symbol>& symbols, std::span<const int32_t> ids) {
  const auto count = static_cast<int32_t>(ids.size());
  symbols.clear();
  for (int32_t i = 0; i < count; ++i)
    symbols.push_back({ids[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1, MergeTable::kNone});
}

// The symbol at `at` takes the next one in.
void join(std::vector<Symbol>& symbols, int32_t at, int32_t result) {
  Symbol& left = symbols[static_cast<size_t>(at)];
  Symbol& right = symbols[static_cast<size_t>(left.next)];
  left.id = result;
  right.id = -1;
  right.rank = MergeTable::kNone;
  left.next = right.next;
  if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = at;
}

size_t collect(const std::vector<Symbol>& symbols, std::span<int32_t> ids) {
  size_t kept = 0;
  for (const Symbol& s : symbols)
    if (s.id >= 0) ids[kept++] = s.id;
  return kept;
}

MergeTable::Found pair_at(const MergeTable& merges, std::span<const bool> blocked, BpeScratch& scratch, int32_t at) {
  const Symbol& s = scratch.symbols[static_cast<size_t>(at)];
  if (s.next < 0) return {};
  ++scratch.steps;
  const auto found = merges.find(s.id, scratch.symbols[static_cast<size_t>(s.next)].id);
  return found.rank != MergeTable::kNone && is_blocked(blocked, found.result) ? MergeTable::Found{} : found;
}

// Many, and ascending: all pairs of the lowest rank from left to right, then those of the next. A position whose pair
// has another rank by then is out of date.
void merge_by_rank(const MergeTable& merges, std::span<const int32_t> ids, std::span<const bool> blocked,
                   BpeScratch& scratch) {
  auto& symbols = scratch.symbols;
  const auto propose = [&](int32_t at) {
    const uint32_t rank = pair_at(merges, blocked, scratch, at).rank;
    symbols[static_cast<size_t>(at)].rank = rank;
    if (rank != MergeTable::kNone) scratch.queue.push(rank, at);
  };
  link(symbols, ids);
  scratch.queue.reset(merges.ranks());
  for (int32_t i = 0; i < static_cast<int32_t>(ids.size()); ++i) propose(i);
  while (true) {
    const uint32_t rank = scratch.queue.pop(scratch.positions);
    if (rank == MergeTable::kNone) break;
    scratch.steps += scratch.positions.size();
    for (const int32_t at : scratch.positions) {
      Symbol& left = symbols[static_cast<size_t>(at)];
      if (left.rank != rank) continue;
      join(symbols, at, merges.find(left.id, symbols[static_cast<size_t>(left.next)].id).result);
      if (left.previous >= 0) propose(left.previous);
      propose(at);
    }
  }
}

// Many, in any order: a heap of candidates, some of them out of date when they come up.
void merge_by_heap(const MergeTable& merges, std::span<const int32_t> ids, std::span<const bool> blocked,
                   BpeScratch& scratch) {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
  };
  const auto propose = [&](int32_t at) {
    const auto found = pair_at(merges, blocked, scratch, at);
    symbols[static_cast<size_t>(at)].rank = found.rank;
    if (found.rank == MergeTable::kNone) return;
    heap.push_back({found.rank, at, found.result});
    scratch.steps += static_cast<uint64_t>(std::bit_width(heap.size()));
    std::push_heap(heap.begin(), heap.end(), later);
  };
  link(symbols, ids);
  heap.clear();
  for (int32_t i = 0; i < static_cast<int32_t>(ids.size()); ++i) propose(i);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    scratch.steps += static_cast<uint64_t>(std::bit_width(heap.size()));
    const Candidate top = heap.back();
    heap.pop_back();
    const Symbol& left = symbols[static_cast<size_t>(top.at)];
    if (left.rank != top.rank) continue;
    join(symbols, top.at, top.result);
    if (left.previous >= 0) propose(left.previous);
    propose(top.at);
  }
}

// Leaves the tokens in scratch.symbols.
void merge_many(const MergeTable& merges, std::span<const int32_t> ids, std::span<const bool> blocked,
                BpeScratch& scratch) {
  merges.ascends() ? merge_by_rank(merges, ids, blocked, scratch) : merge_by_heap(merges, ids, blocked, scratch);
}

struct ByteAlphabet {
  std::array<char32_t, 256> characters{};
  std::array<int16_t, 0x200> bytes{};  // all characters of the alphabet are below U+0144
  constexpr ByteAlphabet() {
    for (auto& b : bytes) b = -1;
    char32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
      const char32_t c = printable ? static_cast<char32_t>(b) : next++;
      characters[static_cast<size_t>(b)] = c;
      bytes[c] = static_cast<int16_t>(b);
    }
  }
};
constexpr ByteAlphabet kAlphabet;

}  // namespace

size_t merge_tokens(const MergeTable& merges, std::span<int32_t> ids, std::span<const bool> blocked,
                    BpeScratch& scratch) {
  if (ids.size() < 2) return ids.size();
  if (ids.size() <= kFew) return merge_few(merges, ids, blocked);
  merge_many(merges, ids, blocked, scratch);
  return collect(scratch.symbols, ids);
}

std::optional<size_t> merge_stretches(const MergeTable& merges, std::span<int32_t> ids, std::span<const bool> blocked,
                                      BpeScratch& scratch) {
  // Symbols and queue of a stretch take 40 bytes a symbol, which a near cache has. The last kShared of them are merged
  // again with the next stretch: what comes behind a stretch rarely matters that far in front of its end.
  constexpr size_t kStretch = 8192, kShared = 512;
  if (ids.size() <= kStretch) return merge_tokens(merges, ids, blocked, scratch);
  const auto& symbols = scratch.symbols;
  size_t count = 0;
  Symbol shared{};  // the token that the next stretch has to begin with; `next` counts from its front
  for (size_t begin = 0; true;) {
    const auto stretch = ids.subspan(begin, std::min(kStretch, ids.size() - begin));
    merge_many(merges, stretch, blocked, scratch);
    if (begin > 0 && (symbols[0].id != shared.id || symbols[0].next != shared.next)) return std::nullopt;
    const bool is_last = stretch.size() == ids.size() - begin;
    size_t cut = is_last ? stretch.size() : kStretch - kShared;
    while (!is_last && symbols[cut].id < 0) --cut;
    if (cut == 0) return std::nullopt;
    for (size_t i = 0; i < cut; ++i)
      if (symbols[i].id >= 0) ids[count++] = symbols[i].id;
    if (is_last) return count;
    shared = symbols[cut];
    shared.next -= static_cast<int32_t>(cut);
    begin += cut;
  }
}

char32_t byte_to_character(uint8_t byte) {
  return kAlphabet.characters[byte];
}
int character_to_byte(char32_t c) {
  return c < kAlphabet.bytes.size() ? kAlphabet.bytes[c] : -1;
}

std::string token_to_bytes(std::string_view token) {
  std::string bytes;
  for (size_t i = 0; i < token.size();) {
    const unicode::Decoded d = unicode::decode_valid(token.data() + i);
    const int byte = character_to_byte(d.c);
    if (byte < 0) return std::string(token);
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    i += d.bytes;
  }
  return bytes;
}

std::string bytes_to_token(std::string_view bytes) {
  std::string token;
  for (const char b : bytes) unicode::append_utf8(token, byte_to_character(static_cast<uint8_t>(b)));
  return token;
}

}  // namespace jamsu::tokenizer

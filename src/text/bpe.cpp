#include "text/bpe.h"

#include <algorithm>
#include <bit>

#include "text/utf8.h"

namespace jamsu::text {

MergeTable::MergeTable(std::span<const Merge> merges, Rank kind) {
  const size_t capacity = std::bit_ceil(std::max<size_t>(2, 2 * merges.size() + 1));
  slots_.assign(capacity, {});
  mask_ = capacity - 1;
  shift_ = 64 - std::countr_zero(capacity);
  for (size_t index = 0; index < merges.size(); ++index) {
    const Merge& merge = merges[index];
    const auto rank = static_cast<uint32_t>(kind == Rank::index ? index : static_cast<size_t>(merge.result));
    const uint64_t key = key_of(merge.left, merge.right);
    size_t i = slot_of(key);
    while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & mask_;
    slots_[i] = {key, {rank, merge.result}};
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

// Many: a linked list of symbols and a heap of candidates, some of them out of date when they come up.
size_t merge_many(const MergeTable& merges, std::span<int32_t> ids, std::span<const bool> blocked,
                  BpeScratch& scratch) {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
  };
  const auto propose = [&](int32_t at) {
    const Symbol& s = symbols[static_cast<size_t>(at)];
    if (s.next < 0) return;
    const auto found = merges.find(s.id, symbols[static_cast<size_t>(s.next)].id);
    if (found.rank == MergeTable::kNone || is_blocked(blocked, found.result)) return;
    heap.push_back({found.rank, at, found.result});
    std::push_heap(heap.begin(), heap.end(), later);
  };
  const auto count = static_cast<int32_t>(ids.size());
  symbols.clear();
  heap.clear();
  for (int32_t i = 0; i < count; ++i)
    symbols.push_back({ids[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
  for (int32_t i = 0; i < count; ++i) propose(i);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const Candidate top = heap.back();
    heap.pop_back();
    Symbol& left = symbols[static_cast<size_t>(top.at)];
    if (left.id < 0 || left.next < 0) continue;
    Symbol& right = symbols[static_cast<size_t>(left.next)];
    if (const auto now = merges.find(left.id, right.id); now.rank == MergeTable::kNone || now.result != top.result)
      continue;
    left.id = top.result;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = top.at;
    if (left.previous >= 0) propose(left.previous);
    propose(top.at);
  }
  size_t kept = 0;
  for (const Symbol& s : symbols)
    if (s.id >= 0) ids[kept++] = s.id;
  return kept;
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
  return ids.size() <= kFew ? merge_few(merges, ids, blocked) : merge_many(merges, ids, blocked, scratch);
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
    const Decoded d = decode_valid(token.data() + i);
    const int byte = character_to_byte(d.c);
    if (byte < 0) return std::string(token);
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    i += d.bytes;
  }
  return bytes;
}

std::string bytes_to_token(std::string_view bytes) {
  std::string token;
  for (const char b : bytes) append_utf8(token, byte_to_character(static_cast<uint8_t>(b)));
  return token;
}

}  // namespace jamsu::text

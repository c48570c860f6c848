#pragma once
// Byte-level BPE: the bytes of a piece become tokens, then the pair of neighbours with the lowest rank merges (the
// leftmost of equals) until none can. Time linear in the bytes of a piece where the merges ascend, as trained ones do;
// O(n log n) elsewhere.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::tokenizer {

struct Merge {
  int32_t left, right, result;
};

// (left, right) -> rank and result; open addressing, never more than half full.
class MergeTable {
 public:
  struct Found {
    uint32_t rank = kNone;
    int32_t result = -1;
  };
  static constexpr uint32_t kNone = ~0u;

  MergeTable() = default;
  // The rank of a merge is its index, as in `tokenizers`, or its result, as in tiktoken.
  // Of equal pairs the last counts.
  enum class Rank : uint8_t { index, result };
  explicit MergeTable(std::span<const Merge> merges, Rank rank = Rank::index);
  uint32_t ranks() const { return ranks_; }  // all ranks are below
  // The rank of each merge is above those of the merges that make its two tokens,
  // so that merging never leads back to a lower rank.
  bool ascends() const { return ascends_; }
  Found find(int32_t left, int32_t right) const {
    const uint64_t key = key_of(left, right), h = hash(key);
    if (!(filter_[h >> filter_shift_] >> (h >> (filter_shift_ - 6) & 63) & 1)) return {};
    for (size_t i = h >> shift_;; i = (i + 1) & mask_) {
      const Slot& s = slots_[i];
      if (s.key == key) return s.value;
      if (s.key == kEmpty) return {};
    }
  }

 private:
  void find_order(std::span<const Merge> merges);
  static constexpr uint64_t kEmpty = ~0ULL;
  struct Slot {
    uint64_t key = kEmpty;
    Found value;
  };
  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static uint64_t hash(uint64_t key) { return key * 0x9E3779B97F4A7C15ULL; }
  size_t slot_of(uint64_t key) const { return static_cast<size_t>(hash(key) >> shift_); }

  std::vector<Slot> slots_ = std::vector<Slot>(2);
  size_t mask_ = 1;
  int shift_ = 63;
  // A bit for each pair by its hash, small enough for a near cache; most pairs that are looked for are in no merge.
  std::vector<uint64_t> filter_ = std::vector<uint64_t>(2);
  int filter_shift_ = 63;  // of the word; the six bits below are the bit's
  uint32_t ranks_ = 0;
  bool ascends_ = true;
};

// Positions by rank: a list for each rank, and bits over them that tell which are not empty.
class RankQueue {
 public:
  // Empties it, at no cost where it is empty.
  void reset(uint32_t ranks);
  void push(uint32_t rank, int32_t at);  // REQUIRES: reset, rank < ranks
  // Takes all positions of the lowest rank, in ascending order; MergeTable::kNone when the queue is empty.
  uint32_t pop(std::vector<int32_t>& positions);

 private:
  struct Node {
    int32_t at, next;
  };
  void sort(std::vector<int32_t>& positions);
  std::vector<Node> nodes_;
  std::vector<int32_t> heads_;                 // by rank; the last position first; -1: empty
  std::vector<std::vector<uint64_t>> levels_;  // bits of the lists, then of the words of the level before
  std::vector<int32_t> sorted_;
};

// Room that merging reuses from piece to piece.
class BpeScratch {
 public:
  struct Symbol {
    int32_t id, previous, next;  // positions of neighbours, -1 at the ends; id -1: merged away
    uint32_t rank;               // of the pair with the next
  };
  struct Candidate {
    uint32_t rank;
    int32_t at, result;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  RankQueue queue;
  std::vector<int32_t> positions;
  uint64_t steps = 0;  // of merging long pieces, counted for tests
};

// Merges `ids` (the tokens of the single bytes) in place and returns how many are left. `blocked`, when not empty, says
// by id which results must not be made.
size_t merge_tokens(const MergeTable& merges, std::span<int32_t> ids, std::span<const bool> blocked,
                    BpeScratch& scratch);

// The same for any number of ids, in stretches that a near cache has room for. Each begins with a token of the one
// before. Where both made this token, the stretches together are what merging all at once gives: the first merge across
// the token's front would join an end of the token before with a beginning of this one, and would have come in the
// earlier stretch too, where both stand side by side (a merge depends on nothing else: the lowest rank goes first, in
// any part of the ids as in all of them).
// Where they did not: nullopt, the ids are lost, and merge_tokens is to be asked.
std::optional<size_t> merge_stretches(const MergeTable& merges, std::span<int32_t> ids, std::span<const bool> blocked,
                                      BpeScratch& scratch);

// The byte alphabet of GPT-2: printable bytes stand for themselves, the others for U+0100 and up.
char32_t byte_to_character(uint8_t byte);
int character_to_byte(char32_t c);  // -1 when not in the alphabet
// What a token of tokenizer.json means: bytes when all of its characters are in the alphabet, else its own UTF-8.
std::string token_to_bytes(std::string_view token);
std::string bytes_to_token(std::string_view bytes);

}  // namespace jamsu::tokenizer

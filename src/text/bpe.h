#pragma once
// Byte-level BPE: the bytes of a piece become tokens, then the pair of neighbours with the lowest rank merges (the
// leftmost of equals) until none can. Time O(n log n) in the bytes of a piece.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::text {

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
  // The rank of a merge is its index, as in `tokenizers`, or its result, as in tiktoken. Of equal pairs the last
  // counts.
  enum class Rank : uint8_t { index, result };
  explicit MergeTable(std::span<const Merge> merges, Rank rank = Rank::index);
  Found find(int32_t left, int32_t right) const {
    const uint64_t key = key_of(left, right);
    for (size_t i = slot_of(key);; i = (i + 1) & mask_) {
      const Slot& s = slots_[i];
      if (s.key == key) return s.value;
      if (s.key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~0ULL;
  struct Slot {
    uint64_t key = kEmpty;
    Found value;
  };
  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t slot_of(uint64_t key) const { return static_cast<size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift_); }

  std::vector<Slot> slots_ = std::vector<Slot>(2);
  size_t mask_ = 1;
  int shift_ = 63;
};

// Room that merging reuses from piece to piece.
class BpeScratch {
 public:
  struct Symbol {
    int32_t id, previous, next;  // positions of neighbours, -1 at the ends; id -1: merged away
  };
  struct Candidate {
    uint32_t rank;
    int32_t at, result;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

// Merges `ids` (the tokens of the single bytes) in place and returns how many are left. `blocked`, when not empty, says
// by id which results must not be made.
size_t merge_tokens(const MergeTable& merges, std::span<int32_t> ids, std::span<const bool> blocked,
                    BpeScratch& scratch);

// The byte alphabet of GPT-2: printable bytes stand for themselves, the others for U+0100 and up.
char32_t byte_to_character(uint8_t byte);
int character_to_byte(char32_t c);  // -1 when not in the alphabet
// What a token of tokenizer.json means: bytes when all of its characters are in the alphabet, else its own UTF-8.
std::string token_to_bytes(std::string_view token);
std::string bytes_to_token(std::string_view bytes);

}  // namespace jamsu::text

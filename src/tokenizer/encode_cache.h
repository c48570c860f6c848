#pragma once
// Pieces met before with their ids. Each has one place by its hash and gives way to newer ones, so the room is bounded
// (2.3 MiB) and only speed depends on what came before. Used by one thread at a time.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/bpe.h"
#include "tokenizer/unigram.h"

namespace jamsu::tokenizer {

uint64_t hash_bytes(std::string_view s);

// Nearly all pieces: at most 15 bytes and 4 ids. They are compared as two words, and two of them share a cache line.
class ShortPieces {
 public:
  static constexpr size_t kMaxBytes = 15, kMaxIds = 4;
  static constexpr int kLengthShift = 56;
  // The bytes, zeros behind them, and in the last byte the length.
  struct Key {
    uint64_t low, high;
    std::string_view piece() const { return {reinterpret_cast<const char*>(this), high >> kLengthShift}; }
  };
  // `readable` >= p.size(): the bytes from p.data() on that may be read. REQUIRES: 0 < p.size() <= kMaxBytes.
  static Key key_of(std::string_view p, size_t readable) {
    std::array<uint64_t, 2> words{};
    if (readable >= sizeof(words)) {
      std::memcpy(words.data(), p.data(), sizeof(words));
      const auto& mask = kMasks[p.size()];
      words[0] &= mask[0];
      words[1] &= mask[1];
    } else {
      std::memcpy(words.data(), p.data(), p.size());
    }
    return {words[0], words[1] | static_cast<uint64_t>(p.size()) << kLengthShift};
  }

  struct Entry {
    uint64_t low = 0, high = 0;  // a key, and the count of ids above its length; length 0: free
    std::array<int32_t, kMaxIds> ids{};
    size_t count() const { return high >> kCountShift; }
    bool is(Key key) const { return low == key.low && (high ^ key.high) << (64 - kCountShift) == 0; }
  };
  struct alignas(64) Line : std::array<Entry, 2> {};  // the newer one first
  // Where alone the piece may be; on its way from memory from now on.
  Line& line_of(Key key) {
    Line& line = lines_[slot_of(key)];
    __builtin_prefetch(&line);
    return line;
  }
  // Null where the piece is not kept. REQUIRES: line is line_of(key), here and below.
  static const Entry* find(Line& line, Key key) {
    if (line[0].is(key)) return line.data();
    if (!line[1].is(key)) return nullptr;
    std::swap(line[0], line[1]);
    return line.data();
  }
  // REQUIRES: find(line, key) was null, ids.size() <= kMaxIds.
  static void insert(Line& line, Key key, std::span<const int32_t> ids) {
    line[1] = line[0];
    line[0] = {key.low, key.high | static_cast<uint64_t>(ids.size()) << kCountShift, {}};
    std::copy(ids.begin(), ids.end(), line[0].ids.begin());
  }

 private:
  static constexpr int kCountShift = 60, kLinesLog = 15;
  static constexpr auto kMasks = [] {
    std::array<std::array<uint64_t, 2>, kMaxBytes + 1> masks{};
    for (size_t bytes = 0; bytes <= kMaxBytes; ++bytes)
      for (size_t i = 0; i < bytes; ++i) masks[bytes][i / 8] |= uint64_t{0xFF} << (8 * (i % 8));
    return masks;
  }();
  static size_t slot_of(Key key) {
    const uint64_t h = (key.low ^ key.high * 0xBF58476D1CE4E5B9ULL) * 0x9E3779B97F4A7C15ULL;
    return (h ^ h >> 32) * 0x94D049BB133111EBULL >> (64 - kLinesLog);
  }
  std::vector<Line> lines_ = std::vector<Line>(size_t{1} << kLinesLog);
};

// What is too long for them, or has more ids.
class LongPieces {
 public:
  static constexpr size_t kMaxBytes = 32, kMaxIds = 7;
  struct alignas(64) Entry {  // one cache line; bytes == 0: free
    std::array<char, kMaxBytes> piece{};
    std::array<int32_t, kMaxIds> ids{};
    uint8_t bytes = 0, count = 0;
    bool is(std::string_view p) const { return bytes == p.size() && std::memcmp(piece.data(), p.data(), bytes) == 0; }
  };
  // The only place where `p` may be. REQUIRES: 0 < p.size() <= kMaxBytes.
  Entry& entry(std::string_view p) { return entries_[hash_bytes(p) % kEntries]; }
  // REQUIRES: `at` is entry(p), ids.size() <= kMaxIds.
  static void put(Entry& at, std::string_view p, std::span<const int32_t> ids) {
    std::copy(p.begin(), p.end(), at.piece.begin());
    std::copy(ids.begin(), ids.end(), at.ids.begin());
    at.bytes = static_cast<uint8_t>(p.size());
    at.count = static_cast<uint8_t>(ids.size());
  }

 private:
  static constexpr size_t kEntries = size_t{1} << 12;
  std::vector<Entry> entries_ = std::vector<Entry>(kEntries);
};

struct EncodeCache {
  ShortPieces short_pieces;
  LongPieces long_pieces;
  // Room for merging and cutting.
  BpeScratch scratch;
  Unigram::Scratch unigram;
  std::vector<int32_t> ids;
};

}  // namespace jamsu::tokenizer

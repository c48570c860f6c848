#pragma once
// Which tokens may come next in a sequence: what a grammar, a JSON schema or a list of choices tells a sampler.
#include <cstdint>
#include <span>
#include <vector>

namespace jamsu {

// A set of token ids below the size of a vocabulary, a bit for each.
class TokenMask {
 public:
  // Empties it.
  void reset(int64_t vocab) {
    vocab_ = vocab;
    words_.assign(static_cast<size_t>((vocab + 63) / 64), 0);
  }
  int64_t vocab() const { return vocab_; }
  // Ids outside the vocabulary are passed over.
  void allow(int32_t id) {
    if (id >= 0 && id < vocab_) words_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  }
  bool allows(int32_t id) const {
    return id >= 0 && id < vocab_ && (words_[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
  }
  // [ceil(vocab / 64)]: bit i % 64 of word i / 64 is id i. Bits from the vocabulary on count for nothing.
  std::span<uint64_t> words() { return words_; }

 private:
  int64_t vocab_ = 0;
  std::vector<uint64_t> words_;
};

class TokenFilter {
 public:
  virtual ~TokenFilter() = default;
  // Puts the ids that may follow `output`, the tokens sampled so far, into `mask`, which comes empty. False: all may,
  // and the mask is not looked at. The answer may depend on `output` alone. Asked once for each token, before it is
  // sampled, and never for one that comes after a stop token; nothing allowed ends the sequence with an error.
  // Thread-safe: the threads that sample ask at once, for the sequences and samples that share the filter, in no order.
  // What it keeps between calls (the state of a parser after a prefix) it guards itself. What it throws ends the
  // sequence that it was asked for.
  virtual bool allowed(std::span<const int32_t> output, TokenMask& mask) const = 0;
};

}  // namespace jamsu

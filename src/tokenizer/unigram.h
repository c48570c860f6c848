#pragma once
// Unigram language model (Kudo 2018, arXiv:1804.10959): of all ways to cut a piece into tokens the one with the largest
// sum of scores, that with the longest last token of equals. Sums in f64, as `tokenizers` does. All tokens that end at
// a byte are found at once (Aho, Corasick 1975), so time is linear in the piece whatever the longest token is.
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/function_ref.h"

namespace jamsu::tokenizer {

class Vocabulary;

class Unigram {
 public:
  Unigram() = default;
  // scores[id] of the first ids. A character that is no token by itself costs the lowest score minus 10.
  Unigram(std::vector<double> scores, const Vocabulary& vocabulary);

  // A token, or (id < 0) a stretch of unknown characters.
  struct Part {
    int32_t id;
    std::string_view text;
  };
  // Room that cutting reuses from piece to piece.
  struct Scratch {
    std::vector<double> scores;  // of the best way to cut what ends at a byte, for as far back as the longest token
    std::vector<int32_t> last;   // the last token of that way, by the byte behind it
  };
  // Parts from left to right. `blocked`, when not empty, says by id which tokens must not be used.
  // REQUIRES: valid UTF-8.
  void cut(std::string_view piece, std::span<const bool> blocked, Scratch& scratch, FunctionRef<void(Part)> sink) const;
  const std::vector<double>& scores() const { return scores_; }

 private:
  // A beginning of tokens. The root is the first;
  // children lie side by side, ordered by byte, those of the next node behind them.
  struct Node {
    int32_t children = 0;  // the first one
    int32_t fallback = 0;  // the longest proper ending of this one that is a node too
    int32_t ending = 0;    // the longest ending, itself included, that is a token; 0: none
    int32_t id = -1;       // of the token that it is
  };
  void grow(const Vocabulary& vocabulary);
  int32_t child(int32_t node, uint8_t byte) const;  // 0: none
  int32_t next(int32_t node, uint8_t byte) const;

  std::vector<double> scores_;
  std::vector<int32_t> bytes_of_;  // by id
  double unknown_score_ = 0;
  size_t longest_ = 0;  // bytes of the longest token
  std::vector<Node> nodes_;
  std::vector<uint8_t> byte_to_;  // by node: what leads to it
  std::array<int32_t, 256> from_root_{};
};

}  // namespace jamsu::tokenizer

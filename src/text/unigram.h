#pragma once
// Unigram language model (Kudo 2018, arXiv:1804.10959): of all ways to cut a piece into tokens the one with the largest
// sum of scores, the first found of equals. Sums in f64, as `tokenizers` does.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace jamsu::text {

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
  // `blocked`, when not empty, says by id which tokens must not be used. REQUIRES: valid UTF-8.
  void cut(std::string_view piece, const Vocabulary& vocabulary, std::span<const bool> blocked,
           std::vector<Part>& parts) const;
  const std::vector<double>& scores() const { return scores_; }

 private:
  std::vector<double> scores_;
  double unknown_score_ = 0;
  size_t longest_ = 0;  // bytes of the longest token
};

}  // namespace jamsu::text

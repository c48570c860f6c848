#include "text/unigram.h"

#include <algorithm>

#include "text/tokenizer_data.h"
#include "text/utf8.h"

namespace jamsu::text {

Unigram::Unigram(std::vector<double> scores, const Vocabulary& vocabulary) : scores_(std::move(scores)) {
  constexpr double kPenalty = 10.0;
  unknown_score_ = (scores_.empty() ? 0.0 : *std::min_element(scores_.begin(), scores_.end())) - kPenalty;
  for (int32_t id = 0; id < static_cast<int32_t>(scores_.size()); ++id)
    longest_ = std::max(longest_, vocabulary.token(id).size());
}

void Unigram::cut(std::string_view piece, const Vocabulary& vocabulary, std::span<const bool> blocked,
                  std::vector<Part>& parts) const {
  struct Best {  // of the ways to cut what ends here
    double score = 0;
    int64_t begin = -1;  // of its last part; -1: none yet
    int32_t id = -1;
  };
  std::vector<Best> best(piece.size() + 1);
  const auto offer = [&](size_t begin, size_t end, double score, int32_t id) {
    Best& b = best[end];
    if (b.begin < 0 || score > b.score) b = {score, static_cast<int64_t>(begin), id};
  };
  for (size_t begin = 0; begin < piece.size();) {
    const double before = best[begin].score;
    const size_t character = decode_valid(piece.data() + begin).bytes, most = std::min(longest_, piece.size() - begin);
    bool single = false;
    for (size_t bytes = character; bytes <= most;) {
      const auto id = vocabulary.find(piece.substr(begin, bytes));
      if (id && *id < static_cast<int32_t>(scores_.size()) && (blocked.empty() || !blocked[static_cast<size_t>(*id)])) {
        offer(begin, begin + bytes, scores_[static_cast<size_t>(*id)] + before, *id);
        single |= bytes == character;
      }
      if (begin + bytes >= piece.size()) break;
      bytes += decode_valid(piece.data() + begin + bytes).bytes;
    }
    if (!single) offer(begin, begin + character, unknown_score_ + before, -1);
    begin += character;
  }
  parts.clear();
  for (size_t end = piece.size(); end > 0;) {
    const auto begin = static_cast<size_t>(best[end].begin);
    const int32_t id = best[end].id;
    if (id < 0 && !parts.empty() && parts.back().id < 0)
      parts.back().text = {piece.data() + begin, parts.back().text.size() + (end - begin)};  // neighbours are one
    else
      parts.push_back({id, piece.substr(begin, end - begin)});
    end = begin;
  }
  std::reverse(parts.begin(), parts.end());
}

}  // namespace jamsu::text

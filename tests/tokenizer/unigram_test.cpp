// The best cut of a piece, compared with what trying every token at every place finds.
#include "tokenizer/unigram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

struct Model {
  Vocabulary vocabulary;
  Unigram unigram;
  Model(const std::vector<std::string>& tokens, std::vector<double> scores)
      : vocabulary(tokens, tokens), unigram(std::move(scores), vocabulary) {}
  std::string cut(const std::string& piece, std::span<const bool> blocked, Unigram::Scratch& scratch) const {
    std::string said;
    unigram.cut(piece, blocked, scratch, [&](Unigram::Part part) {
      said += (part.id < 0 ? "?" : std::to_string(part.id)) + "[" + std::string(part.text) + "]";
    });
    return said;
  }
  std::string cut(const std::string& piece, std::span<const bool> blocked = {}) const {
    Unigram::Scratch scratch;
    return cut(piece, blocked, scratch);
  }
};

// The definition: from left to right each token that begins here is offered to the place where it ends, and kept there
// where it is better than what is.
std::string by_trying_all(const Model& m, const std::string& piece, std::span<const bool> blocked) {
  struct Best {
    double score = 0;
    size_t begin = 0;
    int32_t id = -1;
    bool known = false;
  };
  const auto& scores = m.unigram.scores();
  const double unknown = *std::min_element(scores.begin(), scores.end()) - 10;
  std::vector<Best> best(piece.size() + 1);
  for (size_t begin = 0; begin < piece.size();) {
    const size_t character = unicode::decode_valid(piece.data() + begin).bytes;
    const auto offer = [&](size_t bytes, double score, int32_t id) {
      Best& b = best[begin + bytes];
      score += best[begin].score;
      if (!b.known || score > b.score) b = {score, begin, id, true};
    };
    bool single = false;
    for (size_t bytes = 1; begin + bytes <= piece.size(); ++bytes) {
      const auto id = m.vocabulary.find(piece.substr(begin, bytes));
      if (!id || *id >= static_cast<int32_t>(scores.size())) continue;
      if (!blocked.empty() && blocked[static_cast<size_t>(*id)]) continue;
      offer(bytes, scores[static_cast<size_t>(*id)], *id);
      single |= bytes == character;
    }
    if (!single) offer(character, unknown, -1);
    begin += character;
  }
  std::vector<std::pair<int32_t, std::string>> parts;
  for (size_t end = piece.size(); end > 0; end = best[end].begin) {
    const Best& b = best[end];
    const std::string text = piece.substr(b.begin, end - b.begin);
    if (b.id < 0 && !parts.empty() && parts.back().first < 0)
      parts.back().second.insert(0, text);
    else
      parts.emplace_back(b.id, text);
  }
  std::string said;
  for (auto it = parts.rbegin(); it != parts.rend(); ++it)
    said += (it->first < 0 ? "?" : std::to_string(it->first)) + "[" + it->second + "]";
  return said;
}

TEST(Unigram, TheFirstOfEqualCutsIsTheOneWithTheLongestLastToken) {
  const Model m({"a", "b", "ab", "ba", "aba"}, {-1, -1, -2, -2, -3});
  EXPECT_EQ(m.cut("aba"), "4[aba]");
  EXPECT_EQ(m.cut("abab"), "2[ab]2[ab]");
  EXPECT_EQ(m.cut(""), "");
}

TEST(Unigram, CutsAsTryingAllDoes) {
  RandomStream random(7, 0, Purpose::mutation);
  const std::vector<std::string> letters = {"a", "b", "가", "각", "é", "😀"};
  const auto word = [&](uint32_t most) {
    std::string s;
    for (uint32_t n = 1 + random.below(most); n > 0; --n) s += random.pick(letters);
    return s;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> tokens;
    std::vector<double> scores;
    for (uint32_t n = 1 + random.below(30); n > 0; --n) {
      const std::string token = word(1 + random.below(8));
      if (std::find(tokens.begin(), tokens.end(), token) != tokens.end()) continue;
      tokens.push_back(token);
      scores.push_back(-static_cast<double>(random.below(6)));  // so that many are equal
    }
    if (round % 3 == 0 && scores.size() > 1) scores.pop_back();  // the last is an added token of no score
    const Model m(tokens, scores);
    const auto blocked = std::make_unique<bool[]>(tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) blocked[i] = random.chance(1, 4);
    const std::span<const bool> some(blocked.get(), tokens.size());
    Unigram::Scratch used;  // by a longer piece before
    m.cut(word(200), {}, used);
    for (int k = 0; k < 4; ++k) {
      const std::string piece = word(60);
      ASSERT_EQ(m.cut(piece), by_trying_all(m, piece, {})) << piece;
      ASSERT_EQ(m.cut(piece, some), by_trying_all(m, piece, some)) << piece;
      ASSERT_EQ(m.cut(piece, some, used), m.cut(piece, some)) << piece;
    }
  }
}

// Trying each length at each place would look at 10^16 bytes here.
TEST(Unigram, AVeryLongTokenCostsNothing) {
  const std::string a(size_t{1} << 18, 'a');
  const Model m({"a", "aa", a + "b", a}, {-1, -1.5, -1, -3});
  EXPECT_EQ(m.cut(a), "3[" + a + "]");
  const std::string rest(size_t{1} << 20, 'a');
  EXPECT_EQ(m.cut(rest), "3[" + a + "]3[" + a + "]3[" + a + "]3[" + a + "]");
  EXPECT_EQ(m.cut(rest + "c").substr(0, 2), "3[");
}

}  // namespace
}  // namespace jamsu::tokenizer

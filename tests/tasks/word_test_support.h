#pragma once
// What the tests of word problems share: the problems of every level, and a text's words.
#include <array>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/word/writer.h"

namespace jamsu::tasks::test {

constexpr int kMostSteps = 10;
#if defined(JAMSU_ASAN) || defined(JAMSU_TSAN)
constexpr int kPerLevel = 100;  // enough for sanitizers, ten times slower; the plain build looks at more
#else
constexpr int kPerLevel = 1000;
#endif
constexpr std::array kLanguages = {Language::korean, Language::english};

using Visit = std::function<void(const WordProblem&)>;

inline void for_each_problem(Language language, const GeneratorOptions& options, const Visit& visit) {
  for (int level = 1; level <= kMostSteps; ++level) {
    for (int i = 0; i < kPerLevel; ++i) visit(word_problem(static_cast<uint64_t>(i), language, options, level));
  }
}

inline std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace jamsu::tasks::test

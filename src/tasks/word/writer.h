#pragma once
// Puts a story into words. Internal to tasks, open to its tests.
#include <string>
#include <string_view>
#include <vector>

#include "tasks/tasks.h"
#include "tasks/word/graph.h"
#include "tasks/word/lexicon.h"

namespace jamsu::tasks {

struct WordProblem {
  Sample sample;
  QuantityGraph graph;
  int asked = -1;
  // What the answer counts; a made-up noun has no place in the lexicon.
  struct Counted {
    std::string korean, one, many;
    Unit unit() const { return {korean, one, many}; }
  } counted;
  std::vector<std::string_view> patterns;   // as they stand in the tables
  std::vector<std::string> held_out_words;  // names and objects in the prompt that train never has
};
WordProblem word_problem(uint64_t index, Language language, const GeneratorOptions& options, int level = 0);

}  // namespace jamsu::tasks

#pragma once
// Puts a story into words. Internal to tasks, open to its tests.
#include <string>
#include <string_view>
#include <vector>

#include "tasks/tasks.h"
#include "tasks/word/graph.h"

namespace jamsu::tasks {

struct WordProblem {
  Sample sample;
  QuantityGraph graph;
  int asked = -1;
  std::vector<std::string_view> patterns;   // as they stand in the tables
  std::vector<std::string> held_out_words;  // names and objects in the prompt that train never has
};
WordProblem word_problem(uint64_t index, Language language, const GeneratorOptions& options, int level = 0);

}  // namespace jamsu::tasks

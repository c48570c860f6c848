#pragma once
// From the facts of a story to the text of a problem: patterns, style, and how clauses are joined. Internal to tasks.
#include <string>
#include <string_view>
#include <vector>

#include "tasks/word/story.h"

namespace jamsu::tasks {

struct Told {
  std::string prompt;
  // Of the facts in order, empty for one without text, then of the question; one after another they are the prompt. A
  // piece is a sentence, or a clause of one: "Tom has 14 apples", " and gives 5 to a friend.".
  std::vector<std::string> pieces;
  std::vector<std::string_view> patterns;  // as they stand in the table, in the order of the text
};

// People put two facts into one sentence and a fact into the question; so are clauses here, in part of the problems:
// "민수는 구슬이 23개 있는데 동생에게 8개를 주었습니다.", "If Tom has 14 apples and gives 5 to a friend, how many ...".
Told tell(const Story& story, RandomStream& random);

}  // namespace jamsu::tasks

#pragma once
// Sentence patterns of the word problems. Slots as in frames.h; `[습니다|어요|다]` is the part that differs by the
// style of the problem (합니다, 해요, 한다), the same in all its sentences. A number slot {n} has the forms {n} "23개",
// "23 apples", {n.} "23", and in English {n+} "23 more apples", {n-} "23 fewer apples".
#include <span>
#include <string_view>
#include <vector>

#include "tasks/tasks.h"

namespace jamsu::tasks {

struct Pattern {
  std::string_view use;  // "h.given"
  std::string_view text;
};
// All of a language; the tables they stand in.
std::vector<Pattern> word_patterns(Language language);
std::span<const Pattern> word_patterns_korean();
std::span<const Pattern> more_patterns_korean();
std::span<const Pattern> word_patterns_english();
std::span<const Pattern> more_patterns_english();

}  // namespace jamsu::tasks

#pragma once
// Names and nouns that no list has: a reader of them copies letters instead of knowing words. None holds a name or noun
// of the lexicon that is held out (split.h).
#include <string>

#include "base/rng.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {

std::string made_up_name(Language language, RandomStream& random);  // "서람", "Grooma"
std::string made_up_noun(Language language, RandomStream& random);  // "뭉탕", "flonai": one, without its plural's s

}  // namespace jamsu::tasks

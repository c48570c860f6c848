#pragma once
// Kind D, short talk: what people type beside problems, and one fixed reply per intent and language, short enough that
// a tiny model learns it word for word. Wordings stand in a list or are composed of parts (greeting x address x ending).
// Every tenth wording is held out (split.h); replies are the same in both splits.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {

struct TalkIntent {
  std::string_view name;
  std::string_view reply;
  std::vector<std::string_view> wordings;  // at least 10
};

// The same intents in the same order in both languages.
std::span<const TalkIntent> talk_intents(Language language);

// Further wordings of an intent, composed of parts: `(a|b|)` is one of a, b and nothing; parts are not nested. Spaces
// that come together, or stand at an end, become one or none.
struct TalkPatterns {
  std::string_view intent;
  std::vector<std::string_view> patterns;
};
const std::vector<TalkPatterns>& talk_patterns_korean();
const std::vector<TalkPatterns>& talk_patterns_english();

// One wording that a pattern stands for.
std::string compose(std::string_view pattern, RandomStream& random);
// What is left of a wording when it is written without capitals, marks, spaces and apostrophes, "I am" as "I'm": split.h
// is asked about that, so that a wording held out is held out in every spelling.
std::string plain_wording(std::string_view wording);

// Whether the text of a reply fits the intent: it holds what a right reply has to say (key phrases, in either
// language), is no longer than 400 bytes and stays in one language. Knows nothing of the generator's fixed replies. An
// unknown intent fits nothing.
bool talk_reply_fits(std::string_view intent, std::string_view reply);

// The two halves of talk_intents.
const std::vector<TalkIntent>& talk_korean();
const std::vector<TalkIntent>& talk_english();

}  // namespace jamsu::tasks

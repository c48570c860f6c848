#pragma once
// Kind D, short talk: what people type beside problems, and one fixed reply per intent and language, short enough that
// a tiny model learns it word for word. Every tenth wording is held out (split.h); replies are the same in both splits.
#include <span>
#include <string_view>
#include <vector>

#include "tasks/tasks.h"

namespace jamsu::tasks {

struct TalkIntent {
  std::string_view name;
  std::string_view reply;
  std::vector<std::string_view> wordings;  // at least 10
};

// The same intents in the same order in both languages.
std::span<const TalkIntent> talk_intents(Language language);

// Whether the text of a reply fits the intent: it holds what a right reply has to say (key phrases, in either
// language), is no longer than 400 bytes and stays in one language. Knows nothing of the generator's fixed replies. An
// unknown intent fits nothing.
bool talk_reply_fits(std::string_view intent, std::string_view reply);

// The two halves of talk_intents.
const std::vector<TalkIntent>& talk_korean();
const std::vector<TalkIntent>& talk_english();

}  // namespace jamsu::tasks

#pragma once
// What a model reads for a conversation, instead of its reply.
#include <vector>

#include "session/session.h"

namespace jamsu::apps {

// The text of each prompt as the chat template wrote it, token for token as the model reads it; as `json` (where there
// is more than one, too) an object a line, {"prompt_text", "prompt_tokens"} or {"error"}. The exit code: 1 if one
// could not be built.
int show_prompts(const session::Session& session, const std::vector<session::ChatRequest>& requests, bool json);

}  // namespace jamsu::apps

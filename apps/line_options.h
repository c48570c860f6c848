#pragma once
// What a line of `generate --prompts` asks of its own reply.
#include <boost/json.hpp>
#include <string>

#include "apps/request.h"

namespace jamsu::apps {

// By the names of Settings, "stop" (a text or several), "max_completion_tokens" (OpenAI), "max_new_tokens" (transformers).
// Errors, `where` first: a value that is none; two names that disagree; members of chat APIs that would change the reply
// and are not obeyed here ("n", "response_format" ...), but for values that ask for what is done anyway.
Status take_line_options(const boost::json::object& line, const std::string& where, SamplingOptions& options);

}  // namespace jamsu::apps

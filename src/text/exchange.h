#pragma once
// What was asked of a chat API and what it answered, as logs have it:
//   {"messages": [...], "choices": [{"message": {...}}]}
//   {"request": {"messages": [...], "tools": [...]}, "response": {"choices": [{"message": {...}}]}}
// Either side may stand at the top instead, and either may be wrapped once more as "body" (OpenAI's batch files).
#include <boost/json.hpp>
#include <string>

#include "base/result.h"
#include "text/conversation.h"

namespace jamsu::text {

struct Exchange {
  const boost::json::object* request = nullptr;   // holds "messages"; null: the line is none
  const boost::json::object* response = nullptr;  // holds "choices"; null: nothing was answered
  bool apart = false;                             // the request is an object of its own in the line
};
Exchange exchange_of(const boost::json::object& line);

// Puts the choice's message behind what was asked; it alone is learned, for earlier replies have lines of their own.
// `c`: what was read of the request. Errors: no choice or more than one; a choice without a message; a message of
// somebody else than the assistant.
Status add_answer(const boost::json::object& line, const Exchange& exchange, const std::string& where, Conversation& c);

}  // namespace jamsu::text

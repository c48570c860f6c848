#pragma once
// A conversation as chat APIs and data sets write it: {"messages": [{"role": ..., "content": ...}], "tools": [...]}.
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/prompt.h"

namespace jamsu::text {

struct Conversation {
  std::vector<Message> messages;
  boost::json::array tools;
};

// Members of a message that are not its role, content and reasoning go to the template as they stand: whether the
// arguments of a tool call are a text or an object is what the template says. Errors, `where` and the message's number
// first: no list, an empty one, a role or content that is no text (null beside tool calls), tools that are no objects.
Result<Conversation> read_conversation(const boost::json::object& object, const std::string& where);
Result<boost::json::array> read_tools(const boost::json::value& value, const std::string& where);

}  // namespace jamsu::text

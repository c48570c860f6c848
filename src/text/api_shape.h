#pragma once
// Tools and calls as chat APIs write them, for templates that cannot write what a data set has.
#include <boost/json.hpp>
#include <string_view>
#include <vector>

#include "text/prompt.h"

namespace jamsu::text {

enum class Arguments : uint8_t { objects, texts };

// Wraps functions that stand alone ({"name": ..., "parameters": ...}) as {"type": "function", "function": ...}, and calls
// alike; arguments become objects or JSON texts; an empty list of calls goes, and content that is not there is empty. Returns whether anything changed.
bool to_api_shape(std::vector<Message>& messages, boost::json::array& tools, Arguments arguments);

// Whether a tool that stands alone is not written in `text`: its template looked for the wrapping.
bool leaves_out_a_tool(const boost::json::array& tools, std::string_view text);

}  // namespace jamsu::text

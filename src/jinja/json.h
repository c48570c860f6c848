#pragma once
// json.dumps and json.loads, as templates use them (filters tojson and from_json).
#include <string>
#include <string_view>

#include "jinja/eval.h"

namespace jamsu::jinja {

Value tojson(Interpreter& in, const Value& value, Arguments& arguments);
// Errors (Failure): what json.loads refuses, and depth.
Value from_json(Interpreter& in, std::string_view text);

}  // namespace jamsu::jinja

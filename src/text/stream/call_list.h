#pragma once
// Lists of calls as models write them, read whole.
#include <string>
#include <string_view>
#include <vector>

#include "text/stream/schema.h"

namespace jamsu::text {

enum class CallSyntax : uint8_t {
  json,    // an object or a list of objects: {"name": ..., "arguments": ...}, {"tool_name": ..., "parameters": ...},
           // {"function": ...}, {NAME: {...}}; values may be Python's
  python,  // [f(a=1, b='x'), g()] or one call without brackets
  gemma,   // call:NAME{key:value,...}
};

struct CallList {
  struct Call {
    std::string name, id;
    std::string arguments;  // JSON
  };
  std::vector<Call> calls;  // those that are whole
  bool whole = false;       // the list has its end
  size_t end = 0;           // behind it; where it could not be read further
};

// Whether a list may begin with this character.
bool may_begin(CallSyntax syntax, char c);
CallList read_calls(CallSyntax syntax, std::string_view text, const ToolSchemas& schemas);

}  // namespace jamsu::text

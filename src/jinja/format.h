#pragma once
// Python's two ways to format: `format % values` and format.format(...).
// Widths and precisions are bounded by the budget.
#include <string>

#include "jinja/eval.h"

namespace jamsu::jinja {

std::string format_percent(Interpreter& in, const std::string& format, const Value& values);
// Attributes whose names start with an underscore are nothing, as in the sandbox.
std::string format_braces(Interpreter& in, const std::string& format, const Arguments& arguments);

}  // namespace jamsu::jinja

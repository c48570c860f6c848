#pragma once
// Fields by which other architectures, or the code that came with a model, compute something else than this program:
// windows, caps on logits, factors, biases, experts. One that is switched off asks for nothing.
#include <boost/json/value.hpp>
#include <string_view>

namespace jamsu::models {

// What the field asks for: "a sliding window". Null: nothing; it is off, or no name of the table.
const char* asks_for(std::string_view name, const boost::json::value& value);

}  // namespace jamsu::models

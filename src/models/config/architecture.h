#pragma once
// Which architecture a config.json is of: the name in "architectures" or, where that is missing or null (a config saved
// without a model), the one that goes with "model_type".
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jamsu::models {

// "LlamaForCausalLM". Any name is returned, known or not. Errors: several names, neither field, or a model_type of
// another architecture that this program knows: transformers goes by model_type, others by architectures.
Result<std::string> architecture_of(const boost::json::object& config, std::string_view file);

}  // namespace jamsu::models

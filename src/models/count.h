#pragma once
// Parameters and floating-point operations of a model, counted by its own parameters.
#include "models/model_info.h"
#include "models/parameters.h"

namespace jamsu::models {

// Fills info.parameters and info.flops_per_token (products with weights). Of the experts (names with ".experts.") only
// info.experts_per_token of info.experts are active, of the embedding one row; a tied head multiplies with all of it.
void count_parameters(const ParameterSet& set, ModelInfo& info);

}  // namespace jamsu::models

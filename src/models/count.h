#pragma once
// Parameters and floating-point operations of a model, counted by its own parameters.
#include <span>

#include "models/model_info.h"
#include "models/parameters.h"

namespace jamsu::models {

class MoE;

// Fills info.parameters, info.flops_per_token and, with an MTP module, info.mtp_flops_per_token (products with
// weights). Of the routed experts those are active that a token uses, of the embedding one row; a tied head multiplies
// with all of it. Constants (correction biases) are not counted. REQUIRES: info.vocab, hidden and tied_head;
// `moe_layers`, the model's own, have as many experts each.
void count_parameters(const ParameterSet& set, std::span<MoE* const> moe_layers, ModelInfo& info);

}  // namespace jamsu::models

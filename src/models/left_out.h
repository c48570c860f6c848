#pragma once
// Tensors of a checkpoint that are no parameter: which of them change nothing, and what the others are.
#include <string>
#include <string_view>
#include <vector>

#include "models/load.h"

namespace jamsu::models {

// Why a tensor that is no parameter (and no scale of one) changes nothing: a constant that is computed from config.json,
// a copy. Empty: it would, or nobody knows.
std::string_view reason_to_leave_out(std::string_view name, const Tensor& tensor, const ModelInfo& info);

// What such a tensor is and what to do, as " (a part of an adapter ...)"; empty: nothing known. Of a quantized layout, an
// adapter that was not merged, another head, the part of a model that sees.
std::string what_it_belongs_to(std::string_view name);
// The same of the first tensor of which something is known: why a parameter may be missing.
std::string what_they_belong_to(const NamedTensors& tensors);

// What a model leaves out, a sentence for each reason, with the number of tensors and the first one's name.
std::vector<std::string> left_out(const Model& model, const NamedTensors& tensors);

}  // namespace jamsu::models

#pragma once
// The experts of a layer as transformers 5 holds them: one tensor PREFIX.experts.gate_up_proj [E, 2 width, d], of each
// expert the rows of gate before those of up, and one PREFIX.experts.down_proj [E, d, width]; in FP8 the scales beside
// them, NAME_scale_inv. transformers 5 also calls what MiniMax published as block_sparse_moe "mlp".
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "models/parameters.h"
#include "tensor/tensor.h"

namespace jamsu::models {

// Whether any tensor goes by such a name, which this model's parameters do not have.
bool holds_fused_experts(const ParameterSet& parameters, const std::map<std::string, Tensor>& tensors);

// The same tensors by the names of the model's parameters: views, no copy. `origin` becomes the name in the file of
// each that got another. Errors, which begin with the tensor's file: a shape that is not that of all experts, FP8 whose
// gate ends within a block of scales, an expert that is there under both names.
Result<std::map<std::string, Tensor>> split_fused_experts(
    const ParameterSet& parameters, const std::map<std::string, Tensor>& tensors,
    const std::function<std::string(std::string_view tensor)>& file_of, std::map<std::string, std::string>& origin);

}  // namespace jamsu::models

#pragma once
// Values of a model's parameters from named tensors of a checkpoint.
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "models/model.h"

namespace jamsu::models {

using NamedTensors = std::map<std::string, Tensor>;
inline constexpr std::string_view kFp8Scales = "_scale_inv";  // behind the name of an FP8 matrix

// Where releases keep the MTP module, with or without copies of embedding and head: "model.layers.61.".
std::string mtp_prefix(int64_t num_hidden_layers);
// Whether the checkpoint carries the MTP module that its config announces: releases converted for transformers leave it
// out. Whoever opens a model asks this, and says in the config (num_nextn_predict_layers) what it will use.
bool holds_mtp_module(const NamedTensors& tensors, int64_t num_hidden_layers);

// Every parameter exactly once, of the shape the config implies: F32, F16, BF16, or for matrices F8_E4M3 with
// NAME_scale_inv (a scale per block of 128 x 128; DeepSeek-V3). Superfluous tensors are an error that
// names them, but for the MTP module's official copies of embedding and head and the rotary tables of old checkpoints.
// Errors begin with the tensor's file: `file`, or what `file_of` says of its name.
using FileOf = std::function<std::string(std::string_view tensor)>;
Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   const FileOf& file_of);
Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   std::string_view file);

// Whether training can begin from these tensors: an Error names an architecture without a backward, or a tensor in a
// format that is not trained on. set_weights says the same; this one before anything is allocated.
Status check_trainable(const Model& model, const NamedTensors& tensors, const FileOf& file_of);

}  // namespace jamsu::models

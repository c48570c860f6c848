#pragma once
// Values of a model's parameters from named tensors of a checkpoint.
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/safetensors.h"
#include "models/model.h"

namespace jamsu::models {

using NamedTensors = std::map<std::string, Tensor>;
inline constexpr std::string_view kFp8Scales = "_scale_inv";  // behind the name of an FP8 matrix

// Where releases keep the MTP module, with or without copies of embedding and head: "model.layers.61.".
std::string mtp_prefix(int64_t num_hidden_layers);
// Whether the checkpoint carries the MTP module that its config announces: releases converted for transformers leave it
// out. Whoever opens a model asks this, and says in the config (num_nextn_predict_layers) what it will use.
bool holds_mtp_module(const NamedTensors& tensors, int64_t num_hidden_layers);

// Whether a head lies in the checkpoint that is not the embedding's equal, byte for byte: where config.json ties the two,
// transformers 5 uses both (modeling_utils.py, tie_weights). Reads the values.
bool holds_another_head(const NamedTensors& tensors);

using FileOf = std::function<std::string(std::string_view tensor)>;
// The views of the files, and where each is for errors. A decoder that was saved without its head's class
// ("embed_tokens.weight": Qwen3-Embedding) gets the names with "model." in front, as transformers has it.
// `files` outlives what files_of gives.
NamedTensors named_tensors(const formats::Safetensors& files);
FileOf files_of(const formats::Safetensors& files);

// The same tensors by the names of the model's parameters: experts apart (models/fused_experts.h), and of a tied model
// that was saved with its head alone, the embedding.
struct ParameterTensors {
  NamedTensors tensors;
  FileOf file_of;
};
Result<ParameterTensors> by_parameter_names(const Model& model, const NamedTensors& tensors, const FileOf& file_of);

// Every parameter exactly once, of the shape the config implies: F32, F16, BF16, or for matrices F8_E4M3 with
// NAME_scale_inv (a scale per block of 128 x 128 in F32, BF16, F16 or F8_E8M0; DeepSeek-V3, Qwen3). Experts may be fused.
// What else lies in the checkpoint may have any dtype; it is an error that names it and says what it is, unless it is
// known to change nothing (models/left_out.h).
// Errors begin with the tensor's file: `file`, or what `file_of` says of its name.
Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   const FileOf& file_of);
Status set_weights(Model& model, const NamedTensors& tensors, ops::Packs packs, ops::Context& context,
                   std::string_view file);

// Whether training can begin from these tensors: an Error names an architecture without a backward, or a tensor in a
// format that is not trained on. set_weights says the same; this one before anything is allocated.
Status check_trainable(const Model& model, const NamedTensors& tensors, const FileOf& file_of);

}  // namespace jamsu::models

#pragma once
// A model's folder as it was published: config.json and safetensors.
#include <memory>
#include <string>

#include "models/deepseek_v3.h"

namespace jamsu::models {

struct OpenedModel {
  std::shared_ptr<DeepseekV3> model;
  DeepseekV3Config config;   // as read; num_nextn_predict_layers is 0 where the file lacks the module
  int64_t file_bytes = 0;    // of all weight files
  std::string stored_dtype;  // of most of the weights: "BF16"
};

// Reads config.json of `folder` alone. Errors name file and field.
Result<DeepseekV3Config> read_config(const std::string& folder);
// Config and weights. `packs` says whether gradients will be asked.
Result<OpenedModel> open_model(const std::string& folder, ops::Packs packs, ops::Context& context);

}  // namespace jamsu::models

#pragma once
// A model's folder as it was published: config.json and safetensors. Architectures: those that models/config/ reads.
#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/load.h"
#include "models/model.h"

namespace jamsu::models {

struct OpenedModel {
  std::shared_ptr<Model> model;  // without the MTP module where the file lacks it
  int64_t file_bytes = 0;        // of all weight files
  size_t files = 0;
  std::string stored_dtype;  // of most of the weights: "BF16"
  // What of the folder's weights is not used, a sentence each (models/left_out.h). Fields of config.json: ModelInfo.
  std::vector<std::string> left_out;
};

// The model that a config describes, without values. `tensors` say whether an optional module is there, and whether a
// tied model has a head of its own after all (holds_another_head). `file` names the config in errors.
Result<std::shared_ptr<Model>> create_model(const boost::json::object& config, const NamedTensors& tensors,
                                            ops::Numerics numerics, std::string_view file);
// With every module the config announces: a model that is trained from nothing.
Result<std::shared_ptr<Model>> create_model(const boost::json::object& config, ops::Numerics numerics,
                                            std::string_view file);
// FOLDER/config.json as it stands there.
Result<boost::json::object> read_config(const std::string& folder);
// Config and headers of a folder: everything but the values. Errors name file and field.
Result<OpenedModel> describe_model(const std::string& folder, ops::Numerics numerics);
// Config and weights. `packs` says whether gradients will be asked. The files that are used where they lie are read
// ahead, unless together they are larger than `memory_free_bytes` (0: not known), where reading one pushes out another.
Result<OpenedModel> open_model(const std::string& folder, ops::Packs packs, ops::Context& context,
                               int64_t memory_free_bytes = 0);

}  // namespace jamsu::models

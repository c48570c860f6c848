#pragma once
// What a config says of the rotation, wherever it says it: rope_parameters (transformers 5), rope_scaling (before),
// and rope_theta, partial_rotary_factor and original_max_position_embeddings beside them. The names are one setting:
// what two of them say must agree (transformers 5.24 takes a rope_scaling whole and forgets rope_parameters).
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "models/config/reader.h"
#include "ops/rope.h"

namespace jamsu::models {

// Types: linear, dynamic, yarn, llama3, longrope. Defaults are transformers' (modeling_rope_utils.py).
struct RopeScalingConfig {
  ops::RopeScaling type = ops::RopeScaling::yarn;
  double factor = 1, beta_fast = 32, beta_slow = 1, low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 0;  // yarn, llama3, longrope; missing: max_position_embeddings
  std::optional<double> mscale = {}, mscale_all_dim = {}, attention_factor = {};
  bool truncate = true;
  std::vector<double> short_factor = {}, long_factor = {};  // longrope: a factor for each pair of columns

  // How far positions may go: dynamic NTK stretches max_position_embeddings by its factor.
  int64_t context(int64_t max_position_embeddings) const;
  // ModelInfo::same_up_to.
  int64_t same_up_to(int64_t max_position_embeddings) const;
};

struct RopeSetting {
  double theta = 10000;
  std::optional<RopeScalingConfig> scaling;
  // The share of a head that is rotated; none: all of it. A class of transformers that has no such part turns the whole
  // head by "default", whatever the field says, and fails with any other type: there it is read over, or refused.
  std::optional<double> partial_rotary_factor;
};

// Errors name the field as it stands in the file: "rope_parameters.factor". Inside the two objects a name that no type
// computes with is refused, but for those known to say nothing: what stands there means a rotation.
Result<RopeSetting> read_rope(ConfigReader& reader, int64_t max_position_embeddings);
// longrope's lists have a factor for each pair of the columns that are rotated.
Status check_factors(ConfigReader& reader, const RopeSetting& rope, int64_t rotated);
// The rotated part of a head of `width`: an even number of columns.
Result<int64_t> rotated_width(const std::optional<double>& partial_rotary_factor, int64_t width, std::string_view file);
ops::RopeConfig rope_config(int64_t width, double theta, const std::optional<RopeScalingConfig>& scaling,
                            int64_t max_position_embeddings);
// As rope_scaling.
boost::json::object to_json(const RopeScalingConfig& scaling);

}  // namespace jamsu::models

#pragma once
// quantization_config: none, or FP8 with a scale for each block of 128 x 128, as DeepSeek-V3, Qwen3 and MiniMax-M2 were
// published. Which matrices are FP8 the tensors say themselves, so lists of those that are not
// (modules_to_not_convert, ignored_layers) need no reading.
#include "base/result.h"
#include "models/config/reader.h"

namespace jamsu::models {

Status check_quantization(ConfigReader& reader);

}  // namespace jamsu::models

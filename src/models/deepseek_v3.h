#pragma once
// DeepSeek-V3 (arXiv:2412.19437), section 2: MLA, mixture of experts with a correction bias, multi-token prediction;
// and DeepSeek-V2 (arXiv:2405.04434), whose router is another.
#include "models/config/deepseek_v3.h"
#include "models/decoder.h"

namespace jamsu::models {

class DeepseekV3 final : public Decoder {
 public:
  DeepseekV3(const DeepseekV3Config& config, ops::Numerics numerics);
};

}  // namespace jamsu::models

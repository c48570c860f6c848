#pragma once
// Decoders of Llama's form: RMSNorm, grouped-query attention, SwiGLU, and what Qwen2, Qwen3, Qwen3-MoE and HyperCLOVA X
// add to it (config/llama.h).
#include "models/config/llama.h"
#include "models/decoder.h"

namespace jamsu::models {

class Llama final : public Decoder {
 public:
  Llama(const LlamaConfig& config, ops::Numerics numerics);
};

}  // namespace jamsu::models

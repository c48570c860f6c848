#pragma once
// MiniMax-Text-01 (arXiv:2501.08313: lightning and full attention, norms before the residual branch) and MiniMax-M2
// (full attention alone). Forward only.
#include "models/config/minimax.h"
#include "models/decoder.h"

namespace jamsu::models {

class MiniMax final : public Decoder {
 public:
  MiniMax(const MiniMaxConfig& config, ops::Numerics numerics);
};

}  // namespace jamsu::models

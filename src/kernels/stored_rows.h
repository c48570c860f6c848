#pragma once
// Rows of a matrix as they lie in a file, one type a format: what templates of kernels choose their code by. A format
// that comes later brings its own, with the kernels that read it.
#include "kernels/params.h"

namespace jamsu::kernels {

struct Bf16Rows {
  using Value = uint16_t;  // what a pointer into a row counts
  static constexpr Source kSource = Source::bf16;
  static constexpr bool kScaled = false;
};
struct E4m3Rows {
  using Value = uint8_t;
  static constexpr Source kSource = Source::e4m3;
  static constexpr bool kScaled = true;  // a scale beside for each block of kScaleBlock x kScaleBlock
};

}  // namespace jamsu::kernels

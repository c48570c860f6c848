#pragma once
// What the values of a stored tensor look like: a damaged or badly converted file shows here before it talks nonsense.
#include "tensor/tensor.h"

namespace jamsu::models {

struct WeightStats {
  int64_t elements = 0, nan = 0, infinite = 0, zero = 0;
  double rms = 0, largest = 0;  // of the finite values; largest by magnitude
};
// REQUIRES: a floating-point dtype (F32, BF16, F16, F8_E4M3).
WeightStats weight_stats(const Tensor& values);
bool is_floating(DType dtype);

}  // namespace jamsu::models

#pragma once
// Lightning attention (Qin et al. 2024, arXiv:2401.04658; MiniMax-01, arXiv:2501.08313, section 2.2): linear attention
// with a decay for each head. Forward only.
#include <span>

#include "ops/activation.h"

namespace jamsu::ops {

// New rows of one sequence and its state of this layer, f32 [heads][width][width], zero at position 0.
struct LightningSegment {
  int64_t first_row = 0, rows = 0;
  float* state = nullptr;
};

// Row by row and head by head, with q, k, v = f of the row's [head][q | k | v] columns:
//   S[i][j] = decay * S[i][j] + k[i] * v[j], three roundings;  out[j] = sum over i ascending of q[i] * S[i][j] from +0.
// The order is the sequence's alone, so that pieces of a prefill and decoding give the same bits.
//   qkv [N, heads * 3 * width], decay [heads]  ->  [N, heads * width].
struct LightningHeads {
  int64_t heads, width;
  std::span<const float> decay;
  Activation activation = Activation::silu;  // f
};
Tensor lightning(const Tensor& qkv, const LightningHeads& of, std::span<const LightningSegment> segments,
                 Context& context);

// y = x * sigmoid(gate), element by element.
Tensor sigmoid_gate(const Tensor& x, const Tensor& gate, Context& context);

}  // namespace jamsu::ops

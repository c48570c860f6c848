#pragma once
// Cross-entropy over rows of logits; numerics.md sections 3 and 5.
#include <span>

#include "ops/context.h"

namespace jamsu::ops {

// Per-row losses -logp[label], 0 where label < 0 (ignored).
Tensor cross_entropy(const Tensor& logits, std::span<const int32_t> labels, Context& context);
// dlogits = (exp(logp) - [j = label]) * seed, 0 in ignored rows.
Tensor cross_entropy_backward(const Tensor& logits, std::span<const int32_t> labels, float seed, Context& context);
// logp of every column: the one function behind the trainer's loss, the engine's log-probabilities and the API's.
Tensor log_softmax(const Tensor& logits, Context& context);
// logp of one column a row, f32 [rows], 0 where label < 0: to the bit (and the sign of a zero) what log_softmax has at
// that column, without writing the others. REQUIRES: as many labels as rows, each below the row's width.
Tensor token_logp(const Tensor& logits, std::span<const int32_t> labels, Context& context);

}  // namespace jamsu::ops

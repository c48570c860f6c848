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
// dlogits = dy - exp(y) * sum_j dy_j, where y = log_softmax(logits): [N, V]. The sum is a long sum (numerics.md).
Tensor log_softmax_backward(const Tensor& dy, const Tensor& y, Context& context);

// log_softmax at `each` labels a row, labels [N * each], with its bits: [N, each]; 0 where a label is < 0. With one
// label a row nothing of the width of a row is written.
Tensor token_logp(const Tensor& logits, std::span<const int32_t> labels, int64_t each, Context& context);
// dlogits_j = sum over the row's labels k of dy_k * ([j = label_k] - exp(logp_j)): [N, V]; labels < 0 add nothing. A
// label may stand twice in a row. Order: docs/numerics.md section 5.
Tensor token_logp_backward(const Tensor& dy, const Tensor& logits, std::span<const int32_t> labels, Context& context);

}  // namespace jamsu::ops

#pragma once
// Log-probabilities of some labels of each row, and the gradients of those and of whole rows; docs/numerics.md section 5.
//   N rows, V columns.
#include <span>

#include "ops/context.h"

namespace jamsu::ops {

// log_softmax at `each` labels a row, labels [N * each], with its bits: [N, each]; 0 where a label is < 0. With one
// label a row nothing of the width of a row is written.
Tensor token_logps(const Tensor& logits, std::span<const int32_t> labels, int64_t each, Context& context);
// dlogits_j = sum over the row's labels k of dy_k * ([j = label_k] - exp(logp_j)): [N, V]; labels < 0 add nothing. A
// label may stand twice in a row.
Tensor token_logps_backward(const Tensor& dy, const Tensor& logits, std::span<const int32_t> labels, Context& context);
// dlogits = dy - exp(y) * sum_j dy_j, where y = log_softmax(logits): [N, V].
Tensor log_softmax_backward(const Tensor& dy, const Tensor& y, Context& context);

}  // namespace jamsu::ops

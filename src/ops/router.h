#pragma once
// Mixture-of-experts routing (DeepSeek-V3, arXiv:2412.19437 eq. 12-16, and V2, arXiv:2405.04434),
// numerics.md section 5.
//   N tokens, E experts, K chosen per token. The router never rounds its input, logits or gradients.
#include <span>
#include <vector>

#include "ops/context.h"

namespace jamsu::ops {

enum class RouterScore : uint8_t { sigmoid, softmax };
enum class GroupScore : uint8_t { sum_of_two_best, best };

struct RouterConfig {
  RouterScore score = RouterScore::sigmoid;
  GroupScore group_score = GroupScore::sum_of_two_best;
  int64_t experts = 0, top_k = 0, groups = 1, keep_groups = 1;
  bool normalize = true;  // weights divided by their sum + 1e-20
  float scaling = 1.0f;
};

struct Routing {
  Tensor indices;  // i32 [N, K], ascending expert ids
  Tensor weights;  // [N, K], in the order of indices
  Tensor scores;   // [N, E], unbiased
};
// bias: [E] added for the choice only, or undefined. Ties go to the lower expert id.
Routing route(const Tensor& logits, const Tensor& bias, const RouterConfig& config, Context& context);

// The sequence-wise balance loss, eq. 17-20: per data row sum_i f_i P_i, T its tokens.
enum class BalanceCount : uint8_t {
  unbiased_top_k,
  chosen
};  // what f counts: eq. 18 as printed, or the experts really used
struct Balance {
  std::span<const int64_t> row_begin;  // [R + 1] first token of each data row, in this batch
  BalanceCount count = BalanceCount::unbiased_top_k;
};
struct BalanceResult {
  float loss = 0;    // sum over the data rows of sum_i f_i P_i
  Tensor fractions;  // f: [R, E]
};
BalanceResult balance_loss(const Routing& routing, const Balance& balance, const RouterConfig& config,
                           Context& context);

// dlogits from dweights [N, K] and, where `balance` is given, from seed * (sum over rows of sum_i f_i P_i).
struct BalanceSeed {
  std::span<const int64_t> row_begin;
  const Tensor* fractions;
  float seed;
};
Tensor route_backward(const Tensor& dweights, const Routing& routing, const RouterConfig& config,
                      const BalanceSeed* balance, Context& context);

// Tokens sent to each expert.
std::vector<int64_t> expert_load(const Tensor& indices, int64_t experts);

// Slots sorted by (expert, token): slot s belongs to token rows[s]; expert e owns slots offsets[e] .. offsets[e + 1];
// slots[n, k] is the slot of token n's k-th chosen expert.
struct Dispatch {
  std::vector<int64_t> offsets;  // [E + 1]
  Tensor rows;                   // i32 [N * K]
  Tensor slots;                  // i32 [N, K]
};
Dispatch dispatch(const Tensor& indices, int64_t experts, Context& context);

// y = shared, then y = fma(w_e, out_e, y) for chosen experts ascending. expert_out [N * K, d] in slot order.
Tensor combine(const Tensor& shared, const Tensor& expert_out, const Tensor& weights, const Dispatch& d,
               Context& context);
struct CombineGrads {
  Tensor dexpert_out;  // [N * K, d] = w * dy
  Tensor dweights;     // [N, K] = sum16(out_e * dy)
};
CombineGrads combine_backward(const Tensor& dy, const Tensor& expert_out, const Tensor& weights, const Dispatch& d,
                              Context& context);
// dx[n] = dx[n] + (a[slot] + b[slot]) for the token's slots ascending by expert.
void scatter_expert_grads(Tensor& dx, const Tensor& a, const Tensor& b, const Dispatch& d, Context& context);

}  // namespace jamsu::ops

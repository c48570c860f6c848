#pragma once
// The differentiable functions models are made of: ops with their backward. Shapes as in the ops' headers. What no
// gradient is asked of (its operands come from frozen parameters alone) is not recorded, whatever the tape.
#include <memory>
#include <span>
#include <vector>

#include "autograd/tape.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/linear.h"
#include "ops/rope.h"
#include "ops/router.h"

namespace jamsu::autograd {

Value embedding(const Parameter& table, std::span<const int32_t> ids, Context& c);
Value linear(const Value& x, const Parameter& w, const Parameter* bias, Context& c);
// Several of the same x, in this order.
struct LinearTerm {
  const Parameter* w;
  const Parameter* bias = nullptr;
};
std::vector<Value> linears(const Value& x, std::span<const LinearTerm> terms, Context& c);
Value rms_norm(const Value& x, const Parameter& w, float eps, Context& c);
Value add(const Value& a, const Value& b, Context& c);
Value scale(const Value& x, float factor, Context& c);
// The same elements in another shape.
Value reshape(const Value& x, Shape shape, Context& c);
// f(gate) * up; swiglu: by silu.
Value gated(ops::Activation f, const Value& gate, const Value& up, Context& c);
Value swiglu(const Value& gate, const Value& up, Context& c);
// down(swiglu(gate(x), up(x))).
Value gated_mlp(const Value& x, const Parameter& gate, const Parameter& up, const Parameter& down, Context& c);
Value slice_columns(const Value& x, int64_t begin, int64_t width, Context& c);
Value concat_columns(const Value& a, const Value& b, Context& c);
// rows need not be unique.
Value gather_rows(const Value& x, std::vector<int32_t> rows, Context& c);

// Multi-head latent attention on expanded keys and values (DeepSeek-V2, arXiv:2405.04434, section 2.1).
struct MlaArguments {
  int64_t heads, nope, rope, v;
  const ops::RopeTable* table;
  kernels::RopeLayout layout;
  std::span<const ops::KvSegment> segments;  // their blocks live until the tape has run backward
  ops::KvGeometry geometry;
  float scale;
};
// q [N, H (nope + rope)] and k_rope [N, rope] are rotated in place (nothing else reads them); kv [N, H (nope + v)].
// Writes the new keys and values into the blocks, then attends. [N, H v].
Value mla_attention(const Value& q, const Value& kv, const Value& k_rope, const MlaArguments& a, Context& c);

// Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245): query head h uses key head h / (heads / key_heads).
struct GqaArguments {
  int64_t heads, key_heads, width;
  const ops::RopeTable* table;               // half-split pairs over the first columns of each head
  std::span<const ops::KvSegment> segments;  // their blocks live until the tape has run backward
  ops::KvGeometry geometry;
  float scale;
  int64_t window = kernels::kNoWindow;
};
// q [N, heads * width] and k [N, key_heads * width] are rotated in place (nothing else reads them); v as k. Writes the
// new keys and values into the blocks, then attends. [N, heads * width].
Value gqa_attention(const Value& q, const Value& k, const Value& v, const GqaArguments& a, Context& c);

// Routing: the weights are a value; the choice is not differentiated. With `balance_seed` != 0 the gradient of
// seed * (sum over data rows of sum_i f_i P_i) joins (tape only).
struct Routed {
  Value weights;  // [N, K]
  ops::Routing routing;
  std::shared_ptr<const ops::Dispatch> dispatch;
  float balance = 0;  // sum over data rows, unweighted; 0 without row_begin
};
struct BalanceArguments {
  std::span<const int64_t> row_begin;  // [R + 1]; empty: no balance loss
  ops::BalanceCount count = ops::BalanceCount::unbiased_top_k;
  float seed = 0;
};
Routed route(const Value& logits, const Tensor& bias, const ops::RouterConfig& config, const BalanceArguments& balance,
             Context& c);

struct ExpertParameters {
  std::vector<const Parameter*> gate, up, down;  // [E]
  ops::Activation activation = ops::Activation::silu;
};
// Each expert's gated MLP on its tokens: [N * K, d] in slot order.
Value experts(const Value& x, const ExpertParameters& p, const Routed& routed, Context& c);
// shared + sum of weighted expert outputs; `shared` may be null.
Value combine(const Value* shared, const Value& expert_out, const Routed& routed, Context& c);

// The log-probability of `each` labels a row (labels [N * each], < 0: none, 0): [N, each],
// with the bits of ops::log_softmax there.
Value token_logp(const Value& logits, std::vector<int32_t> labels, int64_t each, Context& c);
// Of every column: [N, V].
Value log_softmax(const Value& logits, Context& c);

// Records the loss seed * sum of -logp[label] over unmasked rows, and returns the per-row losses.
Tensor cross_entropy(const Value& logits, std::vector<int32_t> labels, float seed, Context& c);

}  // namespace jamsu::autograd

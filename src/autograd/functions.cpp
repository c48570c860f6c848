#include "autograd/functions.h"

#include <algorithm>
#include <array>

#include "ops/loss.h"
#include "ops/rows.h"
#include "ops/token_logps.h"

namespace jamsu::autograd {
namespace {

Value untaped(Tensor y) {
  return {std::move(y), -1};
}

// Whether a function of these values and parameters is recorded: a gradient can reach one of them.
bool flows(const Context& c, std::initializer_list<const Value*> values,
           std::initializer_list<const Parameter*> parameters = {}) {
  if (!c.tape) return false;
  return std::any_of(values.begin(), values.end(), [](const Value* v) { return v->node >= 0; }) ||
         std::any_of(parameters.begin(), parameters.end(), [](const Parameter* p) { return p && p->trained(); });
}

// Column sums of dy over rows: the gradient of a bias; a long sum over rows (numerics.md sections 2 and 3).
void add_bias_grad(const Tensor& dy, Tensor& db) {
  const int64_t rows = dy.dim(0), n = dy.dim(1);
  std::vector<float> column(64), chunks;
  for (int64_t j = 0; j < n; ++j) {
    chunks.clear();
    for (int64_t begin = 0; begin < rows; begin += 64) {
      const int64_t count = std::min<int64_t>(64, rows - begin);
      for (int64_t i = 0; i < count; ++i) column[static_cast<size_t>(i)] = dy.f32()[(begin + i) * n + j];
      chunks.push_back(ops::long_sum(column.data(), count));
    }
    db.f32()[j] += ops::tree_sum(chunks);
  }
}

}  // namespace

Value embedding(const Parameter& table, std::span<const int32_t> ids, Context& c) {
  Tensor y = ops::embedding(table.values, ids, c.ops);
  if (!c.tape || !table.trained()) return untaped(std::move(y));
  return c.tape->record(std::move(y),
                        [&table, rows = std::vector<int32_t>(ids.begin(), ids.end())](const Tensor& dy, Gradients& g) {
                          ops::scatter_add_rows(g.of(table), dy, rows, g.ops);  // ascending by token position
                        });
}

Value linear(const Value& x, const Parameter& w, const Parameter* bias, Context& c) {
  return std::move(linears(x, std::array<LinearTerm, 1>{{{&w, bias}}}, c)[0]);
}

std::vector<Value> linears(const Value& x, std::span<const LinearTerm> terms, Context& c) {
  std::vector<ops::LinearTerm> products;
  for (const LinearTerm& t : terms) products.push_back({&t.w->weight, t.bias ? t.bias->values.f32() : nullptr});
  std::vector<Tensor> y = ops::linears(x.tensor, products, c.ops);
  std::vector<Value> values;
  for (size_t i = 0; i < y.size(); ++i) {
    if (!flows(c, {&x}, {terms[i].w, terms[i].bias})) {
      values.push_back(untaped(std::move(y[i])));
      continue;
    }
    values.push_back(c.tape->record(std::move(y[i]), [x, t = terms[i]](const Tensor& dy, Gradients& g) {
      if (x.node >= 0) g.add(x, ops::linear_dx(dy, t.w->weight, g.ops));
      if (t.w->trained()) ops::linear_dw(dy, x.tensor, t.w->weight.element, g.of(*t.w), g.ops);
      if (t.bias && t.bias->trained()) add_bias_grad(dy, g.of(*t.bias));
    }));
  }
  return values;
}

Value rms_norm(const Value& x, const Parameter& w, float eps, Context& c) {
  ops::RmsNormResult r = ops::rms_norm(x.tensor, w.values, eps, c.ops);
  if (!flows(c, {&x}, {&w})) return untaped(std::move(r.y));
  return c.tape->record(std::move(r.y), [x, &w, scale = r.scale](const Tensor& dy, Gradients& g) {
    if (x.node >= 0) g.add(x, ops::rms_norm_backward(dy, x.tensor, w.values, scale, g.ops));
    if (w.trained()) ops::rms_norm_weight_grad(dy, x.tensor, scale, g.of(w), g.ops);
  });
}

Value add(const Value& a, const Value& b, Context& c) {
  Tensor y = ops::add(a.tensor, b.tensor, c.ops);
  if (!flows(c, {&a, &b})) return untaped(std::move(y));
  return c.tape->record(std::move(y), [a = Value{{}, a.node}, b = Value{{}, b.node}](const Tensor& dy, Gradients& g) {
    g.add_shared(a, dy);
    g.add_shared(b, dy);
  });
}

Value scale(const Value& x, float factor, Context& c) {
  Tensor y = ops::scale(x.tensor, factor, c.ops);
  if (!flows(c, {&x})) return untaped(std::move(y));
  return c.tape->record(std::move(y), [x = Value{{}, x.node}, factor](const Tensor& dy, Gradients& g) {
    g.add(x, ops::scale(dy, factor, g.ops));
  });
}

Value reshape(const Value& x, Shape shape, Context& c) {
  Tensor y = x.tensor.reshape(shape);
  if (!flows(c, {&x})) return untaped(std::move(y));
  return c.tape->record(std::move(y), [x = Value{{}, x.node}, from = x.tensor.shape()](const Tensor& dy, Gradients& g) {
    g.add_shared(x, dy.reshape(from));
  });
}

Value gated(ops::Activation f, const Value& gate, const Value& up, Context& c) {
  Tensor y = ops::gated(f, gate.tensor, up.tensor, c.ops);
  if (!flows(c, {&gate, &up})) return untaped(std::move(y));
  return c.tape->record(std::move(y), [f, gate, up](const Tensor& dy, Gradients& g) {
    ops::SwigluGrads d = ops::gated_backward(f, dy, gate.tensor, up.tensor, g.ops);
    g.add(up, std::move(d.dup));
    g.add(gate, std::move(d.dgate));
  });
}

Value swiglu(const Value& gate, const Value& up, Context& c) {
  return gated(ops::Activation::silu, gate, up, c);
}

Value gated_mlp(const Value& x, const Parameter& gate, const Parameter& up, const Parameter& down, Context& c) {
  if (!flows(c, {&x}, {&gate, &up, &down}))
    return untaped(ops::gated_mlp(x.tensor, gate.weight, up.weight, down.weight, c.ops));
  const std::vector<Value> y = linears(x, std::array<LinearTerm, 2>{{{&gate}, {&up}}}, c);
  return linear(swiglu(y[0], y[1], c), down, nullptr, c);
}

Value slice_columns(const Value& x, int64_t begin, int64_t width, Context& c) {
  Tensor y = ops::slice_columns(x.tensor, begin, width, c.ops);
  if (!flows(c, {&x})) return untaped(std::move(y));
  return c.tape->record(std::move(y), [x = Value{{}, x.node}, begin](const Tensor& dy, Gradients& g) {
    if (x.node >= 0) ops::add_to_columns(g.accumulator(x), begin, dy, g.ops);
  });
}

Value concat_columns(const Value& a, const Value& b, Context& c) {
  const int64_t wa = a.tensor.dim(1), wb = b.tensor.dim(1);
  Tensor y = ops::concat_columns(a.tensor, b.tensor, c.ops);
  if (!flows(c, {&a, &b})) return untaped(std::move(y));
  return c.tape->record(std::move(y),
                        [a = Value{{}, a.node}, b = Value{{}, b.node}, wa, wb](const Tensor& dy, Gradients& g) {
                          g.add(b, ops::slice_columns(dy, wa, wb, g.ops));
                          g.add(a, ops::slice_columns(dy, 0, wa, g.ops));
                        });
}

Value gather_rows(const Value& x, std::vector<int32_t> rows, Context& c) {
  Tensor y = ops::gather_rows(x.tensor, rows, c.ops);
  if (!flows(c, {&x})) return untaped(std::move(y));
  return c.tape->record(std::move(y), [x = Value{{}, x.node}, rows = std::move(rows)](const Tensor& dy, Gradients& g) {
    if (x.node >= 0) ops::scatter_add_rows(g.accumulator(x), dy, rows, g.ops);
  });
}

Value mla_attention(const Value& q, const Value& kv, const Value& k_rope, const MlaArguments& a, Context& c) {
  Tensor qt = q.tensor, kr = k_rope.tensor;
  const int64_t d = a.nope + a.rope, kv_width = a.nope + a.v;
  ops::rope(qt, a.heads, d, a.nope, *a.table, a.layout, false, c.ops);
  ops::rope(kr, 1, a.rope, 0, *a.table, a.layout, false, c.ops);
  ops::store_kv({kv.tensor.f32(), a.heads * kv_width, kv_width, a.nope}, {kr.f32(), a.rope, 0, a.rope},
                {kv.tensor.f32() + a.nope, a.heads * kv_width, kv_width, a.v}, a.segments, a.geometry, c.ops);
  const bool recorded = flows(c, {&q, &kv, &k_rope});
  ops::AttentionResult r = ops::attention(qt, a.heads, a.segments, a.geometry, a.scale, recorded, c.ops);
  if (!recorded) return untaped(std::move(r.out));
  Tensor out = r.out;
  return c.tape->record(std::move(out), [q, kv = Value{{}, kv.node}, k_rope = Value{{}, k_rope.node}, r = std::move(r),
                                         a, table = *a.table,
                                         segments = std::vector<ops::KvSegment>(a.segments.begin(), a.segments.end())](
                                            const Tensor& dy, Gradients& g) {
    const int64_t width = a.nope + a.rope, kv_row = a.heads * (a.nope + a.v), rows = q.tensor.dim(0);
    ops::AttentionGrads grads = ops::attention_backward(dy, q.tensor, r, a.heads, segments, a.geometry, a.scale, g.ops);
    Tensor dkv = g.ops.empty({rows, kv_row}), dk_rope = g.ops.zeros({rows, a.rope});
    g.ops.parallel(rows, 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t h = 0; h < a.heads; ++h) {
          const float* dk = grads.dk.f32() + (i * a.heads + h) * width;
          float* to = dkv.f32() + i * kv_row + h * (a.nope + a.v);
          std::copy_n(dk, a.nope, to);
          std::copy_n(grads.dv.f32() + (i * a.heads + h) * a.v, a.v, to + a.nope);
          for (int64_t j = 0; j < a.rope; ++j) dk_rope.f32()[i * a.rope + j] += dk[a.nope + j];  // heads ascending
        }
    });
    ops::rope(grads.dq, a.heads, width, a.nope, table, a.layout, true, g.ops);
    ops::rope(dk_rope, 1, a.rope, 0, table, a.layout, true, g.ops);
    g.add(k_rope, std::move(dk_rope));
    g.add(kv, std::move(dkv));
    g.add(q, std::move(grads.dq));
  });
}

Value gqa_attention(const Value& q, const Value& k, const Value& v, const GqaArguments& a, Context& c) {
  constexpr auto kLayout = kernels::RopeLayout::half;
  Tensor qt = q.tensor, kt = k.tensor;
  ops::rope(qt, a.heads, a.width, 0, *a.table, kLayout, false, c.ops);
  ops::rope(kt, a.key_heads, a.width, 0, *a.table, kLayout, false, c.ops);
  const int64_t row = a.key_heads * a.width;
  ops::store_kv({kt.f32(), row, a.width, a.width}, {}, {v.tensor.f32(), row, a.width, a.width}, a.segments, a.geometry,
                c.ops);
  const bool recorded = flows(c, {&q, &k, &v});
  ops::AttentionResult r = ops::attention(qt, a.heads, a.segments, a.geometry, a.scale, recorded, c.ops, a.window);
  if (!recorded) return untaped(std::move(r.out));
  Tensor out = r.out;
  return c.tape->record(
      std::move(out),
      [q, k = Value{{}, k.node}, v = Value{{}, v.node}, r = std::move(r), a, table = *a.table,
       segments = std::vector<ops::KvSegment>(a.segments.begin(), a.segments.end())](const Tensor& dy, Gradients& g) {
        ops::AttentionGrads grads =
            ops::attention_backward(dy, q.tensor, r, a.heads, segments, a.geometry, a.scale, g.ops, a.window);
        ops::rope(grads.dq, a.heads, a.width, 0, table, kLayout, true, g.ops);
        ops::rope(grads.dk, a.key_heads, a.width, 0, table, kLayout, true, g.ops);
        g.add(v, std::move(grads.dv));
        g.add(k, std::move(grads.dk));
        g.add(q, std::move(grads.dq));
      });
}

Routed route(const Value& logits, const Tensor& bias, const ops::RouterConfig& config, const BalanceArguments& balance,
             Context& c) {
  Routed r;
  r.routing = ops::route(logits.tensor, bias, config, c.ops);
  r.dispatch = std::make_shared<const ops::Dispatch>(ops::dispatch(r.routing.indices, config.experts, c.ops));
  Tensor fractions;
  if (!balance.row_begin.empty()) {
    ops::BalanceResult b = ops::balance_loss(r.routing, {balance.row_begin, balance.count}, config, c.ops);
    r.balance = b.loss;
    fractions = b.fractions;
  }
  if (!flows(c, {&logits})) {
    r.weights = untaped(r.routing.weights);
    return r;
  }
  std::vector<int64_t> rows(balance.row_begin.begin(), balance.row_begin.end());
  r.weights =
      c.tape->record(r.routing.weights, [logits = Value{{}, logits.node}, routing = r.routing, config, fractions,
                                         rows = std::move(rows), seed = balance.seed](const Tensor& dw, Gradients& g) {
        const ops::BalanceSeed balance_seed{rows, &fractions, seed};
        g.add(logits, ops::route_backward(dw, routing, config,
                                          fractions.defined() && seed != 0 ? &balance_seed : nullptr, g.ops));
      });
  return r;
}

namespace {

std::vector<const ops::Weight*> weights_of(const std::vector<const Parameter*>& parameters) {
  std::vector<const ops::Weight*> weights;
  weights.reserve(parameters.size());
  for (const Parameter* p : parameters) weights.push_back(&p->weight);
  return weights;
}

bool none_trained(const std::vector<const Parameter*>& parameters) {
  return std::none_of(parameters.begin(), parameters.end(), [](const Parameter* p) { return p->trained(); });
}

void add_expert_grads(const Tensor& dy, const Tensor& x, const std::vector<int64_t>& offsets,
                      const std::vector<const Parameter*>& p, Gradients& g) {
  if (none_trained(p)) return;
  std::vector<Tensor*> dws(p.size(), nullptr);
  std::vector<Tensor> unread(p.size());  // of frozen experts beside trained ones
  for (size_t e = 0; e < p.size(); ++e) {
    if (offsets[e + 1] == offsets[e]) continue;
    if (!p[e]->trained()) unread[e] = g.ops.zeros(p[e]->shape);
    dws[e] = p[e]->trained() ? &g.of(*p[e]) : &unread[e];
  }
  ops::grouped_linear_dw(dy, x, offsets, p[0]->weight.element, dws, g.ops);
}

}  // namespace

Value experts(const Value& x, const ExpertParameters& p, const Routed& routed, Context& c) {
  const auto dispatch = routed.dispatch;
  const auto gate_weights = weights_of(p.gate), up_weights = weights_of(p.up), down_weights = weights_of(p.down);
  const int32_t* rows = dispatch->rows.i32();
  Tensor gate = ops::grouped_linear(x.tensor, rows, {dispatch->offsets, gate_weights}, c.ops);
  Tensor up = ops::grouped_linear(x.tensor, rows, {dispatch->offsets, up_weights}, c.ops);
  Tensor h = ops::gated(p.activation, gate, up, c.ops);
  Tensor y = ops::grouped_linear(h, nullptr, {dispatch->offsets, down_weights}, c.ops);
  if (!flows(c, {&x}) && (!c.tape || (none_trained(p.gate) && none_trained(p.up) && none_trained(p.down))))
    return untaped(std::move(y));
  return c.tape->record(std::move(y), [x, &p, dispatch, gate, up, h, gate_weights, up_weights, down_weights](
                                          const Tensor& dy, Gradients& g) {
    const std::vector<int64_t>& offsets = dispatch->offsets;
    Tensor dh = ops::grouped_linear_dx(dy, {offsets, down_weights}, g.ops);
    add_expert_grads(dy, h, offsets, p.down, g);
    ops::SwigluGrads d = ops::gated_backward(p.activation, dh, gate, up, g.ops);
    const Tensor xe =
        ops::gather_rows(x.tensor, {dispatch->rows.i32(), static_cast<size_t>(dispatch->rows.elements())}, g.ops);
    const Tensor dx_up = ops::grouped_linear_dx(d.dup, {offsets, up_weights}, g.ops);
    add_expert_grads(d.dup, xe, offsets, p.up, g);
    const Tensor dx_gate = ops::grouped_linear_dx(d.dgate, {offsets, gate_weights}, g.ops);
    add_expert_grads(d.dgate, xe, offsets, p.gate, g);
    if (x.node >= 0) ops::scatter_expert_grads(g.accumulator(x), dx_up, dx_gate, *dispatch, g.ops);
  });
}

Value combine(const Value* shared, const Value& expert_out, const Routed& routed, Context& c) {
  Tensor y = ops::combine(shared ? shared->tensor : Tensor(), expert_out.tensor, routed.weights.tensor,
                          *routed.dispatch, c.ops);
  if (!flows(c, {shared ? shared : &expert_out, &expert_out, &routed.weights})) return untaped(std::move(y));
  return c.tape->record(
      std::move(y), [shared = Value{{}, shared ? shared->node : -1}, expert_out, weights = routed.weights,
                     dispatch = routed.dispatch](const Tensor& dy, Gradients& g) {
        ops::CombineGrads d = ops::combine_backward(dy, expert_out.tensor, weights.tensor, *dispatch, g.ops);
        if (shared.node >= 0) g.add_shared(shared, dy);
        g.add(expert_out, std::move(d.dexpert_out));
        g.add(weights, std::move(d.dweights));
      });
}

Value token_logp(const Value& logits, std::vector<int32_t> labels, int64_t each, Context& c) {
  Tensor y = ops::token_logps(logits.tensor, labels, each, c.ops);
  if (!flows(c, {&logits})) return untaped(std::move(y));
  return c.tape->record(std::move(y), [logits, labels = std::move(labels)](const Tensor& dy, Gradients& g) {
    g.add(logits, ops::token_logps_backward(dy, logits.tensor, labels, g.ops));
  });
}

Value log_softmax(const Value& logits, Context& c) {
  Tensor y = ops::log_softmax(logits.tensor, c.ops);
  if (!flows(c, {&logits})) return untaped(std::move(y));
  return c.tape->record(y, [x = Value{{}, logits.node}, y](const Tensor& dy, Gradients& g) {
    g.add(x, ops::log_softmax_backward(dy, y, g.ops));
  });
}

Tensor cross_entropy(const Value& logits, std::vector<int32_t> labels, float seed, Context& c) {
  Tensor losses = ops::cross_entropy(logits.tensor, labels, c.ops);
  if (c.tape)
    c.tape->record_root([logits, labels = std::move(labels), seed](Gradients& g) {
      g.add(logits, ops::cross_entropy_backward(logits.tensor, labels, seed, g.ops));
    });
  return losses;
}

}  // namespace jamsu::autograd

#include "ops/router.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/math.h"
#include "ops/rows.h"

namespace jamsu::ops {
namespace {

constexpr int64_t kTokenGrain = 128;
constexpr float kWeightEps = 1e-20f;

void score_row(const float* logits, float* scores, const RouterConfig& c, Context& context) {
  if (c.score == RouterScore::sigmoid) {
    for (int64_t e = 0; e < c.experts; ++e) scores[e] = math::sigmoid(logits[e]);
    return;
  }
  context.kernels.log_softmax(
      {.x = logits, .y = scores, .rows = 1, .n = c.experts, .x_stride = c.experts, .y_stride = c.experts});
  for (int64_t e = 0; e < c.experts; ++e) scores[e] = math::exp(scores[e]);
}

// The index of the largest value not yet taken; ties go to the lower index. Taken values are marked by `taken`.
int64_t take_best(const float* values, uint8_t* taken, int64_t count) {
  int64_t best = -1;
  for (int64_t i = 0; i < count; ++i)
    if (!taken[i] && (best < 0 || values[i] > values[best])) best = i;
  taken[best] = 1;
  return best;
}

struct Choice {
  std::vector<float> biased, group_scores;
  std::vector<uint8_t> taken, group_taken;
  explicit Choice(const RouterConfig& c)
      : biased(static_cast<size_t>(c.experts)),
        group_scores(static_cast<size_t>(c.groups)),
        taken(static_cast<size_t>(c.experts)),
        group_taken(static_cast<size_t>(c.groups)) {}
};

// Experts outside the kept groups are out of the choice altogether (-inf).
void mask_groups(Choice& w, const RouterConfig& c) {
  std::fill(w.taken.begin(), w.taken.end(), uint8_t{0});
  if (c.groups <= 1 || c.keep_groups >= c.groups) return;
  const int64_t size = c.experts / c.groups;
  for (int64_t g = 0; g < c.groups; ++g) {
    float best = -std::numeric_limits<float>::infinity(), second = best;
    for (int64_t i = g * size; i < (g + 1) * size; ++i) {
      const float v = w.biased[static_cast<size_t>(i)];
      if (v > best) {
        second = best;
        best = v;
      } else if (v > second) {
        second = v;
      }
    }
    w.group_scores[static_cast<size_t>(g)] = c.group_score == GroupScore::best || size == 1 ? best : best + second;
  }
  std::fill(w.group_taken.begin(), w.group_taken.end(), uint8_t{0});
  for (int64_t g = 0; g < c.keep_groups; ++g) take_best(w.group_scores.data(), w.group_taken.data(), c.groups);
  for (int64_t e = 0; e < c.experts; ++e)
    w.taken[static_cast<size_t>(e)] = !w.group_taken[static_cast<size_t>(e / size)];
}

void choose(Choice& w, const RouterConfig& c, int32_t* indices) {
  mask_groups(w, c);
  for (int64_t k = 0; k < c.top_k; ++k)
    indices[k] = static_cast<int32_t>(take_best(w.biased.data(), w.taken.data(), c.experts));
  std::sort(indices, indices + c.top_k);
}

}  // namespace

Routing route(const Tensor& logits, const Tensor& bias, const RouterConfig& c, Context& context) {
  const int64_t tokens = logits.dim(0);
  JAMSU_CHECK(logits.dim(1) == c.experts && c.top_k <= c.experts && c.experts % c.groups == 0);
  Routing r{context.empty({tokens, c.top_k}, DType::i32), context.empty({tokens, c.top_k}),
            context.empty({tokens, c.experts})};
  context.parallel(tokens, kTokenGrain, [&](int64_t begin, int64_t end, int) {
    Choice w(c);
    for (int64_t n = begin; n < end; ++n) {
      float* scores = r.scores.f32() + n * c.experts;
      int32_t* indices = r.indices.i32() + n * c.top_k;
      float* weights = r.weights.f32() + n * c.top_k;
      score_row(logits.f32() + n * c.experts, scores, c, context);
      for (int64_t e = 0; e < c.experts; ++e)
        w.biased[static_cast<size_t>(e)] = bias.defined() ? scores[e] + bias.f32()[e] : scores[e];
      choose(w, c, indices);
      float sum = 0;
      for (int64_t k = 0; k < c.top_k; ++k) sum += scores[indices[k]];
      for (int64_t k = 0; k < c.top_k; ++k) {
        const float s = scores[indices[k]];
        weights[k] = (c.normalize ? s / (sum + kWeightEps) : s) * c.scaling;
      }
    }
  });
  return r;
}

BalanceResult balance_loss(const Routing& routing, const Balance& balance, const RouterConfig& c, Context& context) {
  const auto rows = static_cast<int64_t>(balance.row_begin.size()) - 1;
  BalanceResult result{0, context.zeros({std::max<int64_t>(rows, 0), c.experts})};
  std::vector<float> losses(static_cast<size_t>(std::max<int64_t>(rows, 0)));
  context.parallel(rows, 1, [&](int64_t r, int64_t, int) {
    const int64_t begin = balance.row_begin[static_cast<size_t>(r)],
                  end = balance.row_begin[static_cast<size_t>(r) + 1];
    if (begin == end) return;
    const auto experts = static_cast<size_t>(c.experts);
    std::vector<int64_t> counts(experts);
    std::vector<std::vector<float>> normalised(experts);
    Choice w(c);
    std::vector<int32_t> chosen(static_cast<size_t>(c.top_k));
    for (int64_t n = begin; n < end; ++n) {
      const float* s = routing.scores.f32() + n * c.experts;
      const int32_t* indices = routing.indices.i32() + n * c.top_k;
      if (balance.count == BalanceCount::unbiased_top_k) {
        std::fill(w.taken.begin(), w.taken.end(), uint8_t{0});
        for (int64_t k = 0; k < c.top_k; ++k)
          chosen[static_cast<size_t>(k)] = static_cast<int32_t>(take_best(s, w.taken.data(), c.experts));
        indices = chosen.data();
      }
      for (int64_t k = 0; k < c.top_k; ++k) ++counts[static_cast<size_t>(indices[k])];
      float z = 0;
      for (size_t e = 0; e < experts; ++e) z += s[e];
      for (size_t e = 0; e < experts; ++e) normalised[e].push_back(s[e] / z);
    }
    const auto tokens = static_cast<float>(end - begin);
    float loss = 0;
    for (size_t e = 0; e < experts; ++e) {
      const float f =
          static_cast<float>(c.experts) / (static_cast<float>(c.top_k) * tokens) * static_cast<float>(counts[e]);
      result.fractions.f32()[static_cast<size_t>(r) * experts + e] = f;
      loss += f * (long_sum(normalised[e].data(), end - begin) / tokens);
    }
    losses[static_cast<size_t>(r)] = loss;
  });
  for (const float loss : losses) result.loss += loss;
  return result;
}

namespace {

// ds += d(loss)/ds of one token's balance term: s' = s / z, d(s'_i) = seed * f_i / T.
void add_balance_grad(const float* s, const float* f, float seed_over_tokens, int64_t experts, float* ds) {
  float z = 0, weighted = 0;
  for (int64_t e = 0; e < experts; ++e) z += s[e];
  for (int64_t e = 0; e < experts; ++e) weighted += (seed_over_tokens * f[e]) * (s[e] / z);
  for (int64_t e = 0; e < experts; ++e) ds[e] += (seed_over_tokens * f[e] - weighted) / z;
}

}  // namespace

Tensor route_backward(const Tensor& dweights, const Routing& routing, const RouterConfig& c, const BalanceSeed* balance,
                      Context& context) {
  const int64_t tokens = routing.scores.dim(0);
  Tensor dlogits = context.empty({tokens, c.experts});
  // Which data row a token belongs to.
  std::vector<int64_t> row_of;
  if (balance) {
    row_of.resize(static_cast<size_t>(tokens));
    for (size_t r = 0; r + 1 < balance->row_begin.size(); ++r)
      for (int64_t n = balance->row_begin[r]; n < balance->row_begin[r + 1]; ++n)
        row_of[static_cast<size_t>(n)] = static_cast<int64_t>(r);
  }
  context.parallel(tokens, kTokenGrain, [&](int64_t begin, int64_t end, int) {
    std::vector<float> ds(static_cast<size_t>(c.experts));
    for (int64_t n = begin; n < end; ++n) {
      const float* s = routing.scores.f32() + n * c.experts;
      const int32_t* indices = routing.indices.i32() + n * c.top_k;
      const float* dw = dweights.f32() + n * c.top_k;
      std::fill(ds.begin(), ds.end(), 0.0f);
      float sum = 0, inner = 0;
      for (int64_t k = 0; k < c.top_k; ++k) sum += s[indices[k]];
      const float z = sum + kWeightEps;
      for (int64_t k = 0; k < c.top_k; ++k) inner += dw[k] * (s[indices[k]] / z);
      for (int64_t k = 0; k < c.top_k; ++k)
        ds[static_cast<size_t>(indices[k])] = c.normalize ? c.scaling * ((dw[k] - inner) / z) : c.scaling * dw[k];
      if (balance) {
        const auto r = static_cast<size_t>(row_of[static_cast<size_t>(n)]);
        const auto row_tokens = static_cast<float>(balance->row_begin[r + 1] - balance->row_begin[r]);
        add_balance_grad(s, balance->fractions->f32() + static_cast<int64_t>(r) * c.experts, balance->seed / row_tokens,
                         c.experts, ds.data());
      }
      float* out = dlogits.f32() + n * c.experts;
      if (c.score == RouterScore::sigmoid) {
        for (int64_t e = 0; e < c.experts; ++e) out[e] = ds[static_cast<size_t>(e)] * (s[e] * (1.0f - s[e]));
      } else {
        float dot = 0;
        for (int64_t e = 0; e < c.experts; ++e) dot += ds[static_cast<size_t>(e)] * s[e];
        for (int64_t e = 0; e < c.experts; ++e) out[e] = s[e] * (ds[static_cast<size_t>(e)] - dot);
      }
    }
  });
  return dlogits;
}

std::vector<int64_t> expert_load(const Tensor& indices, int64_t experts) {
  std::vector<int64_t> load(static_cast<size_t>(experts));
  for (int64_t i = 0; i < indices.elements(); ++i) ++load[static_cast<size_t>(indices.i32()[i])];
  return load;
}

Dispatch dispatch(const Tensor& indices, int64_t experts, Context& context) {
  const int64_t tokens = indices.dim(0), k = indices.dim(1);
  Dispatch d{std::vector<int64_t>(static_cast<size_t>(experts) + 1), context.empty({tokens * k}, DType::i32),
             context.empty({tokens, k}, DType::i32)};
  const std::vector<int64_t> load = expert_load(indices, experts);
  for (size_t e = 0; e < load.size(); ++e) d.offsets[e + 1] = d.offsets[e] + load[e];
  std::vector<int64_t> next(d.offsets.begin(), d.offsets.end() - 1);
  for (int64_t i = 0; i < tokens * k; ++i) {  // ascending tokens, so each expert's rows ascend by token
    const int64_t slot = next[static_cast<size_t>(indices.i32()[i])]++;
    d.rows.i32()[slot] = static_cast<int32_t>(i / k);
    d.slots.i32()[i] = static_cast<int32_t>(slot);
  }
  return d;
}

Tensor combine(const Tensor& shared, const Tensor& expert_out, const Tensor& weights, const Dispatch& d,
               Context& context) {
  const int64_t tokens = weights.dim(0), k = weights.dim(1), width = expert_out.dim(1);
  Tensor y = context.empty({tokens, width});
  context.parallel(tokens, kTokenGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n) {
      float* to = y.f32() + n * width;
      if (shared.defined())
        std::copy_n(shared.f32() + n * width, width, to);
      else
        std::fill_n(to, width, 0.0f);
      for (int64_t i = 0; i < k; ++i) {
        context.kernels.add_scaled({.x = expert_out.f32() + d.slots.i32()[n * k + i] * width,
                                    .y = to,
                                    .scale = weights.f32()[n * k + i],
                                    .rows = 1,
                                    .n = width,
                                    .x_stride = width,
                                    .y_stride = width});
      }
    }
  });
  return y;
}

CombineGrads combine_backward(const Tensor& dy, const Tensor& expert_out, const Tensor& weights, const Dispatch& d,
                              Context& context) {
  const int64_t tokens = weights.dim(0), k = weights.dim(1), width = expert_out.dim(1);
  CombineGrads g{context.empty({tokens * k, width}), context.empty({tokens, k})};
  context.parallel(tokens, kTokenGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n) {
      const float* from = dy.f32() + n * width;
      for (int64_t i = 0; i < k; ++i) {
        const int64_t slot = d.slots.i32()[n * k + i];
        const float w = weights.f32()[n * k + i];
        float* to = g.dexpert_out.f32() + slot * width;
        for (int64_t j = 0; j < width; ++j) to[j] = w * from[j];
        context.kernels.row_dot({.a = expert_out.f32() + slot * width,
                                 .b = from,
                                 .out = g.dweights.f32() + n * k + i,
                                 .rows = 1,
                                 .n = width,
                                 .a_stride = width,
                                 .b_stride = width});
      }
    }
  });
  return g;
}

void scatter_expert_grads(Tensor& dx, const Tensor& a, const Tensor& b, const Dispatch& d, Context& context) {
  const int64_t tokens = d.slots.dim(0), k = d.slots.dim(1), width = dx.dim(1);
  context.parallel(tokens, kTokenGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n) {
      float* to = dx.f32() + n * width;
      for (int64_t i = 0; i < k; ++i) {
        const int64_t slot = d.slots.i32()[n * k + i];
        const float *pa = a.f32() + slot * width, *pb = b.f32() + slot * width;
        for (int64_t j = 0; j < width; ++j) to[j] += pa[j] + pb[j];
      }
    }
  });
}

}  // namespace jamsu::ops

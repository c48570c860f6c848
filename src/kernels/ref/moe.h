#pragma once
// Mixture of experts by its definitions (docs/numerics.md section 5 and "formulas ref decided"), over float or double:
// the router's choice and weights, the balance loss, the combination of expert outputs; and the embedding. One token at
// a time, lists by sorting: the oracle of ops/router. E experts, K chosen, ids ascending.
#include <algorithm>
#include <vector>

#include "kernels/ref/rows.h"

namespace jamsu::kernels::ref {

template <class T>
struct RouterShape {
  int64_t experts, top_k, groups = 1, keep_groups = 1;
  bool softmax = false;        // scores: sigmoid, or a softmax over the experts
  bool best_of_group = false;  // a group's score: the sum of its two best, or its best
  bool normalize = true;
  T scaling = 1;
};

template <class T>
std::vector<T> router_scores(const RouterShape<T>& s, const T* logits) {
  std::vector<T> scores(static_cast<size_t>(s.experts));
  if (!s.softmax) {
    for (int64_t e = 0; e < s.experts; ++e) scores[static_cast<size_t>(e)] = sigmoid(logits[e]);
    return scores;
  }
  const auto row = row_softmax(logits, s.experts);
  for (int64_t e = 0; e < s.experts; ++e) scores[static_cast<size_t>(e)] = exp((logits[e] - row.max) - row.log_sum);
  return scores;
}

// The `count` ids with the largest values, ties to the lower id; ascending.
template <class T>
std::vector<int64_t> best_ids(const std::vector<T>& values, std::vector<int64_t> ids, int64_t count) {
  std::stable_sort(ids.begin(), ids.end(), [&](int64_t a, int64_t b) {
    return values[static_cast<size_t>(a)] > values[static_cast<size_t>(b)];
  });
  ids.resize(static_cast<size_t>(count));
  std::sort(ids.begin(), ids.end());
  return ids;
}
inline std::vector<int64_t> ids_from(int64_t begin, int64_t end) {
  std::vector<int64_t> ids;
  for (int64_t i = begin; i < end; ++i) ids.push_back(i);
  return ids;
}

// bias [E], or null: added for the choice only.
template <class T>
std::vector<int64_t> router_choice(const RouterShape<T>& s, const std::vector<T>& scores, const T* bias) {
  std::vector<T> biased = scores;
  for (int64_t e = 0; bias && e < s.experts; ++e) biased[static_cast<size_t>(e)] += bias[e];
  const int64_t size = s.experts / s.groups;
  std::vector<T> group_scores;
  for (int64_t g = 0; g < s.groups; ++g) {
    std::vector<T> members(biased.begin() + g * size, biased.begin() + (g + 1) * size);
    std::sort(members.begin(), members.end(), std::greater<>());
    group_scores.push_back(s.best_of_group || size == 1 ? members[0] : members[0] + members[1]);
  }
  std::vector<int64_t> candidates;
  for (const int64_t g : best_ids(group_scores, ids_from(0, s.groups), s.keep_groups))
    for (const int64_t e : ids_from(g * size, (g + 1) * size)) candidates.push_back(e);
  return best_ids(biased, candidates, s.top_k);
}

template <class T>
T sum_of_chosen(const std::vector<T>& scores, const std::vector<int64_t>& chosen) {
  T sum = 0;
  for (const int64_t e : chosen) sum += scores[static_cast<size_t>(e)];
  return sum + T(1e-20f);
}

// w = (s / (sum + 1e-20)) * scaling, or s * scaling; in the order of `chosen`.
template <class T>
std::vector<T> router_weights(const RouterShape<T>& s, const std::vector<T>& scores,
                              const std::vector<int64_t>& chosen) {
  const T z = sum_of_chosen(scores, chosen);
  std::vector<T> weights;
  for (const int64_t e : chosen) {
    const T score = scores[static_cast<size_t>(e)];
    weights.push_back((s.normalize ? score / z : score) * s.scaling);
  }
  return weights;
}

// d loss / d scores from d loss / d weights.
template <class T>
std::vector<T> router_weights_backward(const RouterShape<T>& s, const std::vector<T>& scores,
                                       const std::vector<int64_t>& chosen, const T* dweights) {
  const T z = sum_of_chosen(scores, chosen);
  T inner = 0;
  for (size_t k = 0; k < chosen.size(); ++k) inner += dweights[k] * (scores[static_cast<size_t>(chosen[k])] / z);
  std::vector<T> ds(scores.size(), T(0));
  for (size_t k = 0; k < chosen.size(); ++k)
    ds[static_cast<size_t>(chosen[k])] = s.scaling * (s.normalize ? (dweights[k] - inner) / z : dweights[k]);
  return ds;
}
template <class T>
std::vector<T> router_scores_backward(const RouterShape<T>& s, const std::vector<T>& scores, const std::vector<T>& ds) {
  T dot = 0;
  for (size_t e = 0; e < ds.size(); ++e) dot += ds[e] * scores[e];
  std::vector<T> dlogits;
  for (size_t e = 0; e < ds.size(); ++e)
    dlogits.push_back(s.softmax ? scores[e] * (ds[e] - dot) : ds[e] * (scores[e] * (T(1) - scores[e])));
  return dlogits;
}

// One data row of the balance loss: sum_e f_e P_e over its tokens; counts[e]: how often e is counted by f.
template <class T>
struct BalanceRow {
  T loss = 0;
  std::vector<T> fractions;  // f
};
template <class T>
BalanceRow<T> balance_row(const RouterShape<T>& s, const std::vector<std::vector<T>>& scores,
                          const std::vector<int64_t>& counts) {
  const auto tokens = static_cast<T>(scores.size());
  std::vector<T> z(scores.size(), T(0));
  for (size_t n = 0; n < scores.size(); ++n)
    for (const T score : scores[n]) z[n] += score;
  BalanceRow<T> row;
  for (size_t e = 0; e < counts.size(); ++e) {
    const T f = static_cast<T>(s.experts) / (static_cast<T>(s.top_k) * tokens) * static_cast<T>(counts[e]);
    const T mean =
        long_sum<T>(static_cast<int64_t>(scores.size()),
                    [&](int64_t n) { return scores[static_cast<size_t>(n)][e] / z[static_cast<size_t>(n)]; }) /
        tokens;
    row.fractions.push_back(f);
    row.loss += f * mean;
  }
  return row;
}
// Adds seed * d(loss of the row) / d scores of one of its tokens.
template <class T>
void balance_backward(const std::vector<T>& scores, const std::vector<T>& fractions, T seed, int64_t tokens,
                      std::vector<T>& ds) {
  const T g = seed / static_cast<T>(tokens);
  T z = 0, weighted = 0;
  for (const T score : scores) z += score;
  for (size_t e = 0; e < scores.size(); ++e) weighted += g * fractions[e] * (scores[e] / z);
  for (size_t e = 0; e < scores.size(); ++e) ds[e] += (g * fractions[e] - weighted) / z;
}

// y = fma(w_e, out_e, y) for the chosen experts ascending; outs[k]: the output of the k-th.
template <class T>
void combine_row(const std::vector<const T*>& outs, const T* weights, int64_t width, T* y) {
  for (size_t k = 0; k < outs.size(); ++k)
    for (int64_t j = 0; j < width; ++j) y[j] = std::fma(weights[k], outs[k][j], y[j]);
}
// dout = w dy; returns dw = sum16(out * dy).
template <class T>
T combine_backward(const T* out, T weight, const T* dy, int64_t width, T* dout) {
  for (int64_t j = 0; j < width; ++j) dout[j] = weight * dy[j];
  return sum16_products<T>(
      width, [&](int64_t j) { return out[j]; }, [&](int64_t j) { return dy[j]; });
}

template <class T, class Id>
void embedding(const std::vector<Id>& ids, const T* table, int64_t width, T* y) {
  for (size_t i = 0; i < ids.size(); ++i)
    for (int64_t j = 0; j < width; ++j) y[static_cast<int64_t>(i) * width + j] = table[ids[i] * width + j];
}
// Positions ascending.
template <class T, class Id>
void embedding_backward(const std::vector<Id>& ids, const T* dy, int64_t width, T* dtable) {
  for (size_t i = 0; i < ids.size(); ++i)
    for (int64_t j = 0; j < width; ++j) {
      T& d = dtable[ids[i] * width + j];
      d = d + dy[static_cast<int64_t>(i) * width + j];
    }
}

}  // namespace jamsu::kernels::ref

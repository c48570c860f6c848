// Router, balance loss, dispatch and combine against kernels/ref/moe.h, bit for bit: the sizes of docs/numerics.md
// section 8 on each axis (tokens, experts, experts a token uses, groups, width), the others small.
#include "ops/router.h"

#include "kernels/ref/moe.h"
#include "ops/op_test_support.h"

namespace jamsu::ops {
namespace {

using test::expect_same;
using test::ids_of;
using test::on_every_isa;
using test::tensor_of;
using test::values_of;
namespace ref = kernels::ref;

struct Case {
  int64_t tokens, experts, top_k, groups = 1, keep_groups = 1;
  bool softmax = false, best_of_group = false, normalize = true, bias = true;
  ref::RouterShape<float> shape() const {
    return {experts, top_k, groups, keep_groups, softmax, best_of_group, normalize, 2.5f};
  }
  RouterConfig config() const {
    return {.score = softmax ? RouterScore::softmax : RouterScore::sigmoid,
            .group_score = best_of_group ? GroupScore::best : GroupScore::sum_of_two_best,
            .experts = experts,
            .top_k = top_k,
            .groups = groups,
            .keep_groups = keep_groups,
            .normalize = normalize,
            .scaling = 2.5f};
  }
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.tokens << " tokens, " << c.top_k << " of " << c.experts << " experts, " << c.keep_groups << " of "
       << c.groups << " groups" << (c.softmax ? ", softmax" : ", sigmoid") << (c.best_of_group ? ", best" : "")
       << (c.normalize ? "" : ", not normalised") << (c.bias ? "" : ", no bias");
}

// V3's gate, V2's (softmax, groups by their best, weights as they are), and both without groups.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bool softmax : {false, true}) {
    const auto add = [&](Case c) {
      c.softmax = softmax;
      c.best_of_group = softmax;
      c.normalize = !softmax;
      c.bias = !softmax;
      all.push_back(c);
    };
    for (const int64_t size : kernels::test::kSizes) {
      add({size, 12, 3, 4, 2});
      add({5, size, 1});
      add({size < 1000 ? 5 : 2, size, size});  // all experts
      if (size < 4097) add({size < 1000 ? 5 : 2, 4097, size});
      add({3, 2 * size, 2, size, size > 1 ? 2 : 1});
      add({3, 3 * size, 2, size, size});  // all groups kept
    }
    add({40, 64, 8, 8, 4});
    add({40, 256, 8, 8, 4});
    add({40, 8, 2, 8, 3});  // groups of one
  }
  all.push_back({33, 16, 4, 4, 2, true, false, true, true});
  all.push_back({33, 16, 4, 4, 2, false, true, false, false});
  return all;
}

// A multiple of 1/4: many scores tie, and ties go to the lower id.
std::vector<float> logits_of(const Case& c) {
  std::vector<float> x = kernels::test::random_values(c.tokens * c.experts, 1, 6);
  for (size_t i = 0; i < x.size(); i += 2) x[i] = std::floor(x[i] * 4) / 4;
  return x;
}

struct Expected {
  std::vector<std::vector<float>> scores;    // by token
  std::vector<std::vector<int64_t>> chosen;  // by token
  std::vector<float> flat_scores, weights;   // as the op returns them
  std::vector<int32_t> indices;
};
Expected expected(const Case& c, const std::vector<float>& logits, const std::vector<float>& bias) {
  Expected want;
  for (int64_t n = 0; n < c.tokens; ++n) {
    want.scores.push_back(ref::router_scores(c.shape(), logits.data() + n * c.experts));
    want.chosen.push_back(ref::router_choice(c.shape(), want.scores.back(), c.bias ? bias.data() : nullptr));
    const auto weights = ref::router_weights(c.shape(), want.scores.back(), want.chosen.back());
    want.weights.insert(want.weights.end(), weights.begin(), weights.end());
    want.flat_scores.insert(want.flat_scores.end(), want.scores.back().begin(), want.scores.back().end());
    for (const int64_t e : want.chosen.back()) want.indices.push_back(static_cast<int32_t>(e));
  }
  return want;
}

// Three data rows, one of them empty.
std::vector<int64_t> data_rows(int64_t tokens) {
  return {0, tokens / 3, tokens / 3, tokens};
}
std::vector<int64_t> counts_of(const Case& c, const Expected& e, int64_t begin, int64_t end, BalanceCount count) {
  std::vector<int64_t> counts(static_cast<size_t>(c.experts));
  for (int64_t n = begin; n < end; ++n) {
    const auto at = static_cast<size_t>(n);
    const auto ids = count == BalanceCount::chosen ? e.chosen[at]
                                                   : ref::best_ids(e.scores[at], ref::ids_from(0, c.experts), c.top_k);
    for (const int64_t id : ids) ++counts[static_cast<size_t>(id)];
  }
  return counts;
}

class Router : public testing::TestWithParam<Case> {};

TEST_P(Router, ForwardAndBackwardEqualRef) {
  const Case& c = GetParam();
  const FlushScope flush;
  const auto logits = logits_of(c), bias = kernels::test::random_values(c.experts, 2, 0.3f),
             dweights = kernels::test::random_values(c.tokens * c.top_k, 3);
  const Expected want = expected(c, logits, bias);
  const auto rows = data_rows(c.tokens);
  constexpr float kSeed = 0.013f;

  float want_loss = 0;
  std::vector<float> want_fractions, want_plain, want_balanced;
  for (size_t r = 0; r + 1 < rows.size(); ++r) {
    ref::BalanceRow<float> row{0, std::vector<float>(static_cast<size_t>(c.experts))};
    const int64_t count = rows[r + 1] - rows[r];
    if (count > 0)
      row = ref::balance_row(c.shape(), {want.scores.begin() + rows[r], want.scores.begin() + rows[r + 1]},
                             counts_of(c, want, rows[r], rows[r + 1], BalanceCount::unbiased_top_k));
    want_loss += row.loss;
    want_fractions.insert(want_fractions.end(), row.fractions.begin(), row.fractions.end());
    for (int64_t n = rows[r]; n < rows[r + 1]; ++n) {
      const auto at = static_cast<size_t>(n);
      auto ds =
          ref::router_weights_backward(c.shape(), want.scores[at], want.chosen[at], dweights.data() + n * c.top_k);
      const auto plain = ref::router_scores_backward(c.shape(), want.scores[at], ds);
      want_plain.insert(want_plain.end(), plain.begin(), plain.end());
      ref::balance_backward(want.scores[at], row.fractions, kSeed, count, ds);
      const auto balanced = ref::router_scores_backward(c.shape(), want.scores[at], ds);
      want_balanced.insert(want_balanced.end(), balanced.begin(), balanced.end());
    }
  }

  // f32 mode: the router does the same in both.
  std::vector<std::string> kernels_used;
  if (c.softmax) kernels_used = {"log_softmax"};
  on_every_isa(Numerics::f32, kernels_used, [&](Context& context, const std::string& text) {
    const Tensor b = c.bias ? tensor_of(bias, {c.experts}, context) : Tensor();
    const Routing r = route(tensor_of(logits, {c.tokens, c.experts}, context), b, c.config(), context);
    ASSERT_EQ(ids_of(r.indices), want.indices) << text;
    expect_same(values_of(r.scores), want.flat_scores, text + " scores");
    expect_same(values_of(r.weights), want.weights, text + " weights");
    const BalanceResult balance = balance_loss(r, {rows, BalanceCount::unbiased_top_k}, c.config(), context);
    expect_same({balance.loss}, {want_loss}, text + " balance");
    expect_same(values_of(balance.fractions), want_fractions, text + " fractions");
    const Tensor dw = tensor_of(dweights, {c.tokens, c.top_k}, context);
    expect_same(values_of(route_backward(dw, r, c.config(), nullptr, context)), want_plain, text + " dlogits");
    const BalanceSeed seed{rows, &balance.fractions, kSeed};
    expect_same(values_of(route_backward(dw, r, c.config(), &seed, context)), want_balanced,
                text + " dlogits with balance");
  });
}
INSTANTIATE_TEST_SUITE_P(Sizes, Router, testing::ValuesIn(cases()));

// Two experts whose biased scores are equal, or one ulp apart: 1/2, and 1/2 plus an ulp (or half of one, which rounds
// to even and is lost).
TEST(RouterTies, AnUlpDecidesAndEqualsGoToTheLowerId) {
  const RouterConfig config{.score = RouterScore::sigmoid, .experts = 40, .top_k = 1, .scaling = 1.0f};
  std::vector<float> logits(40, -3.0f);
  logits[17] = logits[33] = 0.0f;
  struct Biases {
    float lower, upper;
    int32_t winner;
  };
  for (const Biases& b : {Biases{0.0f, 0.0f, 17},
                          {0.0f, 0x1p-25f, 17},
                          {0.0f, 0x1p-24f, 33},
                          {0x1p-24f, 0x1p-24f, 17},
                          {0x1p-24f, 0.0f, 17}}) {
    std::vector<float> bias(40, 0.0f);
    bias[17] = b.lower;
    bias[33] = b.upper;
    on_every_isa(Numerics::f32, {}, [&](Context& context, const std::string& text) {
      const Routing r = route(tensor_of(logits, {1, 40}, context), tensor_of(bias, {40}, context), config, context);
      EXPECT_EQ(r.indices.i32()[0], b.winner) << text << " " << b.lower << " " << b.upper;
    });
  }
}

// The same of a softmax, whose scores lie an ulp or less apart when logits do: whatever ref's scores say.
TEST(RouterTies, OfASoftmaxToo) {
  const RouterConfig config{
      .score = RouterScore::softmax, .experts = 40, .top_k = 1, .normalize = false, .scaling = 1.0f};
  for (const float nudge : {0.0f, 0x1p-23f, 0x1p-22f, 0x1p-21f}) {
    std::vector<float> logits(40, -1.0f);
    logits[17] = 1.0f;
    logits[33] = 1.0f + nudge;
    const auto scores =
        ref::router_scores(ref::RouterShape<float>{.experts = 40, .top_k = 1, .softmax = true}, logits.data());
    const int32_t winner = scores[33] > scores[17] ? 33 : 17;
    if (nudge == 0 || nudge == 0x1p-21f) {
      EXPECT_EQ(winner, nudge == 0 ? 17 : 33);
    }
    on_every_isa(Numerics::f32, {"log_softmax"}, [&](Context& context, const std::string& text) {
      EXPECT_EQ(route(tensor_of(logits, {1, 40}, context), Tensor(), config, context).indices.i32()[0], winner) << text;
    });
  }
}

// f from the experts really used, which a bias and groups make others than the best.
TEST(RouterBalance, CountsTheChosenWhereAsked) {
  const FlushScope flush;
  const Case c{40, 16, 4, 4, 2};
  const auto logits = logits_of(c), bias = kernels::test::random_values(c.experts, 2, 0.3f);
  const Expected want = expected(c, logits, bias);
  const auto chosen = counts_of(c, want, 0, 40, BalanceCount::chosen);
  ASSERT_NE(chosen, counts_of(c, want, 0, 40, BalanceCount::unbiased_top_k));
  const auto row = ref::balance_row(c.shape(), want.scores, chosen);
  const std::vector<int64_t> rows{0, 40};
  on_every_isa(Numerics::bf16, {}, [&](Context& context, const std::string& text) {
    const Routing r = route(tensor_of(logits, {40, 16}, context), tensor_of(bias, {16}, context), c.config(), context);
    const BalanceResult balance = balance_loss(r, {rows, BalanceCount::chosen}, c.config(), context);
    expect_same({balance.loss}, {row.loss}, text);
    expect_same(values_of(balance.fractions), row.fractions, text);
    EXPECT_EQ(expert_load(r.indices, 16), chosen);
  });
}

// tokens, experts, chosen, width.
struct MoeCase {
  int64_t tokens, experts, top_k, width;
};
void PrintTo(const MoeCase& c, std::ostream* out) {
  *out << c.tokens << " tokens, " << c.top_k << " of " << c.experts << " experts, width " << c.width;
}
std::vector<MoeCase> moe_cases() {
  std::vector<MoeCase> all;
  for (const int64_t size : kernels::test::kSizes) {
    all.push_back({size, 7, 3, 5});
    all.push_back({4, size, 1, 5});
    all.push_back({2, 4097, size, 5});
    all.push_back({4, 7, 3, size});
  }
  return all;
}
class Moe : public testing::TestWithParam<MoeCase> {};

// Distinct experts per token, ascending; expert 1 never.
std::vector<int32_t> choice(const MoeCase& c) {
  std::vector<int32_t> ids;
  for (int64_t n = 0; n < c.tokens; ++n) {
    std::vector<float> order = kernels::test::random_values(c.experts, 100 + static_cast<uint64_t>(n));
    if (c.experts > c.top_k) order[1 % order.size()] = -9;
    for (const int64_t e : ref::best_ids(order, ref::ids_from(0, c.experts), c.top_k))
      ids.push_back(static_cast<int32_t>(e));
  }
  return ids;
}

TEST_P(Moe, DispatchSortsByExpertThenToken) {
  const MoeCase& c = GetParam();
  const auto ids = choice(c);
  std::vector<std::pair<int32_t, int64_t>> slots;  // (expert, index in ids), which is ascending by token
  for (size_t i = 0; i < ids.size(); ++i) slots.emplace_back(ids[i], static_cast<int64_t>(i));
  std::sort(slots.begin(), slots.end());
  std::vector<int32_t> rows(ids.size()), slot_of(ids.size());
  std::vector<int64_t> offsets(static_cast<size_t>(c.experts) + 1);
  for (size_t s = 0; s < slots.size(); ++s) {
    rows[s] = static_cast<int32_t>(slots[s].second / c.top_k);
    slot_of[static_cast<size_t>(slots[s].second)] = static_cast<int32_t>(s);
    for (auto e = static_cast<size_t>(slots[s].first) + 1; e < offsets.size(); ++e) ++offsets[e];
  }
  on_every_isa(Numerics::bf16, {}, [&](Context& context, const std::string& text) {
    const Dispatch d = dispatch(ids_of(ids, {c.tokens, c.top_k}, context), c.experts, context);
    EXPECT_EQ(ids_of(d.rows), rows) << text;
    EXPECT_EQ(ids_of(d.slots), slot_of) << text;
    EXPECT_EQ(d.offsets, offsets) << text;
  });
}

TEST_P(Moe, CombineAndItsBackwardEqualRef) {
  const MoeCase& c = GetParam();
  const FlushScope flush;
  const int64_t slots = c.tokens * c.top_k;
  const auto ids = choice(c);
  const auto outs = kernels::test::random_values(slots * c.width, 1),
             other = kernels::test::random_values(slots * c.width, 5), weights = kernels::test::random_values(slots, 2),
             shared = kernels::test::random_values(c.tokens * c.width, 3),
             dy = kernels::test::random_values(c.tokens * c.width, 4);
  on_every_isa(Numerics::bf16, {"add_scaled", "row_dot"}, [&](Context& context, const std::string& text) {
    const Dispatch d = dispatch(ids_of(ids, {c.tokens, c.top_k}, context), c.experts, context);
    const std::vector<int32_t> slot_of = ids_of(d.slots);
    std::vector<float> want = shared, want_alone(shared.size(), 0.0f), want_dout(outs.size()), want_dweights,
                       want_dx = shared;
    for (int64_t n = 0; n < c.tokens; ++n) {
      std::vector<const float*> token_outs;
      for (int64_t k = 0; k < c.top_k; ++k) {
        const int64_t at = slot_of[static_cast<size_t>(n * c.top_k + k)] * c.width;
        token_outs.push_back(outs.data() + at);
        want_dweights.push_back(ref::combine_backward(outs.data() + at, weights[static_cast<size_t>(n * c.top_k + k)],
                                                      dy.data() + n * c.width, c.width, want_dout.data() + at));
        for (int64_t j = 0; j < c.width; ++j) {
          float& dx = want_dx[static_cast<size_t>(n * c.width + j)];
          dx = dx + (outs[static_cast<size_t>(at + j)] + other[static_cast<size_t>(at + j)]);
        }
      }
      ref::combine_row(token_outs, weights.data() + n * c.top_k, c.width, want.data() + n * c.width);
      ref::combine_row(token_outs, weights.data() + n * c.top_k, c.width, want_alone.data() + n * c.width);
    }
    const Tensor o = tensor_of(outs, {slots, c.width}, context), w = tensor_of(weights, {c.tokens, c.top_k}, context),
                 g = tensor_of(dy, {c.tokens, c.width}, context);
    expect_same(values_of(combine(tensor_of(shared, {c.tokens, c.width}, context), o, w, d, context)), want, text);
    expect_same(values_of(combine(Tensor(), o, w, d, context)), want_alone, text + " without a shared expert");
    const CombineGrads grads = combine_backward(g, o, w, d, context);
    expect_same(values_of(grads.dexpert_out), want_dout, text + " dout");
    expect_same(values_of(grads.dweights), want_dweights, text + " dweights");
    Tensor dx = tensor_of(shared, {c.tokens, c.width}, context);
    scatter_expert_grads(dx, o, tensor_of(other, {slots, c.width}, context), d, context);
    expect_same(values_of(dx), want_dx, text + " dx");
  });
}
INSTANTIATE_TEST_SUITE_P(Sizes, Moe, testing::ValuesIn(moe_cases()));

}  // namespace
}  // namespace jamsu::ops

// linear and its gradients, for one weight and grouped over experts, against the dot of kernels/ref, bit for bit: the
// sizes of docs/numerics.md section 8 on each axis (rows, out, in, experts), the others small.
#include "ops/linear.h"

#include "kernels/ref/dot.h"
#include "ops/op_test_support.h"

namespace jamsu::ops {
namespace {

using kernels::Element;
using test::expect_same;
using test::on_every_isa;
using test::tensor_of;
using test::values_of;
namespace ref = kernels::ref;

struct Case {
  int64_t experts, rows, out, in;  // rows of each expert but the second, which has none; one expert: its rows
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.experts << " experts, " << c.rows << " rows, " << c.in << " to " << c.out;
}

// C[i, j] = acc[i, j] + dot over k of a(i, k) and b(k, j), both rounded.
template <class A, class B>
std::vector<float> product(int64_t m, int64_t n, int64_t k, Element e, const A& a, const B& b,
                           std::vector<float> acc = {}) {
  acc.resize(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      float& c = acc[static_cast<size_t>(i * n + j)];
      c = ref::dot<float>(
          k, [&](int64_t x) { return ref::rounded(a(i, x), e); }, [&](int64_t x) { return ref::rounded(b(x, j), e); },
          c);
    }
  return acc;
}
auto row_major(const std::vector<float>& x, int64_t width, int64_t first_row = 0) {
  return [&x, width, first_row](int64_t i, int64_t j) { return x[static_cast<size_t>((first_row + i) * width + j)]; };
}
template <class F>
auto turned(const F& f) {
  return [f](int64_t i, int64_t j) { return f(j, i); };
}

std::string gemm_of(int64_t m, Numerics numerics) {
  return m <= 2 ? "gemm_few_rows" : numerics == Numerics::bf16 ? "gemm_bf16" : "gemm_f32";
}

class Linear : public testing::TestWithParam<Case> {};

TEST_P(Linear, ForwardAndGradientsEqualRef) {
  const Case& c = GetParam();
  const FlushScope flush;
  const auto x = kernels::test::random_values(c.rows * c.in, 1), w = kernels::test::random_values(c.out * c.in, 2),
             dy = kernels::test::random_values(c.rows * c.out, 3), dw = kernels::test::random_values(c.out * c.in, 4),
             bias = kernels::test::random_values(c.out, 5);
  for (const Numerics numerics : {Numerics::bf16, Numerics::f32}) {
    const Element e = matmul_element(numerics);
    const auto X = row_major(x, c.in), W = row_major(w, c.in), G = row_major(dy, c.out);
    const auto want = product(c.rows, c.out, c.in, e, X, turned(W)), want_dx = product(c.rows, c.in, c.out, e, G, W),
               want_dw = product(c.out, c.in, c.rows, e, turned(G), X, dw);
    std::vector<float> want_bias = want;
    for (size_t i = 0; i < want_bias.size(); ++i) want_bias[i] += bias[i % bias.size()];
    // Work is cut over rows in 96s, or over columns: the last piece of rows may be a few.
    std::vector<std::string> used = {"pack_b", gemm_of(c.rows, numerics), gemm_of(c.out, numerics)};
    on_every_isa(numerics, used, [&](Context& context, const std::string& text) {
      const Weight weight = make_weight(tensor_of(w, {c.out, c.in}, context), e, Packs::forward_and_backward, context);
      const Tensor tx = tensor_of(x, {c.rows, c.in}, context), tdy = tensor_of(dy, {c.rows, c.out}, context);
      expect_same(values_of(linear(tx, weight, nullptr, context)), want, text);
      expect_same(values_of(linear(tx, weight, bias.data(), context)), want_bias, text + " bias");
      expect_same(values_of(linear_dx(tdy, weight, context)), want_dx, text + " dx");
      Tensor tdw = tensor_of(dw, {c.out, c.in}, context);
      linear_dw(tdy, tx, e, tdw, context);
      expect_same(values_of(tdw), want_dw, text + " dw");
    });
  }
}
std::vector<Case> linear_cases() {
  std::vector<Case> all;
  for (const int64_t size : kernels::test::kSizes) {
    all.push_back({1, size, 18, 35});
    all.push_back({1, 5, size, 35});
    all.push_back({1, 5, 18, size});
  }
  all.push_back({1, 150, 70, 90});  // enough work to be shared out, over rows and over columns
  all.push_back({1, 20, 300, 90});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Sizes, Linear, testing::ValuesIn(linear_cases()));

class GroupedLinear : public testing::TestWithParam<Case> {};

TEST_P(GroupedLinear, ForwardAndGradientsEqualRefExpertByExpert) {
  const Case& c = GetParam();
  const FlushScope flush;
  std::vector<int64_t> offsets{0};
  for (int64_t i = 0; i < c.experts; ++i) offsets.push_back(offsets.back() + (i == 1 ? 0 : c.rows));
  const int64_t slots = offsets.back(), tokens = c.rows;
  std::vector<int32_t> rows;  // an expert's tokens ascend
  for (int64_t s = 0; s < slots; ++s) rows.push_back(static_cast<int32_t>(s % c.rows));
  const auto x = kernels::test::random_values(tokens * c.in, 1), dy = kernels::test::random_values(slots * c.out, 2),
             sorted = kernels::test::random_values(slots * c.in, 3),
             w = kernels::test::random_values(c.experts * c.out * c.in, 4),
             dw = kernels::test::random_values(c.experts * c.out * c.in, 5);
  const auto slice = [](const std::vector<float>& v, int64_t begin, int64_t count) {
    return std::vector<float>(v.begin() + begin, v.begin() + begin + count);
  };
  for (const Numerics numerics : {Numerics::bf16, Numerics::f32}) {
    if (c.experts > 1000 && numerics == Numerics::f32) continue;  // thousands of little weights: once
    const Element e = matmul_element(numerics);
    std::vector<float> want, want_sorted, want_dx, want_dw;
    for (int64_t i = 0; i < c.experts; ++i) {
      const int64_t first = offsets[static_cast<size_t>(i)], count = offsets[static_cast<size_t>(i) + 1] - first;
      const auto W = row_major(w, c.in, i * c.out), G = row_major(dy, c.out, first), S = row_major(sorted, c.in, first);
      const auto append = [](std::vector<float>& to, const std::vector<float>& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      append(want, product(
                       count, c.out, c.in, e,
                       [&](int64_t r, int64_t k) {
                         return x[static_cast<size_t>(rows[static_cast<size_t>(first + r)] * c.in + k)];
                       },
                       turned(W)));
      append(want_sorted, product(count, c.out, c.in, e, S, turned(W)));
      append(want_dx, product(count, c.in, c.out, e, G, W));
      append(want_dw, product(c.out, c.in, count, e, turned(G), S, slice(dw, i * c.out * c.in, c.out * c.in)));
    }
    on_every_isa(
        numerics, {"pack_b", gemm_of(c.rows, numerics), gemm_of(c.out, numerics)},
        [&](Context& context, const std::string& text) {
          std::vector<Weight> weights;
          std::vector<Tensor> grads;
          for (int64_t i = 0; i < c.experts; ++i) {
            const int64_t at = i * c.out * c.in, count = c.out * c.in;
            weights.push_back(make_weight(tensor_of(slice(w, at, count), {c.out, c.in}, context), e,
                                          Packs::forward_and_backward, context));
            grads.push_back(tensor_of(slice(dw, at, count), {c.out, c.in}, context));
          }
          std::vector<const Weight*> pointers;
          std::vector<Tensor*> grad_pointers;
          for (auto& weight : weights) pointers.push_back(&weight);
          for (auto& grad : grads) grad_pointers.push_back(&grad);
          const Groups groups{offsets, pointers};
          const Tensor tdy = tensor_of(dy, {slots, c.out}, context), ts = tensor_of(sorted, {slots, c.in}, context);
          expect_same(values_of(grouped_linear(tensor_of(x, {tokens, c.in}, context), rows.data(), groups, context)),
                      want, text);
          expect_same(values_of(grouped_linear(ts, nullptr, groups, context)), want_sorted, text + " sorted");
          expect_same(values_of(grouped_linear_dx(tdy, groups, context)), want_dx, text + " dx");
          grouped_linear_dw(tdy, ts, offsets, e, grad_pointers, context);
          std::vector<float> got;
          for (const auto& grad : grads) got.insert(got.end(), grad.f32(), grad.f32() + grad.elements());
          expect_same(got, want_dw, text + " dw");
        });
  }
}
std::vector<Case> grouped_cases() {
  std::vector<Case> all;
  for (const int64_t size : kernels::test::kSizes) {
    all.push_back({3, size, 7, 10});
    all.push_back({3, 4, size, 10});
    all.push_back({3, 4, 7, size});
    all.push_back({size, size < 1000 ? 4 : 1, 3, 2});
  }
  all.push_back({4, 60, 70, 50});  // enough work to be shared out
  return all;
}
INSTANTIATE_TEST_SUITE_P(Sizes, GroupedLinear, testing::ValuesIn(grouped_cases()));

}  // namespace
}  // namespace jamsu::ops

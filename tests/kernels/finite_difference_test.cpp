// The formulas of the backward kernels against central differences, on ref's templates in double: no rounding, so that
// the bound is the difference quotient's own error
// (step 1e-5: about 1e-10 from the third derivative, 1e-11 from f64 rounding).
#include <functional>

#include "kernels/kernel_test_support.h"
#include "kernels/ref/attention.h"
#include "kernels/ref/moe.h"

namespace jamsu::kernels {
namespace {

constexpr double kStep = 1e-5, kBound = 2e-8;
using Values = std::vector<double>;

Values values(int64_t count, uint64_t index) {
  RandomStream random(91, index, Purpose::test);
  Values x;
  for (int64_t i = 0; i < count; ++i) x.push_back(random.uniform() * 2 - 1);
  return x;
}

double inner(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// d loss / d x[i] for every i, against `gradient`.
void expect_gradient(Values& x, const Values& gradient, const std::function<double()>& loss, const std::string& what) {
  ASSERT_EQ(x.size(), gradient.size());
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double saved = x[i];
    x[i] = saved + kStep;
    const double above = loss();
    x[i] = saved - kStep;
    const double below = loss();
    x[i] = saved;
    EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), kBound) << what << "[" << i << "]";
    largest = std::max(largest, std::abs(gradient[i]));
  }
  EXPECT_GT(largest, 1e-3) << what << ": a gradient of zeros would prove nothing";
}

TEST(FiniteDifference, RmsNorm) {
  constexpr int64_t kRows = 70, kWidth = 19;  // rows: more than one chunk of 64
  constexpr double kEps = 1e-3;
  Values x = values(kRows * kWidth, 1), w = values(kWidth, 2);
  const Values dy = values(kRows * kWidth, 3);
  Values y(x.size()), scale(kRows), dx(x.size()), dw(kWidth);
  const auto loss = [&] {
    for (int64_t r = 0; r < kRows; ++r)
      scale[static_cast<size_t>(r)] = ref::rms_norm_row(&x[static_cast<size_t>(r * kWidth)], w.data(),
                                                        &y[static_cast<size_t>(r * kWidth)], kWidth, kEps);
    return inner(y, dy);
  };
  loss();
  for (int64_t r = 0; r < kRows; ++r) {
    const auto at = static_cast<size_t>(r * kWidth);
    ref::rms_norm_backward_row(&x[at], w.data(), &dy[at], scale[static_cast<size_t>(r)], &dx[at], kWidth);
  }
  for (int64_t j = 0; j < kWidth; ++j) {
    double scratch[2];
    dw[static_cast<size_t>(j)] = ref::norm_weight_grad_column(
        kRows, [&](int64_t i) { return dy[static_cast<size_t>(i * kWidth + j)]; },
        [&](int64_t i) { return x[static_cast<size_t>(i * kWidth + j)] * scale[static_cast<size_t>(i)]; }, scratch);
  }
  expect_gradient(w, dw, loss, "dw");
  expect_gradient(x, dx, loss, "dx");
}

TEST(FiniteDifference, Swiglu) {
  Values gate = values(40, 1), up = values(40, 2), dgate(40), dup(40);
  for (double& g : gate) g *= 4;
  const Values dh = values(40, 3);
  for (size_t i = 0; i < gate.size(); ++i) ref::swiglu_backward_value(gate[i], up[i], dh[i], dgate[i], dup[i]);
  const auto loss = [&] {
    double sum = 0;
    for (size_t i = 0; i < gate.size(); ++i) sum += ref::swiglu_value(gate[i], up[i]) * dh[i];
    return sum;
  };
  expect_gradient(gate, dgate, loss, "dgate");
  expect_gradient(up, dup, loss, "dup");
}

TEST(FiniteDifference, CrossEntropy) {
  constexpr int64_t kColumns = 37, kLabel = 5;
  constexpr double kSeed = 0.25;
  Values x = values(kColumns, 1), d(kColumns);
  for (double& v : x) v *= 5;
  ref::cross_entropy_row(x.data(), kColumns, kLabel, kSeed, d.data());
  expect_gradient(
      x, d, [&] { return kSeed * ref::cross_entropy_row<double>(x.data(), kColumns, kLabel, kSeed, nullptr); },
      "dlogits");
  double sum = 0;
  for (const double v : d) sum += v;
  EXPECT_NEAR(sum, 0, 1e-14) << "a softmax's gradient adds to 0";
}

// RoPE's backward is the rotation by the negated sine.
TEST(FiniteDifference, Rope) {
  Values x = values(2, 1);
  const Values dy = values(2, 2);
  const double c = math::cos(0.7), s = math::sin(0.7);
  Values dx = dy;
  ref::rope_pair(dx[0], dx[1], c, -s);
  expect_gradient(
      x, dx,
      [&] {
        Values y = x;
        ref::rope_pair(y[0], y[1], c, s);
        return inner(y, dy);
      },
      "dx");
}

// Rows over two blocks of 32, so that tiles beside the diagonal and short last blocks take part.
void expect_attention_gradients(int64_t window) {
  constexpr int64_t kRows = 37, kD = 5, kV = 3;
  Values q = values(kRows * kD, 1), k = values(kRows * kD, 2), v = values(kRows * kV, 3);
  for (double& x : q) x *= 2;
  const Values dout = values(kRows * kV, 4);
  Values out(dout.size()), lse(kRows), dq(q.size()), dk(k.size()), dv(v.size());
  const ref::AttentionShape<double> shape{kRows, 0, kD, kV, 0.6, Element::f32, window};
  // Slots of the last block that no row wrote are zero, as in a fresh block.
  const auto reader = [](const Values& x, int64_t width) {
    return [&x, width](int64_t row, int64_t i) { return row < kRows ? x[static_cast<size_t>(row * width + i)] : 0.0; };
  };
  const auto writer = [](Values& x, int64_t width) {
    return [&x, width](int64_t row, int64_t i) -> double& { return x[static_cast<size_t>(row * width + i)]; };
  };
  const auto loss = [&] {
    for (int64_t r = 0; r < kRows; ++r)
      ref::attention_row(shape, reader(q, kD), reader(k, kD), reader(v, kV), r, &out[static_cast<size_t>(r * kV)],
                         lse[static_cast<size_t>(r)]);
    return inner(out, dout);
  };
  loss();
  const Values out_here = out, lse_here = lse;
  ref::attention_backward(
      shape, reader(q, kD), reader(k, kD), reader(v, kV), reader(out_here, kV),
      [&](int64_t row) { return lse_here[static_cast<size_t>(row)]; }, reader(dout, kV), writer(dq, kD), writer(dk, kD),
      writer(dv, kV));
  expect_gradient(q, dq, loss, "dq");
  expect_gradient(k, dk, loss, "dk");
  expect_gradient(v, dv, loss, "dv");
}
TEST(FiniteDifference, Attention) {
  expect_attention_gradients(kNoWindow);
}
TEST(FiniteDifference, AttentionInAWindow) {
  for (const int64_t window : {2, 3, 32, 34}) expect_attention_gradients(window);
}

// y = x w^T + bias: dX, dW and dbias are the dots of docs/numerics.md section 3. Widths beyond a block of 32.
TEST(FiniteDifference, Linear) {
  constexpr int64_t kRows = 34, kIn = 35, kOut = 3;
  Values x = values(kRows * kIn, 1), w = values(kOut * kIn, 2), bias = values(kOut, 3);
  const Values dy = values(kRows * kOut, 4);
  Values dx(x.size()), dw(w.size()), dbias(bias.size());
  const auto at = [](const Values& v, int64_t row, int64_t width, int64_t column) {
    return v[static_cast<size_t>(row * width + column)];
  };
  const auto loss = [&] {
    Values y(dy.size());
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < kOut; ++j)
        y[static_cast<size_t>(i * kOut + j)] =
            bias[static_cast<size_t>(j)] +
            ref::dot<double>(
                kIn, [&](int64_t k) { return at(x, i, kIn, k); }, [&](int64_t k) { return at(w, j, kIn, k); }, 0.0);
    return inner(y, dy);
  };
  for (int64_t i = 0; i < kRows; ++i)
    for (int64_t k = 0; k < kIn; ++k)
      dx[static_cast<size_t>(i * kIn + k)] = ref::dot<double>(
          kOut, [&](int64_t j) { return at(dy, i, kOut, j); }, [&](int64_t j) { return at(w, j, kIn, k); }, 0.0);
  for (int64_t j = 0; j < kOut; ++j) {
    for (int64_t k = 0; k < kIn; ++k)
      dw[static_cast<size_t>(j * kIn + k)] = ref::dot<double>(
          kRows, [&](int64_t i) { return at(dy, i, kOut, j); }, [&](int64_t i) { return at(x, i, kIn, k); }, 0.0);
    dbias[static_cast<size_t>(j)] = ref::long_sum<double>(kRows, [&](int64_t i) { return at(dy, i, kOut, j); });
  }
  expect_gradient(x, dx, loss, "dx");
  expect_gradient(w, dw, loss, "dw");
  expect_gradient(bias, dbias, loss, "dbias");
}

// Repeated ids: their gradients add.
TEST(FiniteDifference, Embedding) {
  constexpr int64_t kWidth = 3;
  const std::vector<int64_t> ids = {1, 0, 1, 2, 1};
  Values table = values(3 * kWidth, 1), dtable(table.size());
  const Values dy = values(static_cast<int64_t>(ids.size()) * kWidth, 2);
  ref::embedding_backward(ids, dy.data(), kWidth, dtable.data());
  expect_gradient(
      table, dtable,
      [&] {
        Values y(dy.size());
        ref::embedding(ids, table.data(), kWidth, y.data());
        return inner(y, dy);
      },
      "dtable");
}

// The gate's weights, and the balance loss, whose f is a count and has no gradient.
TEST(FiniteDifference, RouterAndBalance) {
  constexpr int64_t kTokens = 5, kExperts = 12, kTopK = 3;
  constexpr double kSeed = 0.7;
  for (const bool softmax : {false, true})
    for (const bool normalize : {false, true}) {
      const ref::RouterShape<double> shape{kExperts, kTopK, 4, 2, softmax, softmax, normalize, 2.5};
      Values logits = values(kTokens * kExperts, 1), dlogits;
      for (double& x : logits) x *= 3;
      const Values dweights = values(kTokens * kTopK, 2), bias = values(kExperts, 3);
      std::vector<std::vector<int64_t>> chosen;
      std::vector<int64_t> counts(kExperts);
      const auto scores_of = [&] {
        std::vector<Values> scores;
        for (int64_t n = 0; n < kTokens; ++n) scores.push_back(ref::router_scores(shape, logits.data() + n * kExperts));
        return scores;
      };
      const std::vector<Values> here = scores_of();
      for (const Values& scores : here) {
        chosen.push_back(ref::router_choice(shape, scores, bias.data()));
        for (const int64_t e : chosen.back()) ++counts[static_cast<size_t>(e)];
      }
      const Values fractions = ref::balance_row(shape, here, counts).fractions;
      for (size_t n = 0; n < kTokens; ++n) {
        auto ds = ref::router_weights_backward(shape, here[n], chosen[n], dweights.data() + n * kTopK);
        ref::balance_backward(here[n], fractions, kSeed, kTokens, ds);
        for (const double d : ref::router_scores_backward(shape, here[n], ds)) dlogits.push_back(d);
      }
      const auto loss = [&] {
        const std::vector<Values> scores = scores_of();
        double sum = kSeed * ref::balance_row(shape, scores, counts).loss;
        for (size_t n = 0; n < kTokens; ++n) {
          EXPECT_EQ(ref::router_choice(shape, scores[n], bias.data()), chosen[n]) << "the step changes the choice";
          const Values weights = ref::router_weights(shape, scores[n], chosen[n]);
          for (size_t k = 0; k < kTopK; ++k) sum += weights[k] * dweights[n * kTopK + k];
        }
        return sum;
      };
      expect_gradient(logits, dlogits, loss,
                      std::string(softmax ? "softmax" : "sigmoid") + (normalize ? " normalised" : ""));
    }
}

TEST(FiniteDifference, Combine) {
  constexpr int64_t kWidth = 19, kChosen = 3;
  Values outs = values(kChosen * kWidth, 1), weights = values(kChosen, 2), shared = values(kWidth, 3);
  const Values dy = values(kWidth, 4);
  Values douts(outs.size()), dweights;
  for (int64_t k = 0; k < kChosen; ++k)
    dweights.push_back(ref::combine_backward(outs.data() + k * kWidth, weights[static_cast<size_t>(k)], dy.data(),
                                             kWidth, douts.data() + k * kWidth));
  const auto loss = [&] {
    Values y = shared;
    ref::combine_row<double>({outs.data(), outs.data() + kWidth, outs.data() + 2 * kWidth}, weights.data(), kWidth,
                             y.data());
    return inner(y, dy);
  };
  expect_gradient(outs, douts, loss, "dout");
  expect_gradient(weights, dweights, loss, "dweights");
  expect_gradient(shared, dy, loss, "dshared");
}

// Two chunks of 1,024 keys: the merge is the same function as one softmax over all keys.
TEST(FiniteDifference, ChunksMergeToOneSoftmax) {
  constexpr int64_t kKeys = 1100, kD = 2, kV = 2;
  const Values q = values(kD, 1), k = values(kKeys * kD, 2), v = values(kKeys * kV, 3);
  const ref::AttentionShape<double> shape{1, kKeys - 1, kD, kV, 3.0, Element::f32};
  Values out(kV);
  double lse = 0;
  ref::attention_row(
      shape, [&](int64_t, int64_t i) { return q[static_cast<size_t>(i)]; },
      [&](int64_t j, int64_t i) { return j < kKeys ? k[static_cast<size_t>(j * kD + i)] : 0.0; },
      [&](int64_t j, int64_t i) { return j < kKeys ? v[static_cast<size_t>(j * kV + i)] : 0.0; }, 0, out.data(), lse);
  double total = 0, weighted[kV] = {};
  for (int64_t j = 0; j < kKeys; ++j) {
    const auto at = static_cast<size_t>(j * kD);
    const double e = math::exp(3.0 * (q[0] * k[at] + q[1] * k[at + 1]));
    total += e;
    for (size_t i = 0; i < kV; ++i) weighted[i] += e * v[static_cast<size_t>(j) * kV + i];
  }
  EXPECT_NEAR(lse, math::log(total), 1e-12);
  for (size_t i = 0; i < kV; ++i) EXPECT_NEAR(out[i], weighted[i] / total, 1e-12);
}

}  // namespace
}  // namespace jamsu::kernels

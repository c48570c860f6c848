// golden/training/ops: log-probabilities of labels and the functions over whole rows of logits.
#include <cmath>

#include "autograd/functions.h"
#include "parity/golden_ops.h"

namespace jamsu {
namespace {

using golden::Ops;

// logp of the label at a temperature, and the entropy of the row, both over one scaled row of logits.
TEST_F(Ops, token_logp) {
  load("token_logp");
  for (const auto& [key, info] : variants()) {
    const std::string v(key);
    Tensor dx;
    const auto temperature = info.as_object().at("temperature").to_number<double>();
    const auto x = autograd::scale(leaf(in(v + ".in.logits"), dx), static_cast<float>(1 / temperature), context_);
    const Tensor& ids = data_.at(v + ".in.ids");
    const auto logp = autograd::token_logp(x, {ids.i32(), ids.i32() + ids.elements()}, 1, context_);
    check(v, "out.logp", logp.tensor);
    const auto all = autograd::log_softmax(x, context_);
    const int64_t rows = all.tensor.dim(0), n = all.tensor.dim(1);
    std::vector<double> sums(static_cast<size_t>(rows));
    Tensor entropy = c().empty({rows}), by_entropy = c().empty({rows, n});
    for (int64_t i = 0; i < rows * n; ++i) {
      const float l = all.tensor.f32()[i], p = std::exp(l);
      sums[static_cast<size_t>(i / n)] -= static_cast<double>(p) * static_cast<double>(l);
      by_entropy.f32()[i] = -data_.at(v + ".gout.entropy").f32()[i / n] * p * (l + 1);  // d/dl of -exp(l) l
    }
    for (int64_t r = 0; r < rows; ++r) entropy.f32()[r] = static_cast<float>(sums[static_cast<size_t>(r)]);
    check(v, "out.entropy", entropy);
    tape_.record_root([&](autograd::Gradients& g) {
      g.add_shared(logp, data_.at(v + ".gout.logp").reshape({rows, 1}));
      g.add_shared(all, by_entropy);
    });
    tape_.backward(store_, c());
    check(v, "grad.logits", dx);
  }
}

// logsumexp = x[label] - logp[label], whatever the label; what a mask leaves out is far below everything.
TEST_F(Ops, logsumexp) {
  load("logsumexp");
  for (const auto& [key, unused] : variants()) {
    const std::string v(key);
    Tensor dx, x = in(v + ".in.x");
    const int64_t rows = x.dim(0), n = x.dim(1);
    std::vector<int32_t> labels(static_cast<size_t>(rows), 0);
    for (int64_t i = rows * n - 1; i >= 0; --i) {
      const bool kept = !has(v + ".in.keep") || reinterpret_cast<const uint8_t*>(data_.at(v + ".in.keep").raw())[i];
      if (kept)
        labels[static_cast<size_t>(i / n)] = static_cast<int32_t>(i % n);
      else
        x.f32()[i] = -1e30f;
    }
    const auto value = leaf(x, dx);
    const auto logp = autograd::token_logp(value, labels, 1, context_);
    Tensor y = c().empty({rows}), dlogp = c().empty({rows, 1});
    for (int64_t r = 0; r < rows; ++r) {
      y.f32()[r] = x.f32()[r * n + labels[static_cast<size_t>(r)]] - logp.tensor.f32()[r];
      dlogp.f32()[r] = -data_.at(v + ".gout.y").f32()[r];
    }
    check(v, "y", y);
    backward(logp, dlogp);
    for (int64_t r = 0; r < rows; ++r) dx.f32()[r * n + labels[static_cast<size_t>(r)]] -= dlogp.f32()[r];
    check(v, "grad.x", dx);
  }
}

}  // namespace
}  // namespace jamsu

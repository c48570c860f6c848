#pragma once
// A linear layer as the layers of a model hold it: y = x W^T (+ b). What it multiplies with is its own business;
// whoever holds one asks for the product.   N rows.
#include "autograd/functions.h"
#include "models/parameters.h"

namespace jamsu::models {

class Linear {
 public:
  // "SCOPE.weight" [out, in] and, with `bias`, "SCOPE.bias" [out].
  Linear(const NameScope& scope, int64_t out, int64_t in, bool bias = false)
      : weight_(&scope.matrix(out, in)), bias_(bias ? &scope.bias(out) : nullptr) {}
  // Of a matrix that is there: a router, a tied head.
  explicit Linear(const autograd::Parameter& weight) : weight_(&weight) {}

  // x [N, in] -> [N, out].
  autograd::Value forward(const autograd::Value& x, autograd::Context& c) const {
    return autograd::linear(x, *weight_, bias_, c);
  }
  // For autograd::linears, where several take the same rows.
  autograd::LinearTerm term() const { return {weight_, bias_}; }
  const autograd::Parameter& weight() const { return *weight_; }

 private:
  const autograd::Parameter* weight_;
  const autograd::Parameter* bias_ = nullptr;
};

}  // namespace jamsu::models

#pragma once
// The product that `jamsu bench gemm` and gemm_bench (with its peer) measure.
#include "bench/bench.h"
#include "ops/linear.h"

namespace jamsu::bench {

class Product {
 public:
  // The context outlives it.
  Product(const GemmShape& shape, ops::Context& context);
  void run() const { ops::linear(x_, weight_, nullptr, context_); }
  double flops() const {
    return 2.0 * static_cast<double>(shape_.m) * static_cast<double>(shape_.k) * static_cast<double>(shape_.n);
  }

 private:
  GemmShape shape_;
  ops::Context& context_;
  Tensor x_;
  ops::Weight weight_;
};

// The same with the weight as it lies in a file: as many of them in turn as are too many for the caches.
class StoredProducts {
 public:
  StoredProducts(const GemmShape& shape, bool fp8, ops::Context& context);
  void run();

 private:
  ops::Context& context_;
  Tensor x_;
  std::vector<ops::Weight> weights_;
  size_t next_ = 0;
};

}  // namespace jamsu::bench

#include "bench/gemm.h"

#include "bench/measure.h"

namespace jamsu::bench {

Product::Product(const GemmShape& shape, ops::Context& context) : shape_(shape), context_(context) {
  x_ = context.empty({shape.m, shape.k});
  Tensor w = context.empty({shape.n, shape.k});
  for (int64_t i = 0; i < x_.elements(); ++i) x_.f32()[i] = static_cast<float>(i % 13) - 6.0f;
  for (int64_t i = 0; i < w.elements(); ++i) w.f32()[i] = static_cast<float>(i % 7) - 3.0f;
  weight_ = ops::make_weight(w, kernels::Element::bf16, ops::Packs::forward, context);
}

void gemm(const Setup& setup, const GemmShape& shape, const OnLine& on_line) {
  ops::Runtime runtime(setup.threads, setup.isa, ops::Numerics::bf16);
  const Product product(shape, runtime.context());
  on_line(against_peak(
      "bf16 " + std::to_string(shape.m) + " x " + std::to_string(shape.k) + " x " + std::to_string(shape.n),
      product.flops(), [&] { product.run(); }, setup.isa, runtime.context().pool, setup.rounds));
}

}  // namespace jamsu::bench

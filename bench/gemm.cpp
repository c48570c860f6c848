#include "bench/gemm.h"

#include <algorithm>
#include <cstring>

#include "bench/measure.h"
#include "machine/cpu.h"

namespace jamsu::bench {

Product::Product(const GemmShape& shape, ops::Context& context) : shape_(shape), context_(context) {
  x_ = context.empty({shape.m, shape.k});
  Tensor w = context.empty({shape.n, shape.k});
  for (int64_t i = 0; i < x_.elements(); ++i) x_.f32()[i] = static_cast<float>(i % 13) - 6.0f;
  for (int64_t i = 0; i < w.elements(); ++i) w.f32()[i] = static_cast<float>(i % 7) - 3.0f;
  weight_ = ops::make_weight(w, kernels::Element::bf16, ops::Packs::forward, context);
}

StoredProducts::StoredProducts(const GemmShape& shape, bool fp8, ops::Context& context) : context_(context) {
  x_ = context.empty({shape.m, shape.k});
  for (int64_t i = 0; i < x_.elements(); ++i) x_.f32()[i] = static_cast<float>(i % 13) - 6.0f;
  const DType dtype = fp8 ? DType::f8_e4m3 : DType::bf16;
  const int64_t bytes = shape.n * shape.k * dtype_bytes(dtype);
  const int64_t enough = std::clamp(2 * machine::this_cpu().l3_bytes, int64_t{64} << 20, int64_t{1} << 30);
  const int64_t together = std::max<int64_t>(1, enough / bytes);
  for (int64_t i = 0; i < together; ++i) {
    Tensor w = context.empty({shape.n, shape.k}, dtype);
    // 0x38 is 1 in e4m3; 0x3838 in bf16 4.4e-5.
    std::memset(w.raw(), 0x38, static_cast<size_t>(bytes));
    if (fp8) {
      Tensor scales = context.empty({(shape.n + 127) / 128, (shape.k + 127) / 128});
      std::fill_n(scales.f32(), scales.elements(), 0.5f);
      weights_.push_back(ops::make_fp8_weight(w, scales, context));
    } else {
      weights_.push_back(ops::make_stored_weight(w));
    }
  }
}

void StoredProducts::run() {
  ops::linear(x_, weights_[next_], nullptr, context_);
  next_ = (next_ + 1) % weights_.size();
}

void gemm(const Setup& setup, const GemmShape& shape, const OnLine& on_line) {
  ops::Runtime runtime(setup.threads, setup.isa, ops::Numerics::bf16);
  const Product product(shape, runtime.context());
  const std::string text = std::to_string(shape.m) + " x " + std::to_string(shape.k) + " x " + std::to_string(shape.n);
  const auto measure = [&](const std::string& name, const std::function<void()>& once) {
    on_line(against_peak(name + " " + text, product.flops(), once, setup.isa, runtime.context().pool, setup.rounds));
  };
  measure("bf16", [&] { product.run(); });
  for (const bool fp8 : {false, true}) {
    StoredProducts stored(shape, fp8, runtime.context());
    measure(fp8 ? "FP8 as it lies" : "bf16 as it lies", [&] { stored.run(); });
  }
}

}  // namespace jamsu::bench

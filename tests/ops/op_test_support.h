#pragma once
// What the op tests share: every ISA on one and on three threads, with the kernels that ran by name; random tensors.
#include <functional>

#include "kernels/kernel_test_support.h"
#include "ops/context.h"

namespace jamsu::ops::test {

using kernels::Isa;
using kernels::test::expect_same;

// Calls body(context, text) on each ISA and thread count, and expects exactly the kernels of `operations` ("rms_norm")
// to have run, which may differ by ISA.
using OperationsOf = std::function<std::vector<std::string>(Isa)>;
inline void on_every_isa_by(Numerics numerics, const OperationsOf& operations,
                            const std::function<void(Context&, const std::string&)>& body) {
  for (const Isa isa : kernels::test::test_isas())
    for (const int threads : {1, 3}) {
      Runtime runtime(threads, kernels::test::noting_kernels(isa), numerics);
      kernels::test::kernels_that_ran();  // forget earlier ones
      const FlushScope flush;
      const std::string text = std::string(kernels::isa_name(isa)) + " threads " + std::to_string(threads) +
                               (numerics == Numerics::bf16 ? " bf16" : " f32");
      body(runtime.context(), text);
      std::set<std::string> expected;
      for (const auto& operation : operations(isa)) expected.insert(kernels::test::kernel_name(isa, operation));
      EXPECT_EQ(kernels::test::kernels_that_ran(), expected) << text;
    }
}

inline void on_every_isa(Numerics numerics, const std::vector<std::string>& operations,
                         const std::function<void(Context&, const std::string&)>& body) {
  on_every_isa_by(
      numerics, [&](Isa) { return operations; }, body);
}

inline Tensor tensor_of(const std::vector<float>& values, Shape shape, Context& c) {
  Tensor t = c.empty(shape);
  JAMSU_CHECK(t.elements() == static_cast<int64_t>(values.size()));
  std::copy(values.begin(), values.end(), t.f32());
  return t;
}
inline Tensor ids_of(const std::vector<int32_t>& values, Shape shape, Context& c) {
  Tensor t = c.empty(shape, DType::i32);
  JAMSU_CHECK(t.elements() == static_cast<int64_t>(values.size()));
  std::copy(values.begin(), values.end(), t.i32());
  return t;
}
inline std::vector<float> values_of(const Tensor& t) {
  return {t.f32(), t.f32() + t.elements()};
}
inline std::vector<int32_t> ids_of(const Tensor& t) {
  return {t.i32(), t.i32() + t.elements()};
}

}  // namespace jamsu::ops::test

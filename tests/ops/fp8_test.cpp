// FP8 weights: e4m3 by its definition, and products with them against the dot of kernels/ref, bit for bit
// (docs/numerics.md section 6).
#include "ops/fp8.h"

#include <cmath>

#include "base/rng.h"
#include "kernels/ref/dot.h"
#include "ops/linear.h"
#include "ops/op_test_support.h"

namespace jamsu::ops {
namespace {

using test::expect_same;
using test::on_every_isa;
using test::tensor_of;
using test::values_of;
namespace ref = kernels::ref;

TEST(Fp8, E4m3ByItsDefinition) {
  for (int q = 0; q < 256; ++q) {
    const int exponent = q >> 3 & 15, mantissa = q & 7;
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
    const float got = e4m3_to_f32(static_cast<uint8_t>(q));
    if ((q & 127) == 127) {
      EXPECT_TRUE(std::isnan(got)) << q;
    } else {
      EXPECT_EQ(static_cast<double>(got), q & 128 ? -magnitude : magnitude) << q;
      EXPECT_EQ(std::signbit(got), q >= 128) << q;
    }
    EXPECT_EQ(kE4m3ToBf16[static_cast<size_t>(q)], e4m3_to_bf16(static_cast<uint8_t>(q)));
  }
  EXPECT_EQ(e4m3_to_f32(0x7E), 448.0f);
}

struct Case {
  int64_t rows, out, in;
};

TEST(Fp8, ProductsEqualTheDefinition) {
  const FlushScope flush;
  for (const Case& c : {Case{1, 16, 128}, Case{2, 130, 33}, Case{3, 300, 260}, Case{17, 128, 384}, Case{100, 150, 129},
                        Case{5, 1, 1}}) {
    RandomStream random(1, static_cast<uint64_t>(c.in), Purpose::mutation);
    const int64_t across = (c.in + 127) / 128, down = (c.out + 127) / 128;
    std::vector<uint8_t> q(static_cast<size_t>(c.out * c.in));
    for (uint8_t& value : q) do
        value = static_cast<uint8_t>(random.below(256));
      while ((value & 127) == 127);
    std::vector<float> scales(static_cast<size_t>(across * down));
    for (float& s : scales) s = static_cast<float>(random.between(1, 1000)) * 1e-5f;
    const auto x = kernels::test::random_values(c.rows * c.in, 2), bias = kernels::test::random_values(c.out, 3);
    const auto byte = [&](int64_t j, int64_t k) { return q[static_cast<size_t>(j * c.in + k)]; };
    const auto scale = [&](int64_t j, int64_t block) { return scales[static_cast<size_t>(j / 128 * across + block)]; };
    std::vector<float> want, want_f32;
    for (int64_t i = 0; i < c.rows; ++i)
      for (int64_t j = 0; j < c.out; ++j) {
        const auto at = [&](int64_t k) { return x[static_cast<size_t>(i * c.in + k)]; };
        float sum = 0;
        for (int64_t block = 0; block < across; ++block) {
          const int64_t first = block * 128;
          const float partial = ref::dot<float>(
              std::min<int64_t>(128, c.in - first),
              [&](int64_t k) { return ref::rounded(at(first + k), kernels::Element::bf16); },
              [&](int64_t k) { return e4m3_to_f32(byte(j, first + k)); }, 0.0f);
          sum = std::fma(scale(j, block), partial, sum);
        }
        want.push_back(sum);
        want_f32.push_back(ref::dot<float>(
            c.in, at, [&](int64_t k) { return e4m3_to_f32(byte(j, k)) * scale(j, k / 128); }, 0.0f));
      }
    for (const Numerics numerics : {Numerics::bf16, Numerics::f32}) {
      const bool bf16 = numerics == Numerics::bf16;
      // 100 rows are shared out in pieces of 96 and 4.
      const std::string gemm = c.rows <= 2 ? "gemm_few_rows" : bf16 ? "gemm_bf16" : "gemm_f32";
      on_every_isa(numerics, {"pack_b", gemm}, [&](Context& context, const std::string& text) {
        Tensor values = context.empty({c.out, c.in}, DType::f8_e4m3);
        std::copy(q.begin(), q.end(), reinterpret_cast<uint8_t*>(values.raw()));
        const Weight w = make_fp8_weight(values, tensor_of(scales, {down, across}, context), context);
        const Tensor tx = tensor_of(x, {c.rows, c.in}, context);
        const std::vector<float>& plain = bf16 ? want : want_f32;
        expect_same(values_of(linear(tx, w, nullptr, context)), plain, text);
        std::vector<float> biased = plain;
        for (size_t i = 0; i < biased.size(); ++i) biased[i] += bias[i % bias.size()];
        expect_same(values_of(linear(tx, w, bias.data(), context)), biased, text + " bias");
        // As two experts with the rows turned round, one of them without rows.
        std::vector<int32_t> order;
        for (int64_t i = c.rows - 1; i >= 0; --i) order.push_back(static_cast<int32_t>(i));
        const std::vector<int64_t> offsets = {0, 0, c.rows};
        const std::vector<const Weight*> weights = {&w, &w};
        const auto grouped = values_of(grouped_linear(tx, order.data(), {offsets, weights}, context));
        for (int64_t i = 0; i < c.rows; ++i)
          expect_same({grouped.begin() + (c.rows - 1 - i) * c.out, grouped.begin() + (c.rows - i) * c.out},
                      {plain.begin() + i * c.out, plain.begin() + (i + 1) * c.out}, text + " grouped");
      });
    }
  }
}

}  // namespace
}  // namespace jamsu::ops

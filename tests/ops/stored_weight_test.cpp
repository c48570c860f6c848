// Weights used where they lie: e4m3 by its definition, and products with FP8 and bf16 rows against the dot of
// kernels/ref, bit for bit (docs/numerics.md sections 2 and 6).
#include <cmath>
#include <limits>

#include "base/e4m3.h"
#include "base/rng.h"
#include "kernels/ref/dot.h"
#include "ops/linear.h"
#include "ops/op_test_support.h"
#include "ops/rows.h"
#include "tensor/f16.h"

namespace jamsu::ops {
namespace {

using test::expect_same;
using test::on_every_isa_by;
using test::tensor_of;
using test::values_of;
namespace ref = kernels::ref;

TEST(StoredWeight, E4m3ByItsDefinition) {
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

TEST(F16, EveryValue) {
  const FlushScope flush;  // as in the threads that read files: no subnormals of f32 on the way
  for (uint32_t h = 0; h < 65536; ++h) {
    const uint32_t exponent = h >> 10 & 31, fraction = h & 1023;
    const float got = f16_to_f32(static_cast<uint16_t>(h));
    if (exponent == 31 && fraction != 0) {
      EXPECT_TRUE(std::isnan(got)) << h;
    } else {
      const double magnitude = exponent == 31  ? std::numeric_limits<double>::infinity()
                               : exponent == 0 ? std::ldexp(fraction, -24)
                                               : std::ldexp(1024 + fraction, static_cast<int>(exponent) - 25);
      EXPECT_EQ(got, static_cast<float>(magnitude * (h >> 15 ? -1 : 1))) << h;
    }
    EXPECT_EQ(std::signbit(got), h >> 15 != 0) << h;
  }
}

struct Case {
  int64_t rows, out, in;
};

std::vector<std::string> kernels_of(kernels::Isa isa, int64_t rows, Numerics numerics) {
  if (numerics == Numerics::f32) return {"pack_b", rows <= 2 ? "gemm_few_rows" : "gemm_f32"};
  if (rows <= 4 || isa == kernels::Isa::amx) return {"gemm_stored"};
  return {"pack_b", "gemm_bf16", "add_scaled"};
}

TEST(StoredWeight, ProductsWithBf16RowsEqualTheDefinition) {
  const FlushScope flush;
  for (const Case& c : {Case{1, 16, 128}, Case{2, 130, 33}, Case{3, 300, 700}, Case{17, 128, 1100}, Case{100, 150, 129},
                        Case{400, 40, 64}, Case{1100, 70, 300}, Case{5, 1, 1}}) {
    const auto x = kernels::test::random_values(c.rows * c.in, 2), bias = kernels::test::random_values(c.out, 3),
               values = kernels::test::random_values(c.out * c.in, 4);
    std::vector<float> want;
    for (int64_t i = 0; i < c.rows; ++i)
      for (int64_t j = 0; j < c.out; ++j)
        want.push_back(bias[static_cast<size_t>(j)] +
                       ref::dot<float>(
                           c.in, [&](int64_t k) { return round_to_bf16(x[static_cast<size_t>(i * c.in + k)]); },
                           [&](int64_t k) { return round_to_bf16(values[static_cast<size_t>(j * c.in + k)]); }, 0.0f));
    const auto ran = [&](kernels::Isa isa) {
      std::vector<std::string> operations = kernels_of(isa, c.rows, Numerics::bf16);
      if (operations.back() == "add_scaled") operations.pop_back();
      return operations;
    };
    on_every_isa_by(Numerics::bf16, ran, [&](Context& context, const std::string& text) {
      Tensor rows = context.empty({c.out, c.in}, DType::bf16);
      for (int64_t i = 0; i < rows.elements(); ++i) rows.bf16()[i] = f32_to_bf16(values[static_cast<size_t>(i)]);
      const Weight w = make_stored_weight(rows);
      expect_same(values_of(linear(tensor_of(x, {c.rows, c.in}, context), w, bias.data(), context)), want, text);
      const std::vector<float> back = values_of(weight_rows(w, 0, c.out, context));
      for (size_t i = 0; i < back.size(); ++i) ASSERT_EQ(back[i], round_to_bf16(values[i]));
    });
  }
}

// Gate, up and down in one equal the three products and swiglu, however many rows are taken at once.
TEST(StoredWeight, GatedMlpEqualsItsParts) {
  constexpr int64_t kHidden = 160, kWidth = 300;
  const FlushScope flush;
  for (const int64_t rows : {3, 128, 129, 520, 1100}) {
    const auto x = kernels::test::random_values(rows * kHidden, 2);
    const auto ran = [&](kernels::Isa isa) {
      std::vector<std::string> operations = kernels_of(isa, rows, Numerics::bf16);
      if (operations.back() == "add_scaled") operations.pop_back();
      operations.emplace_back("swiglu");
      if (isa == kernels::Isa::amx && rows > 128) operations.emplace_back("gemm_gated");
      return operations;
    };
    on_every_isa_by(Numerics::bf16, ran, [&](Context& context, const std::string& text) {
      std::vector<Weight> weights;
      for (const Shape& shape : {Shape{kWidth, kHidden}, Shape{kWidth, kHidden}, Shape{kHidden, kWidth}}) {
        Tensor values = context.empty(shape, DType::bf16);
        const auto random = kernels::test::random_values(shape.elements(), 20 + weights.size(), 0.3f);
        for (int64_t i = 0; i < values.elements(); ++i) values.bf16()[i] = f32_to_bf16(random[static_cast<size_t>(i)]);
        weights.push_back(make_stored_weight(values));
      }
      const Tensor tx = tensor_of(x, {rows, kHidden}, context);
      const Tensor gate = linear(tx, weights[0], nullptr, context), up = linear(tx, weights[1], nullptr, context);
      const Tensor want = linear(swiglu(gate, up, context), weights[2], nullptr, context);
      expect_same(values_of(gated_mlp(tx, weights[0], weights[1], weights[2], context)), values_of(want), text);
    });
  }
}

TEST(StoredWeight, ProductsWithFp8EqualTheDefinition) {
  const FlushScope flush;
  for (const Case& c : {Case{1, 16, 128}, Case{2, 130, 33}, Case{3, 300, 260}, Case{17, 128, 384}, Case{100, 150, 129},
                        Case{800, 40, 130}, Case{5, 1, 1}}) {
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
      const auto ran = [&](kernels::Isa isa) { return kernels_of(isa, c.rows, numerics); };
      on_every_isa_by(numerics, ran, [&](Context& context, const std::string& text) {
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

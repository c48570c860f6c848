// Weights used where they lie: e4m3 by its definition, and products with FP8 and bf16 rows against the dot of
// kernels/ref, bit for bit (docs/numerics.md sections 2 and 6).
#include <cmath>
#include <limits>

#include "base/e4m3.h"
#include "base/rng.h"
#include "kernels/ref/dot.h"
#include "kernels/ref/stored.h"
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

// The table of formats and the kernels that read them belong together.
TEST(StoredWeight, FormatsUsedAsTheyLieHaveKernels) {
  for (const Format* format : all_formats()) {
    EXPECT_TRUE(!format->used_as_it_lies || kernel_source(*format)) << format->name;
    if (format->scales == Scales::beside) {
      EXPECT_EQ(format->scale_block, kernels::kScaleBlock) << format->name;
    }
  }
  EXPECT_EQ(kernels::Bf16Rows::kSource, *kernel_source(kBf16Format));
  EXPECT_EQ(kernels::E4m3Rows::kSource, *kernel_source(kE4m3Format));
}

struct Case {
  int64_t rows, out, in;
};

// Any finite bits, and scales where the format has them beside.
Weight random_weight(const Format& format, int64_t out, int64_t in, uint64_t seed, Context& context) {
  if (&format == &kBf16Format) {
    Tensor values = context.empty({out, in}, DType::bf16);
    const auto random = kernels::test::random_values(values.elements(), 20 + seed, 0.3f);
    for (int64_t i = 0; i < values.elements(); ++i) values.bf16()[i] = f32_to_bf16(random[static_cast<size_t>(i)]);
    return make_stored_weight(values);
  }
  Tensor values = context.empty({out, in}, DType::f8_e4m3), scales = context.empty(format.scale_shape(out, in));
  RandomStream random(seed, static_cast<uint64_t>(in), Purpose::mutation);
  for (int64_t i = 0; i < values.elements(); ++i) {
    const auto q = static_cast<uint8_t>(random.below(256));
    reinterpret_cast<uint8_t*>(values.raw())[i] = (q & 127) == 127 ? uint8_t{0x39} : q;
  }
  for (int64_t i = 0; i < scales.elements(); ++i) scales.f32()[i] = static_cast<float>(random.between(1, 1000)) * 1e-5f;
  return make_stored_weight(format, out, in, values, scales);
}

std::vector<std::string> kernels_of(kernels::Isa isa, int64_t rows, const Format& format) {
  if (rows <= 4 || isa == kernels::Isa::amx) return {&format == &kBf16Format ? "gemm_stored_bf16" : "gemm_stored_e4m3"};
  std::vector<std::string> names{"pack_b", "gemm_bf16"};
  if (format.scales == Scales::beside) names.emplace_back("add_scaled");
  return names;
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
    const auto ran = [&](kernels::Isa isa) { return kernels_of(isa, c.rows, kBf16Format); };
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
      std::vector<std::string> operations = kernels_of(isa, rows, kBf16Format);
      operations.emplace_back("swiglu");
      if (isa == kernels::Isa::amx && rows > 128) operations.emplace_back("gemm_gated_bf16");
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
      const auto ran = [&](kernels::Isa isa) {
        if (!bf16) return std::vector<std::string>{"pack_b", c.rows <= 2 ? "gemm_few_rows" : "gemm_f32"};
        return kernels_of(isa, c.rows, kE4m3Format);
      };
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

// A format of 4.5 bits that no kernel reads yet: rows lie as far apart as its blocks say, and are read back by it.
TEST(StoredWeight, RowsOfBlocksLieWhereTheirFormatSays) {
  static constexpr Format kMadeUp{
      .name = "MADE_UP",
      .block_elements = 32,
      .block_bytes = 18,
      .scales = Scales::inside,
      .used_as_it_lies = true,
      .decode = [](const std::byte* blocks, int64_t count, float scale, float* values) {
        for (int64_t i = 0; i < count * 32; ++i)
          values[i] = scale * static_cast<float>(std::to_integer<int>(blocks[i / 32 * 18]) * 32 + i % 32);
      }};
  Runtime runtime(2, kernels::Isa::ref, Numerics::bf16);
  Context& context = runtime.context();
  constexpr int64_t kOut = 21, kIn = 96;
  Tensor rows = context.zeros({kOut, kMadeUp.row_bytes(kIn)}, DType::u8);
  for (int64_t block = 0; block < kOut * kIn / 32; ++block) rows.raw()[block * 18] = static_cast<std::byte>(block);
  const Weight w = make_stored_weight(kMadeUp, kOut, kIn, rows);
  EXPECT_EQ(w.row(2) - w.row(0), 2 * 3 * 18);
  EXPECT_EQ(w.rows.bytes(), kMadeUp.bytes(kOut, kIn));
  EXPECT_FALSE(kernel_source(kMadeUp));
  const Tensor values = weight_rows(w, 3, kOut, context);
  for (int64_t i = 0; i < values.elements(); ++i) ASSERT_EQ(values.f32()[i], static_cast<float>(3 * kIn + i));
}

// Products of mixed formats share x, and gate and up may be of another format than down.
TEST(StoredWeight, FormatsMeetInOneCall) {
  constexpr int64_t kIn = 160, kWidth = 300;
  const FlushScope flush;
  for (const int64_t rows : {3, 17, 150, 600}) {
    const auto ran = [&](kernels::Isa isa) {
      std::vector<std::string> operations = kernels_of(isa, rows, kBf16Format);
      for (const std::string& name : kernels_of(isa, rows, kE4m3Format)) operations.push_back(name);
      operations.emplace_back("swiglu");
      if (isa == kernels::Isa::amx && rows > 128) operations.emplace_back("gemm_gated_e4m3");
      return operations;
    };
    on_every_isa_by(Numerics::bf16, ran, [&](Context& context, const std::string& text) {
      const Tensor x = tensor_of(kernels::test::random_values(rows * kIn, 2), {rows, kIn}, context);
      const Weight gate = random_weight(kE4m3Format, kWidth, kIn, 1, context),
                   up = random_weight(kE4m3Format, kWidth, kIn, 2, context),
                   down = random_weight(kBf16Format, 70, kWidth, 3, context),
                   other = random_weight(kBf16Format, 33, kIn, 4, context);
      const std::vector<LinearTerm> terms{{&gate}, {&other}, {&up}};
      const std::vector<Tensor> y = linears(x, terms, context);
      for (size_t i = 0; i < terms.size(); ++i)
        expect_same(values_of(y[i]), values_of(linear(x, *terms[i].w, nullptr, context)), text);
      const Tensor want = linear(swiglu(y[0], y[2], context), down, nullptr, context);
      expect_same(values_of(gated_mlp(x, gate, up, down, context)), values_of(want), text + " gated");
    });
  }
}

// dX with rows as they lie equals ref and, of bf16, what packed panels give; as experts too, one of them without rows.
TEST(StoredWeight, GradientsOfTheInputEqualTheDefinition) {
  const FlushScope flush;
  for (const Format* format : {&kBf16Format, &kE4m3Format})
    for (const Case& c :
         {Case{1, 16, 128}, Case{2, 130, 33}, Case{3, 700, 300}, Case{17, 384, 128}, Case{100, 129, 150},
          Case{400, 64, 40}, Case{900, 300, 70}, Case{130, 513, 257}, Case{5, 1, 1}}) {
      const auto dy = kernels::test::random_values(c.rows * c.out, 2);
      std::vector<float> want(static_cast<size_t>(c.rows * c.in));
      {
        Runtime runtime(1, kernels::Isa::ref, Numerics::bf16);
        const Weight w = random_weight(*format, c.out, c.in, 5, runtime.context());
        if (format == &kBf16Format)
          ref::stored_dx<kernels::Bf16Rows>(dy.data(), w.rows.bf16(), nullptr, c.rows, c.out, c.in, want.data());
        else
          ref::stored_dx<kernels::E4m3Rows>(dy.data(), reinterpret_cast<const uint8_t*>(w.rows.raw()), w.scales.f32(),
                                            c.rows, c.out, c.in, want.data());
      }
      const auto ran = [&](kernels::Isa) {
        std::vector<std::string> names{"pack_b", c.rows <= 2 ? "gemm_few_rows" : "gemm_bf16"};
        if (format->scales == Scales::beside) names.emplace_back("add_scaled");
        return names;
      };
      on_every_isa_by(Numerics::bf16, ran, [&](Context& context, const std::string& where) {
        const std::string text = where + " " + std::string(format->name) + " " + std::to_string(c.rows) + " x " +
                                 std::to_string(c.out) + " x " + std::to_string(c.in);
        const Weight w = random_weight(*format, c.out, c.in, 5, context);
        const Tensor tdy = tensor_of(dy, {c.rows, c.out}, context);
        expect_same(values_of(linear_dx(tdy, w, context)), want, text);
        const std::vector<int64_t> offsets = {0, 0, c.rows};
        const std::vector<const Weight*> weights = {&w, &w};
        expect_same(values_of(grouped_linear_dx(tdy, {offsets, weights}, context)), want, text + " grouped");
        if (format != &kBf16Format) return;
        Tensor values = context.empty({c.out, c.in}, DType::bf16);
        std::copy_n(w.rows.bf16(), values.elements(), values.bf16());
        const Weight packed = make_weight(values, kernels::Element::bf16, Packs::forward_and_backward, context);
        expect_same(values_of(linear_dx(tdy, packed, context)), want, text + " packed");
      });
    }
}

}  // namespace
}  // namespace jamsu::ops

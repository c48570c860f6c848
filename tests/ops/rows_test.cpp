// Embedding, gathering and scattering of rows against ref; the ops over row kernels and attention against
// themselves on ref and one thread (tests/kernels compares the kernels; here it is the cutting into tasks). Bit for
// bit, the sizes of docs/numerics.md section 8 on each axis, the others small.
#include "ops/rows.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/math.h"
#include "kernels/ref/moe.h"
#include "ops/attention.h"
#include "ops/loss.h"
#include "ops/op_test_support.h"
#include "ops/orthogonalize.h"
#include "ops/rope.h"

namespace jamsu::ops {
namespace {

using kernels::kKeyBlock;
using kernels::test::random_values;
using test::expect_same;
using test::on_every_isa;
using test::tensor_of;
using test::values_of;

struct Case {
  int64_t count, table, width;  // ids, rows of the table
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.count << " of " << c.table << " rows of " << c.width;
}
std::vector<Case> table_cases() {
  std::vector<Case> all;
  for (const int64_t size : kernels::test::kSizes) {
    all.push_back({size, 6, 5});
    all.push_back({7, size, 5});
    all.push_back({7, 6, size});
  }
  all.push_back({900, 40, 40});  // shared out
  return all;
}
class Table : public testing::TestWithParam<Case> {};

TEST_P(Table, EmbeddingGatherAndScatterEqualRef) {
  const Case& c = GetParam();
  const auto table = random_values(c.table * c.width, 1), dy = random_values(c.count * c.width, 2),
             start = random_values(c.table * c.width, 3);
  std::vector<uint16_t> rounded;
  for (const float x : table) rounded.push_back(f32_to_bf16(x));
  std::vector<int32_t> ids;  // many repeat
  for (int64_t i = 0; i < c.count; ++i) ids.push_back(static_cast<int32_t>(i * i % c.table));
  std::vector<float> widened, want(dy.size()), want_bf16(dy.size()), want_dx = start;
  for (const uint16_t x : rounded) widened.push_back(bf16_to_f32(x));
  kernels::ref::embedding(ids, table.data(), c.width, want.data());
  kernels::ref::embedding(ids, widened.data(), c.width, want_bf16.data());
  kernels::ref::embedding_backward(ids, dy.data(), c.width, want_dx.data());
  on_every_isa(Numerics::bf16, {}, [&](Context& context, const std::string& text) {
    const Tensor t = tensor_of(table, {c.table, c.width}, context);
    Tensor t16 = context.empty({c.table, c.width}, DType::bf16);
    std::copy(rounded.begin(), rounded.end(), t16.bf16());
    expect_same(values_of(embedding(t, ids, context)), want, text);
    expect_same(values_of(embedding(t16, ids, context)), want_bf16, text + " of bf16 rows");
    expect_same(values_of(gather_rows(t, ids, context)), want, text + " gather");
    Tensor dx = tensor_of(start, {c.table, c.width}, context);
    scatter_add_rows(dx, tensor_of(dy, {c.count, c.width}, context), ids, context);
    expect_same(values_of(dx), want_dx, text + " backward");
  });
}
INSTANTIATE_TEST_SUITE_P(Sizes, Table, testing::ValuesIn(table_cases()));

TEST(Sums, LongSumsEqualRef) {
  const FlushScope flush;
  for (const int64_t count : {0, 1, 15, 16, 17, 31, 33, 1023, 1025, 4095, 4096, 4097, 8193, 5 * 4096 + 1, 7 * 4096}) {
    const auto x = random_values(count, 1);
    const auto at = [&](int64_t i) { return x[static_cast<size_t>(i)]; };
    std::vector<float> squares;  // of each chunk, by FMA
    for (int64_t begin = 0; begin < count; begin += 4096) {
      const auto here = [&](int64_t i) { return at(begin + i); };
      squares.push_back(kernels::ref::sum16_products<float>(std::min<int64_t>(4096, count - begin), here, here));
    }
    expect_same({long_sum(x.data(), count)}, {kernels::ref::long_sum<float>(count, at)}, std::to_string(count));
    expect_same({long_sum_of_squares(x.data(), count)},
                {kernels::ref::tree_sum(squares.data(), static_cast<int64_t>(squares.size()))}, std::to_string(count));
  }
}

struct Matrix {
  int64_t rows, width;
};
void PrintTo(const Matrix& m, std::ostream* out) {
  *out << m.rows << " rows of " << m.width;
}
std::vector<Matrix> matrices() {
  std::vector<Matrix> all;
  for (const int64_t size : kernels::test::kSizes) {
    all.push_back({size, 18});
    all.push_back({3, size});
  }
  return all;
}
class RowOps : public testing::TestWithParam<Matrix> {};

// `body` on ref and one thread gives what it gives everywhere.
using Outputs = std::vector<Tensor>;
void equals_ref(const std::vector<std::string>& operations, const std::function<Outputs(Context&)>& body) {
  for (const Numerics numerics : {Numerics::bf16, Numerics::f32}) {
    Runtime reference(1, kernels::Isa::ref, numerics);
    std::vector<std::vector<float>> want;
    {
      const FlushScope flush;
      for (const Tensor& t : body(reference.context())) want.push_back(values_of(t));
    }
    on_every_isa(numerics, operations, [&](Context& context, const std::string& text) {
      const Outputs got = body(context);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < want.size(); ++i)
        expect_same(values_of(got[i]), want[i], text + ", output " + std::to_string(i));
    });
  }
}

TEST_P(RowOps, EqualRefOnOneThread) {
  const auto [rows, width] = GetParam();
  equals_ref({"rms_norm", "rms_norm_backward", "norm_weight_grad", "swiglu", "swiglu_backward", "log_softmax",
              "cross_entropy"},
             [rows = rows, width = width](Context& c) {
               const Shape shape{rows, width};
               const Tensor x = tensor_of(random_values(rows * width, 1, 3), shape, c),
                            y = tensor_of(random_values(rows * width, 2), shape, c),
                            w = tensor_of(random_values(width, 3), {width}, c);
               const auto normed = rms_norm(x, w, 1e-6f, c);
               Tensor dw = tensor_of(random_values(width, 4), {width}, c);
               rms_norm_weight_grad(y, x, normed.scale, dw, c);
               const auto swiglu_grads = swiglu_backward(y, x, y, c);
               std::vector<int32_t> labels;
               for (int64_t i = 0; i < rows; ++i)
                 labels.push_back(i % 5 == 3 ? -100 : static_cast<int32_t>(i * 7 % width));
               Tensor sum = copy(x, c);
               add_to(sum, y, c);
               return Outputs{normed.y,
                              normed.scale,
                              rms_norm_backward(y, x, w, normed.scale, c),
                              dw,
                              swiglu(x, y, c),
                              swiglu_grads.dgate,
                              swiglu_grads.dup,
                              log_softmax(x, c),
                              cross_entropy(x, labels, c),
                              cross_entropy_backward(x, labels, 0.3f, c),
                              add(x, y, c),
                              sum,
                              concat_columns(x, slice_columns(y, width / 3, width - width / 3, c), c)};
             });
}
INSTANTIATE_TEST_SUITE_P(Sizes, RowOps, testing::ValuesIn(matrices()));

// The sign of a zero counts here, which expect_same lets pass.
TEST(TokenLogp, HasTheBitsOfLogSoftmaxAtTheLabel) {
  for (const Numerics numerics : {Numerics::bf16, Numerics::f32})
    on_every_isa(numerics, {"log_softmax", "cross_entropy"}, [](Context& c, const std::string& text) {
      for (const Matrix m : {Matrix{1, 1}, {3, 17}, {1, 4097}, {33, 1023}, {2, 40'000}, {0, 5}}) {
        std::vector<float> values = random_values(m.rows * m.width, 1, 3);
        if (m.rows > 2) {  // a row whose best is all there is: logp 0 there; one with NaN, one with infinities
          std::fill_n(values.begin(), m.width, -200.0f);
          values[2] = 90;
          values[static_cast<size_t>(m.width) + 3] = std::numeric_limits<float>::quiet_NaN();
          values[static_cast<size_t>(2 * m.width) + 5] = -std::numeric_limits<float>::infinity();
        }
        const Tensor logits = tensor_of(values, {m.rows, m.width}, c);
        const Tensor every = log_softmax(logits, c);
        for (int64_t first = 0; first < std::min<int64_t>(m.width, 19); ++first) {
          std::vector<int32_t> labels;
          for (int64_t i = 0; i < m.rows; ++i)
            labels.push_back(i % 5 == 4 ? -100 : static_cast<int32_t>((first + i * 7) % m.width));
          const Tensor got = token_logp(logits, labels, c);
          ASSERT_EQ(got.shape(), Shape({m.rows}));
          for (int64_t i = 0; i < m.rows; ++i) {
            const int32_t label = labels[static_cast<size_t>(i)];
            const float want = label < 0 ? 0.0f : every.f32()[i * m.width + label];
            if (std::isnan(want)) {
              EXPECT_TRUE(std::isnan(got.f32()[i])) << text;
            } else {
              EXPECT_EQ(std::bit_cast<uint32_t>(got.f32()[i]), std::bit_cast<uint32_t>(want))
                  << text << ", row " << i << " of " << m.rows << " x " << m.width << ", label " << label;
            }
          }
        }
      }
    });
}

// Muon's direction, by size of either side.
TEST(Orthogonalize, EqualsRef) {
  const FlushScope flush;
  for (const int64_t size : kernels::test::kSizes)
    for (const auto& [rows, width] : {std::pair<int64_t, int64_t>{size, 3}, {3, size}}) {
      // Up to two rows at a time are the few-rows product; the shorter side says which products run.
      const bool few = std::min(rows, width) <= kernels::kFewRows;
      for (const Numerics numerics : {Numerics::bf16, Numerics::f32}) {
        const auto run = [rows = rows, width = width](Context& c) {
          Tensor x = tensor_of(random_values(rows * width, 1), {rows, width}, c);
          orthogonalize(x.f32(), rows, width, 0, c);
          return values_of(x);
        };
        Runtime reference(1, kernels::Isa::ref, numerics);
        const auto want = run(reference.context());
        on_every_isa(numerics,
                     {"pack_b", few                          ? "gemm_few_rows"
                                : numerics == Numerics::bf16 ? "gemm_bf16"
                                                             : "gemm_f32"},
                     [&](Context& c, const std::string& text) { expect_same(run(c), want, text); });
      }
    }
}

TEST(RopeOp, EqualsRefOnOneThread) {
  for (const int64_t rows : kernels::test::kSizes)
    equals_ref({"rope"}, [rows](Context& c) {
      std::vector<int64_t> positions;
      for (int64_t i = 0; i < rows; ++i) positions.push_back(i * 3);
      RopeConfig config;
      config.width = 10;
      const RopeTable table = rope_table(Rope(config), positions, c);
      Tensor x = tensor_of(random_values(rows * 3 * 14, 1), {rows, 3 * 14}, c);
      rope(x, 3, 14, 4, table, kernels::RopeLayout::interleaved, false, c);
      return Outputs{table.cosine, table.sine, x};
    });
}

// Segments of `lengths` rows, two query heads to a key head.
Outputs attend(const std::vector<int64_t>& lengths, Context& c) {
  constexpr int64_t kHeads = 4, kD = 6, kV = 5;
  const KvGeometry geometry{.heads = 2, .d = kD, .v = kV, .element = matmul_element(c.numerics)};
  std::vector<KvSegment> segments;
  std::vector<Tensor> blocks;
  int64_t rows = 0;
  for (const int64_t length : lengths) {
    KvSegment s{rows, length, 0, {}};
    for (int64_t b = 0; b < length; b += kKeyBlock) {
      blocks.push_back(c.zeros({geometry.block_bytes()}, DType::u8));
      s.blocks.push_back(blocks.back().raw());
    }
    segments.push_back(s);
    rows += length;
  }
  const Tensor q = tensor_of(random_values(rows * kHeads * kD, 1, 2), {rows, kHeads * kD}, c),
               k = tensor_of(random_values(rows * 2 * kD, 2, 2), {rows, 2 * kD}, c),
               v = tensor_of(random_values(rows * 2 * kV, 3), {rows, 2 * kV}, c),
               dout = tensor_of(random_values(rows * kHeads * kV, 4), {rows, kHeads * kV}, c);
  store_kv({k.f32(), 2 * kD, kD, kD}, {}, {v.f32(), 2 * kV, kV, kV}, segments, geometry, c);
  const auto r = attention(q, kHeads, segments, geometry, 0.4f, true, c);
  const auto g = attention_backward(dout, q, r, kHeads, segments, geometry, 0.4f, c);
  return {r.out, r.lse, g.dq, g.dk, g.dv};
}
TEST(AttentionOp, EqualsRefOnOneThread) {
  for (const auto& lengths : std::vector<std::vector<int64_t>>{
           {1}, {15, 16, 17}, {31, 1, 33}, {100, 129, 1, 1}, {1, 2, 1, 1, 3, 1, 1, 1, 1, 1, 1, 1, 2, 1}})
    equals_ref({"store_kv", "attention", "attention_backward"}, [&](Context& c) { return attend(lengths, c); });
}

// Wider heads than kernels keep on their stack are a programmer's mistake, not a result.
void attend_with_width(int64_t width) {
  Runtime runtime(1, kernels::Isa::ref, Numerics::bf16);
  Context& c = runtime.context();
  const KvGeometry geometry{.heads = 1, .d = width, .v = 4};
  attention(c.zeros({1, width}), 1, {}, geometry, 1.0f, false, c);
}
TEST(AttentionOpDeathTest, RefusesHeadsWiderThanKernelsHold) {
  attend_with_width(kernels::kMaxHeadWidth);
  for (const int64_t width : {1025, 4097}) EXPECT_DEATH(attend_with_width(width), "kMaxHeadWidth");
}

}  // namespace
}  // namespace jamsu::ops

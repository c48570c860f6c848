// The row kernels of every ISA against ref, bit for bit: sizes of docs/numerics.md section 8, several rows, strides
// larger than the row, hostile values, and nothing written outside the rows.
#include "kernels/kernel_test_support.h"

namespace jamsu::kernels {
namespace {

using test::expect_same;
using test::hostile_values;
using test::own_kernel;
using test::random_values;

constexpr int64_t kGap = 5;  // rows lie n + kGap apart; the gaps must keep their mark
constexpr float kMark = 12345.0f;
using Outputs = std::vector<std::vector<float>>;

struct Size {
  int64_t rows, n;
};
class Rows : public testing::TestWithParam<Size> {
 protected:
  int64_t rows() const { return GetParam().rows; }
  int64_t n() const { return GetParam().n; }
  int64_t stride() const { return n() + kGap; }
  // Plain values, then hostile ones.
  std::vector<float> input(uint64_t index, bool hostile) const {
    const int64_t count = rows() * stride();
    return hostile ? hostile_values(count, 1000 * static_cast<uint64_t>(n()) + index)
                   : random_values(count, 1000 * static_cast<uint64_t>(n()) + index, 3);
  }
  std::vector<float> output() const { return std::vector<float>(static_cast<size_t>(rows() * stride()), kMark); }

  // Runs `body(isa, hostile) -> outputs` for ref and each ISA.
  template <class Body>
  void compare(const Body& body) const {
    const FlushScope flush;
    for (const bool hostile : {false, true}) {
      const Outputs want = body(Isa::ref, hostile);
      for (const Isa isa : test::fast_isas()) {
        const Outputs got = body(isa, hostile);
        for (size_t i = 0; i < want.size(); ++i)
          expect_same(got[i], want[i],
                      std::string(isa_name(isa)) + (hostile ? ", hostile" : "") + ", output " + std::to_string(i));
      }
    }
  }
};

TEST_P(Rows, RmsNorm) {
  compare([&](Isa isa, bool hostile) {
    const auto x = input(1, hostile), w = input(2, hostile);
    auto y = output();
    std::vector<float> scale(static_cast<size_t>(rows()));
    own_kernel(
        isa, &Kernels::rms_norm)({x.data(), w.data(), y.data(), scale.data(), rows(), n(), stride(), stride(), 1e-6f});
    return Outputs{y, scale};
  });
}

TEST_P(Rows, RmsNormWithoutScale) {
  compare([&](Isa isa, bool hostile) {
    const auto x = input(1, hostile), w = input(2, hostile);
    auto y = output();
    own_kernel(isa,
               &Kernels::rms_norm)({x.data(), w.data(), y.data(), nullptr, rows(), n(), stride(), stride(), 1e-5f});
    return Outputs{y};
  });
}

TEST_P(Rows, RmsNormBackward) {
  compare([&](Isa isa, bool hostile) {
    const auto x = input(1, hostile), w = input(2, hostile), dy = input(3, hostile);
    const std::vector<float> scale = random_values(rows(), 4, 2);
    auto dx = output();
    own_kernel(isa, &Kernels::rms_norm_backward)(
        {x.data(), w.data(), dy.data(), scale.data(), dx.data(), rows(), n(), stride(), stride(), stride()});
    return Outputs{dx};
  });
}

// In two ranges of columns, of which the second starts at no multiple of 16.
TEST_P(Rows, NormWeightGrad) {
  compare([&](Isa isa, bool hostile) {
    const auto x = input(1, hostile), dy = input(2, hostile), scale = random_values(rows(), 3);
    std::vector<float> out(static_cast<size_t>(n()), kMark);
    test::Aligned scratch((rows() + 63) / 64 * 16);
    const auto& kernel = own_kernel(isa, &Kernels::norm_weight_grad);
    const int64_t middle = n() / 3;
    for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, middle}, {middle, n()}})
      kernel(
          {x.data(), dy.data(), scale.data(), out.data(), rows(), n(), stride(), stride(), begin, end, scratch.data()});
    return Outputs{out};
  });
}

TEST_P(Rows, Swiglu) {
  compare([&](Isa isa, bool hostile) {
    const auto gate = input(1, hostile), up = input(2, hostile);
    auto h = output();
    own_kernel(isa, &Kernels::swiglu)({gate.data(), up.data(), h.data(), n()});
    return Outputs{h};
  });
}

TEST_P(Rows, SwigluBackward) {
  compare([&](Isa isa, bool hostile) {
    const auto gate = input(1, hostile), up = input(2, hostile), dh = input(3, hostile);
    auto dgate = output(), dup = output();
    own_kernel(isa, &Kernels::swiglu_backward)({gate.data(), up.data(), dh.data(), dgate.data(), dup.data(), n()});
    return Outputs{dgate, dup};
  });
}

TEST_P(Rows, LogSoftmax) {
  compare([&](Isa isa, bool hostile) {
    const auto x = input(1, hostile);
    auto y = output(), in_place = x;
    const auto& kernel = own_kernel(isa, &Kernels::log_softmax);
    kernel({x.data(), y.data(), rows(), n(), stride(), stride()});
    kernel({in_place.data(), in_place.data(), rows(), n(), stride(), stride()});
    return Outputs{y, in_place};
  });
}

TEST_P(Rows, CrossEntropy) {
  compare([&](Isa isa, bool hostile) {
    const auto x = input(1, hostile);
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < rows(); ++i) labels.push_back(i % 3 == 1 ? -1 : static_cast<int32_t>(i % 3 ? 0 : n() - 1));
    auto d = output(), in_place = x;
    std::vector<float> loss(static_cast<size_t>(rows())), loss_only = loss, loss_in_place = loss;
    const auto& kernel = own_kernel(isa, &Kernels::cross_entropy);
    kernel({x.data(), labels.data(), loss.data(), d.data(), rows(), n(), stride(), 0.37f});
    kernel({x.data(), labels.data(), loss_only.data(), nullptr, rows(), n(), stride(), 0.37f});
    kernel({in_place.data(), labels.data(), loss_in_place.data(), in_place.data(), rows(), n(), stride(), 0.37f});
    return Outputs{d, in_place, loss, loss_only, loss_in_place};
  });
}

TEST_P(Rows, RowDot) {
  compare([&](Isa isa, bool hostile) {
    const auto a = input(1, hostile), b = input(2, hostile);
    std::vector<float> out(static_cast<size_t>(rows()));
    own_kernel(isa, &Kernels::row_dot)({a.data(), b.data(), out.data(), rows(), n(), stride(), stride()});
    return Outputs{out};
  });
}

TEST_P(Rows, AdamW) {
  compare([&](Isa isa, bool hostile) {
    auto p = input(1, hostile), m = input(2, hostile), v = input(3, hostile);
    const auto g = input(4, hostile);
    for (float& x : v) x = std::abs(x);
    own_kernel(isa, &Kernels::adamw)({.p = p.data(),
                                      .m = m.data(),
                                      .v = v.data(),
                                      .g = g.data(),
                                      .count = n(),
                                      .clip = 0.83f,
                                      .decay = 0.9999f,
                                      .one_minus_b1 = 0.1f,
                                      .b2 = 0.95f,
                                      .one_minus_b2 = 0.05f,
                                      .root_correction = 0.31f,
                                      .eps = 1e-8f,
                                      .step = -2e-3f});
    return Outputs{p, m, v};
  });
}

std::vector<Size> with(const std::vector<int64_t>& rows, const std::vector<int64_t>& widths) {
  std::vector<Size> sizes;
  for (const int64_t r : rows)
    for (const int64_t n : widths) sizes.push_back({r, n});
  return sizes;
}
std::string size_name(const testing::TestParamInfo<Size>& c) {
  return std::to_string(c.param.rows) + "x" + std::to_string(c.param.n);
}
const std::vector<int64_t> kAllSizes(std::begin(test::kSizes), std::end(test::kSizes));
INSTANTIATE_TEST_SUITE_P(Widths, Rows, testing::ValuesIn(with({3}, kAllSizes)), size_name);
INSTANTIATE_TEST_SUITE_P(Counts, Rows, testing::ValuesIn(with(kAllSizes, {20})), size_name);
// Around the chunks of the long sums: 64 rows, 4,096 values; and a power of two between.
INSTANTIATE_TEST_SUITE_P(WideChunks, Rows, testing::ValuesIn(with({3}, {63, 64, 65, 4096, 8192, 8193})), size_name);
INSTANTIATE_TEST_SUITE_P(LongChunks, Rows, testing::ValuesIn(with({63, 64, 65, 128, 130, 8193}, {41})), size_name);

// width, heads, head_stride (at least the width: MLA rotates the last part of a longer head).
struct RopeCase {
  int64_t width, heads, head_stride, rows = 5;
};
class Rope : public testing::TestWithParam<RopeCase> {};

TEST_P(Rope, EqualsRef) {
  const FlushScope flush;
  const auto [width, heads, head_stride, rows] = GetParam();
  const int64_t row_stride = heads * head_stride + 3;
  for (const bool hostile : {false, true})
    for (const RopeLayout layout : {RopeLayout::interleaved, RopeLayout::half})
      for (const bool inverse : {false, true}) {
        const int64_t count = rows * row_stride;
        const auto x = hostile ? hostile_values(count, 1) : random_values(count, 1);
        const auto cosine = random_values(rows * width / 2, 2), sine = random_values(rows * width / 2, 3);
        const auto run = [&, rows = rows, heads = heads, head_stride = head_stride, width = width](Isa isa) {
          auto y = x;
          own_kernel(isa, &Kernels::rope)(
              {y.data(), cosine.data(), sine.data(), rows, heads, row_stride, head_stride, width, layout, inverse});
          return y;
        };
        const auto want = run(Isa::ref);
        for (const Isa isa : test::fast_isas())
          expect_same(run(isa), want,
                      std::string(isa_name(isa)) + (layout == RopeLayout::half ? " half" : " interleaved") +
                          (inverse ? " inverse" : ""));
      }
}
// A width is even: of the sizes of section 8 that is 16; the others stand for themselves by their even neighbours.
std::vector<RopeCase> rope_cases() {
  std::vector<RopeCase> cases = {{8, 3, 20}, {32, 2, 96}, {62, 2, 64}, {64, 3, 64}, {128, 1, 130}};
  for (const int64_t width : {2, 14, 16, 18, 30, 34, 1022, 1024, 1026, 4096, 4098})
    cases.push_back({width, 2, width + 3});
  for (const int64_t heads : test::kSizes) cases.push_back({18, heads, 20});
  for (const int64_t rows : test::kSizes) cases.push_back({18, 2, 31, rows});
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Shapes, Rope, testing::ValuesIn(rope_cases()), [](const auto& c) {
  return "width" + std::to_string(c.param.width) + "heads" + std::to_string(c.param.heads) + "stride" +
         std::to_string(c.param.head_stride) + "rows" + std::to_string(c.param.rows);
});

// A planted error of one ulp must be seen: the comparison itself is tested.
TEST(Support, OneUlpIsSeen) {
  const float x = 1.5f;
  EXPECT_FALSE(test::same(x, std::nextafter(x, 2.0f)));
  EXPECT_FALSE(test::same(0.0f, std::numeric_limits<float>::denorm_min()));
  EXPECT_TRUE(test::same(0.0f, -0.0f));
  EXPECT_TRUE(test::same(std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()));
}

}  // namespace
}  // namespace jamsu::kernels

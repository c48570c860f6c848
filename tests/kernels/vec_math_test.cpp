// exp over 16 lanes equals base/math.h's, bit for bit: directly for the 16-lane type this file may be compiled with,
// and for every ISA through kernels whose result shows all its bits.
#include "kernels/cpu/vec_math.h"

#include <optional>

#include "base/math.h"
#include "kernels/cpu/avx2/vec.h"
#include "kernels/kernel_test_support.h"
#include "kernels/ref/rows.h"

namespace jamsu::kernels {
namespace {

using test::same;

TEST(VecMath, Avx2ExpAndLogOfTenMillionBitPatterns) {
  if (test::fast_isas().empty()) GTEST_SKIP() << "no AVX2";
  const FlushScope flush;
  int64_t differing_exp = 0, differing_log = 0;
  for (uint64_t stream = 0; stream < 100; ++stream) {
    RandomStream random(2, stream, Purpose::test);
    for (int i = 0; i < 6250; ++i) {
      float x[16], e[16], l[16];
      for (float& value : x) value = std::bit_cast<float>(random.word());
      cpu::exp(Avx2::load(x)).store(e);
      cpu::log(Avx2::load(x)).store(l);
      for (int lane = 0; lane < 16; ++lane) {
        differing_exp += !same(e[lane], math::exp(x[lane]));
        differing_log += !same(l[lane], math::log(x[lane]));
      }
    }
  }
  EXPECT_EQ(differing_exp, 0);
  EXPECT_EQ(differing_log, 0);
}

// Kept whole: the compiler, which knows nothing of MXCSR, would compute constants before the FlushScope.
[[gnu::noipa]] void log_lanes(const float* x, float* y) {
  cpu::log(Avx2::load(x)).store(y);
}

TEST(VecMath, Avx2SpecialValuesOfLog) {
  if (test::fast_isas().empty()) GTEST_SKIP() << "no AVX2";
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float x[16] = {0.0f,       -0.0f,  inf,     -inf,  nan,         -nan,        1.0f,       0x1p-126f,
                       -0x1p-126f, 1e-40f, -1e-40f, 3e38f, 0.70710677f, 0.70710683f, 1.4142135f, 2.0f};
  for (const bool flushed : {false, true}) {
    std::optional<FlushScope> flush;
    if (flushed) flush.emplace();
    float y[16];
    log_lanes(x, y);
    for (int lane = 0; lane < 16; ++lane)
      EXPECT_TRUE(same(y[lane], math::log(x[lane]))) << "log of lane " << lane << " = " << y[lane] << ", want "
                                                     << math::log(x[lane]) << (flushed ? ", flushed" : "");
  }
}

// h = silu(gate) * up with up = 1: 10M random bit patterns, every class of value, in pieces of odd length.
TEST(VecMath, SigmoidOfTenMillionBitPatterns) {
  const FlushScope flush;
  for (const Isa isa : test::fast_isas()) {
    const auto swiglu = test::own_kernel(isa, &Kernels::swiglu);
    constexpr int64_t kPiece = 99991;
    std::vector<float> gate(kPiece), up(kPiece, 1.0f), h(kPiece);
    int64_t differing = 0;
    for (uint64_t piece = 0; piece < 101; ++piece) {
      RandomStream random(3, piece, Purpose::test);
      for (float& x : gate) x = std::bit_cast<float>(random.word());
      swiglu({gate.data(), up.data(), h.data(), kPiece});
      for (size_t i = 0; i < gate.size(); ++i) differing += !same(h[i], gate[i] * math::sigmoid(gate[i]));
    }
    EXPECT_EQ(differing, 0) << isa_name(isa);
  }
}

// Cross-entropy's gradient with seed 1 is exp((x - m) - log l) itself: every bit of the range from underflow to 1,
// where the sigmoid's 1 + exp(-x) would hide the low ones.
TEST(VecMath, ExpOfEveryMagnitudeThroughCrossEntropy) {
  const FlushScope flush;
  for (const Isa isa : test::fast_isas()) {
    const auto cross_entropy = test::own_kernel(isa, &Kernels::cross_entropy);
    constexpr int64_t kColumns = 4096;
    std::vector<float> logits(kColumns), d(kColumns);
    const int32_t label = 0;
    float loss = 0;
    int64_t differing = 0, nonzero = 0;
    for (uint64_t row = 0; row < 500; ++row) {
      RandomStream random(4, row, Purpose::test);
      for (float& x : logits) x = -100.0f * static_cast<float>(random.uniform());
      logits[0] = 0.0f;
      cross_entropy({logits.data(), &label, &loss, d.data(), 1, kColumns, kColumns, 1.0f});
      const auto s = ref::row_softmax(logits.data(), kColumns);
      for (size_t i = 1; i < logits.size(); ++i) {
        const float want = math::exp((logits[i] - s.max) - s.log_sum);
        differing += !same(d[i], want);
        nonzero += want != 0.0f;
      }
    }
    EXPECT_EQ(differing, 0) << isa_name(isa);
    EXPECT_GT(nonzero, 1500000);
  }
}

// A row [0, x, ...]: log_softmax's first value is -log(1 + exp(x) + ...), log over [1, 3).
TEST(VecMath, LogThroughLogSoftmax) {
  const FlushScope flush;
  for (const Isa isa : test::fast_isas()) {
    const auto log_softmax = test::own_kernel(isa, &Kernels::log_softmax);
    int64_t differing = 0;
    for (uint64_t row = 0; row < 200000; ++row) {
      RandomStream random(5, row, Purpose::test);
      float x[3] = {0.0f, -20.0f * static_cast<float>(random.uniform()), -2.0f * static_cast<float>(random.uniform())},
            y[3];
      log_softmax({x, y, 1, 3, 3, 3});
      differing += !same(y[0], -ref::row_softmax(x, 3).log_sum);
    }
    EXPECT_EQ(differing, 0) << isa_name(isa);
  }
}

TEST(VecMath, SpecialValues) {
  const FlushScope flush;
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {0.0f,   -0.0f,  inf,     -inf,   nan,     -nan,   88.72f,  88.73f,
                                89.0f,  -87.3f, -87.31f, 87.3f,  87.31f,  1e-40f, -1e-40f, 3e38f,
                                -3e38f, 1.0f,   -1.0f,   103.0f, -103.9f, 0.5f,   2.0f,    -2.0f};
  for (const Isa isa : test::fast_isas()) {
    std::vector<float> up(x.size(), 1.0f), h(x.size());
    test::own_kernel(isa, &Kernels::swiglu)({x.data(), up.data(), h.data(), static_cast<int64_t>(x.size())});
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_TRUE(same(h[i], x[i] * math::sigmoid(x[i]))) << isa_name(isa) << " at " << x[i];
  }
}

}  // namespace
}  // namespace jamsu::kernels

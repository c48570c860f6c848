#include "machine/measure.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/peak.h"
#include "machine/cpu.h"

namespace jamsu::machine {
namespace {

// Bounds are physics, not taste: a core does at least 0.2 and at most 6 GHz, and no x86 has more than two 512-bit units
// of FMA, or of twice as many bf16 products, or one 16x16x32 tile product in less than 16 cycles. Other work on the
// machine may slow it: the lower bounds are a tenth.
TEST(Measure, PeakOfEveryIsaIsOfTheRightSize) {
  ThreadPool pool(1);
  using kernels::Isa;
  const std::vector<Isa> isas = this_cpu().isas;
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::avx512bf16, Isa::amx}) {
    if (std::find(isas.begin(), isas.end(), isa) == isas.end()) {
      std::printf("%s: not on this CPU\n", std::string(kernels::isa_name(isa)).c_str());
      continue;
    }
    const Spread peak = measure_peak(isa, pool, 5);
    const double per_cycle = isa == Isa::avx2 ? 32 : isa == Isa::avx512 ? 64 : isa == Isa::avx512bf16 ? 128 : 1024;
    std::printf("%-10s %.1f GFLOP/s (%.1f-%.1f), %s\n", std::string(kernels::isa_name(isa)).c_str(), peak.median / 1e9,
                peak.lower / 1e9, peak.upper / 1e9, std::string(kernels::peak_loop(isa).instruction).c_str());
#if defined(__OPTIMIZE__) && !defined(JAMSU_ASAN) && !defined(JAMSU_TSAN)
    EXPECT_GT(peak.median, per_cycle * 0.2e9);
#endif
    EXPECT_LT(peak.median, per_cycle * 6e9);
    EXPECT_LE(peak.lower, peak.median);
    EXPECT_LE(peak.median, peak.upper);
  }
}

TEST(Measure, RefHasNoLoop) {
  ThreadPool pool(1);
  EXPECT_EQ(measure_peak(kernels::Isa::ref, pool, 1).median, 0);
}

TEST(Measure, BandwidthOnEveryThreadCount) {
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    const Spread bytes = measure_read_bandwidth(pool, 3);
    std::printf("%d thread(s): %.1f GB/s (%.1f-%.1f)\n", threads, bytes.median / 1e9, bytes.lower / 1e9,
                bytes.upper / 1e9);
    EXPECT_GT(bytes.median, 1e8);
    EXPECT_LT(bytes.median, 1e12);
  }
}

}  // namespace
}  // namespace jamsu::machine

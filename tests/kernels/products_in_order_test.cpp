// VDPBF16PS of this CPU: two FMAs, the high halves first (docs/numerics.md section 2).
#include "kernels/cpu_features.h"
#include "kernels/kernel_test_support.h"

namespace jamsu::kernels::test {
namespace {

TEST(Avx512Bf16, AddsProductsInOrder) {
  if (!has_avx512bf16()) GTEST_SKIP() << "this CPU has no AVX-512 with BF16";
  const FlushScope flush;
  EXPECT_TRUE(avx512bf16_adds_products_in_order(300'000));
  EXPECT_FALSE(avx512bf16_adds_products_in_order(300, false)) << "the other order must differ, or nothing was compared";
}

}  // namespace
}  // namespace jamsu::kernels::test

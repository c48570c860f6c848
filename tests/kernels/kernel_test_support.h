#pragma once
// What the kernel tests share: inputs from Philox, equality of bits as docs/numerics.md means it,
// and which kernel runs.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/kernels_that_ran.h"
#include "kernels/test_isas.h"

namespace jamsu::kernels::test {

// Every size of docs/numerics.md section 8.
inline constexpr int64_t kSizes[] = {1, 15, 16, 17, 31, 33, 1023, 1025, 4097};

// Uniform in [-scale, scale); every 37th value is 0 or -0.
inline std::vector<float> random_values(int64_t count, uint64_t index, float scale = 1) {
  RandomStream random(71, index, Purpose::test);
  std::vector<float> x;
  x.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const float value = (static_cast<float>(random.word() >> 8) * 0x1p-23f - 1.0f) * scale;
    x.push_back(i % 37 == 36 ? (i % 2 ? 0.0f : -0.0f) : value);
  }
  return x;
}

// The same with what breaks careless kernels: NaN, infinities, subnormals, the largest and the smallest normal value.
inline std::vector<float> hostile_values(int64_t count, uint64_t index) {
  std::vector<float> x = random_values(count, index, 8);
  const float special[] = {std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::denorm_min(),
                           -1e-40f,
                           std::numeric_limits<float>::max(),
                           std::numeric_limits<float>::min(),
                           -std::numeric_limits<float>::max()};
  RandomStream random(72, index, Purpose::test);
  for (const float s : special)
    if (count > 0 && random.chance(1, 2)) x[random.below(static_cast<uint32_t>(count))] = s;
  return x;
}

// -0 equals +0, NaN equals NaN; everything else by its bits. Subnormals are told apart from zero.
inline bool same(float a, float b) {
  const auto canonical = [](float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    if (u == 0x80000000u) return 0u;
    return (u & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC00000u : u;
  };
  return canonical(a) == canonical(b);
}

inline void expect_same(const std::vector<float>& got, const std::vector<float>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  int64_t differing = 0;
  for (size_t i = 0; i < got.size(); ++i)
    if (!same(got[i], want[i]) && differing++ == 0)
      ADD_FAILURE() << what << ": [" << i << "] is " << got[i] << " (" << std::hex << std::bit_cast<uint32_t>(got[i])
                    << "), ref has " << want[i] << " (" << std::bit_cast<uint32_t>(want[i]) << ")";
  EXPECT_EQ(differing, 0) << what << ": values that differ, of " << got.size();
}

// The entry of an ISA's table, once it is certain that it is this ISA's own: a table starts as the one below it, so a
// forgotten registration would compare ref with ref.
template <class Params>
const Kernel<Params>& own_kernel(Isa isa, Kernel<Params> Kernels::*entry) {
  const std::string operation = std::string((kernels_for(Isa::ref).*entry).name).substr(4);  // behind "ref_"
  const Kernel<Params>& kernel = kernels_for(isa).*entry;
  EXPECT_EQ(kernel.name, kernel_name(isa, operation));
  return kernel;
}

// A buffer that starts on 64 bytes (or off it by `shift` floats); its end is the end of the allocation, for ASan.
class Aligned {
 public:
  explicit Aligned(int64_t floats) : storage_(static_cast<size_t>(floats) + 16) {
    while (reinterpret_cast<uintptr_t>(storage_.data() + offset_) % 64 != 0) ++offset_;
  }
  float* data() { return storage_.data() + offset_; }

 private:
  std::vector<float> storage_;
  size_t offset_ = 0;
};

}  // namespace jamsu::kernels::test

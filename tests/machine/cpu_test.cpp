#include "machine/cpu.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/files.h"

namespace jamsu::machine {
namespace {

bool system_says(const std::string& flag) {
  const Result<std::string> text = read_file("/proc/cpuinfo");
  EXPECT_TRUE(text.ok());
  const size_t begin = text->find("flags"), end = text->find('\n', begin);
  return (" " + text->substr(begin, end - begin) + " ").find(" " + flag + " ") != std::string::npos;
}

TEST(Cpu, AgreesWithWhatTheSystemSays) {
  const Cpu cpu = this_cpu();
  const auto runs = [&](kernels::Isa isa) { return std::count(cpu.isas.begin(), cpu.isas.end(), isa) == 1; };
  const bool avx512 =
      system_says("avx512f") && system_says("avx512bw") && system_says("avx512dq") && system_says("avx512vl");
  EXPECT_EQ(runs(kernels::Isa::avx2), system_says("avx2") && system_says("fma"));
  EXPECT_EQ(runs(kernels::Isa::avx512), avx512);
  // No CPU is known whose VDPBF16PS adds in another order; on one, this says so.
  EXPECT_EQ(runs(kernels::Isa::avx512bf16), avx512 && system_says("avx512_bf16") && system_says("avx512vbmi"));
  if (!system_says("amx_bf16")) {
    EXPECT_NE(cpu.amx, kernels::Amx::usable);
  }
  EXPECT_EQ(runs(kernels::Isa::amx), cpu.amx == kernels::Amx::usable);
  EXPECT_EQ(cpu.isas.front(), kernels::Isa::ref);
  EXPECT_TRUE(std::is_sorted(cpu.isas.begin(), cpu.isas.end()));
  EXPECT_GE(cpu.usable_cores, 1);
  EXPECT_GT(cpu.memory_bytes, int64_t{1} << 28);
  EXPECT_LE(cpu.memory_free_bytes, cpu.memory_bytes);
  EXPECT_FALSE(cpu.model.empty());
  EXPECT_GE(cpu.numa_nodes, 1);
  const auto text = read_file("/proc/cpuinfo");
  EXPECT_NE(text->find(cpu.model), std::string::npos) << cpu.model;
  std::printf("%s, %d cores, L1d %lld L2 %lld L3 %lld, %s\n", cpu.model.c_str(), cpu.usable_cores,
              static_cast<long long>(cpu.l1d_bytes), static_cast<long long>(cpu.l2_bytes),
              static_cast<long long>(cpu.l3_bytes), describe_amx(cpu.amx).c_str());
}

TEST(Cpu, SizesAsSysfsWritesThem) {
  EXPECT_EQ(parse_size("48K"), 48 << 10);
  EXPECT_EQ(parse_size("32M"), 32 << 20);
  EXPECT_EQ(parse_size("1G"), 1 << 30);
  EXPECT_EQ(parse_size("512"), 512);
  for (const char* bad : {"", "K", "-1K", "1KB", "99999999999999999999K", "9223372036854775807G"})
    EXPECT_EQ(parse_size(bad), 0) << bad;
}

}  // namespace
}  // namespace jamsu::machine

#include "kernels/cpu_features.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace jamsu::kernels {
namespace {

// Linux, Documentation/arch/x86/xstate.rst: a process asks for the 8 KiB of tile data before its first use.
constexpr long kArchRequestXcompPermission = 0x1023;
constexpr long kXfeatureTileData = 18;

uint64_t xcr0() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

}  // namespace

bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512bf16() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi");
}

Amx request_amx() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  // CPUID leaf 7: EDX bit 22 AMX-BF16, bit 24 AMX-TILE. Leaf 1: ECX bit 27 OSXSAVE, without which XGETBV is not there.
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d >> 22 & 1u) == 0 || (d >> 24 & 1u) == 0) return Amx::no_cpu;
  if (!has_avx512bf16()) return Amx::no_avx512;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c >> 27 & 1u) == 0) return Amx::no_system;
  constexpr uint64_t kTiles = uint64_t{3} << 17;  // XTILECFG and XTILEDATA
  if ((xcr0() & kTiles) != kTiles) return Amx::no_system;
  return ::syscall(SYS_arch_prctl, kArchRequestXcompPermission, kXfeatureTileData) == 0 ? Amx::usable : Amx::no_consent;
}

}  // namespace jamsu::kernels

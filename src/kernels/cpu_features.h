#pragma once
// What this CPU and this kernel let a process run. Asked once at the start; cheap.
#include <cstdint>

namespace jamsu::kernels {

// What cpu/<isa> is compiled for.
bool has_avx2();        // with FMA
bool has_avx512();      // F, BW, DQ and VL
bool has_avx512bf16();  // these, BF16 and VBMI: all CPUs with BF16 but Cooper Lake

// Whether VDPBF16PS is two FMAs here, the high halves first, each rounded, subnormals zero (Intel SDM), on so many
// words of 16 lanes: products of cpu/avx512bf16 rest on it (kernels/cpu/dot_tile.h). With high_first false: the other
// way round, which must differ (tests). REQUIRES: has_avx512bf16(), and a FlushScope.
bool avx512bf16_adds_products_in_order(int64_t words, bool high_first = true);

enum class Amx : uint8_t {
  no_cpu,      // the CPU has no AMX tiles with bf16
  no_avx512,   // tiles, but not the AVX-512 that cpu/amx is compiled for beside them
  no_system,   // the system does not save the tiles (XCR0), as under an old kernel or hypervisor
  no_consent,  // the kernel refuses tile data to this process (arch_prctl)
  usable,
};
// Asks the kernel for the tiles: from then on this process's threads may use them.
Amx request_amx();

}  // namespace jamsu::kernels

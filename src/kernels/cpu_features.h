#pragma once
// What this CPU and this kernel let a process run. Asked once at the start; cheap.
#include <cstdint>

namespace jamsu::kernels {

bool has_avx2();  // with FMA
bool has_avx512();
bool has_avx512_vbmi();  // and bytes by tables, which every CPU with AMX has  // F, BW, DQ, VL and BF16: what
                         // cpu/avx512 is compiled for

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

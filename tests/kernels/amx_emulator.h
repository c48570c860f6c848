#pragma once
#include <cstdint>

// AMX tile instructions on a CPU without them: a SIGILL handler decodes and computes exactly those the kernels use, so
// that the real object code of kernels/cpu/amx is executed and compared with ref. Semantics: Intel SDM; the order of
// additions of TDPBF16PS as measured (numerics.md section 2): even and odd FMA chains from +0,
// then acc + (even + odd), denormals flushed.
namespace jamsu::kernels::test {

// Installs the handler for this process; does nothing where the CPU has AMX. Returns whether tiles are emulated.
// REQUIRES: the CPU has the AVX-512 that kernels/cpu/amx uses beside the tiles.
bool emulate_amx_where_missing();
// TDPBF16PS instructions emulated so far: whether tiles were used at all.
int64_t emulated_tile_products();

}  // namespace jamsu::kernels::test

#pragma once
// What this computer can do, measured: `jamsu doctor`, and the "peak" of every fraction in bench/. In slices of 60 ms,
// so that a scheduler's or a neighbour's theft shows as a wide spread and does not move the median.
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/registry.h"

namespace jamsu::machine {

struct Spread {
  double median = 0, lower = 0, upper = 0;  // quartiles
};

// Flop/s of the register-only loop of an ISA (kernels/peak.h) on all threads of the pool: bf16 for amx and avx512bf16,
// f32 FMA for avx512 and avx2. All zero for `ref`, which has no loop. REQUIRES: isa is one this CPU runs; slices >= 1.
Spread measure_peak(kernels::Isa isa, ThreadPool& pool, int slices = 9);

// The ISA whose loop bounds products of an ISA's kernels: bf16 instructions do not take f32.
kernels::Isa peak_isa(kernels::Isa isa, bool f32);

// Bytes/s read from memory, from a buffer well beyond the caches, by all threads of the pool. All zero where there is
// no memory for the buffer. REQUIRES: slices >= 1.
Spread measure_read_bandwidth(ThreadPool& pool, int slices = 9);

}  // namespace jamsu::machine

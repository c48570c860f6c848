#pragma once
// Loops that keep every multiplier busy and touch no memory: the speed of light that measures are fractions of.
#include <cstdint>
#include <string_view>

#include "kernels/registry.h"

namespace jamsu::kernels {

struct PeakLoop {
  std::string_view instruction;  // "tdpbf16ps", "vdpbf16ps zmm", ...; empty: there is no loop for this ISA
  double flops_per_iteration = 0;
  void (*run)(int64_t iterations) = nullptr;
};

// REQUIRES: the CPU can run `isa`; amx: request_amx() returned usable in this process.
PeakLoop peak_loop(Isa isa);

// Per ISA, in cpu/<isa>/peak.cpp.
PeakLoop avx2_peak_loop();
PeakLoop avx512_peak_loop();
PeakLoop avx512bf16_peak_loop();
PeakLoop amx_peak_loop();

}  // namespace jamsu::kernels

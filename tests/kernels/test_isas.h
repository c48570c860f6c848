#pragma once
// Which instruction sets tests run. JAMSU_ISA=ref|avx2|avx512|avx512bf16|amx restricts them to one; what this CPU lacks
// is printed, once per process. AMX runs through the emulator where only its tiles are missing.
#include <vector>

#include "kernels/registry.h"

namespace jamsu::kernels::test {

// In ascending order. Empty when JAMSU_ISA names what this CPU cannot run.
const std::vector<Isa>& test_isas();
// The same without ref, for tests that compare with it.
std::vector<Isa> fast_isas();
// For tests that run one: JAMSU_ISA's, else the best this CPU has without emulation (ref where JAMSU_ISA's is missing).
Isa test_isa();

}  // namespace jamsu::kernels::test

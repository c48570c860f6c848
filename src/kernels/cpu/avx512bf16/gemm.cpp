#include "kernels/cpu/avx512bf16/vec.h"
#include "kernels/cpu/register.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {

// 6 x 2 panels: 24 chains in registers; 16 loads for 24 VDPBF16PS.
void register_avx512bf16_gemm(Kernels& table) {
  cpu::register_gemm<Avx512Bf16, 4, 2>(table);
}

}  // namespace jamsu::kernels

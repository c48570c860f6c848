#include "kernels/cpu/avx512/vec.h"
#include "kernels/cpu/register.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {

// 6 x 2 panels: 24 chains in registers.
void register_avx512_gemm(Kernels& table) {
  cpu::register_gemm<Avx512, 4, 2>(table);
}

}  // namespace jamsu::kernels

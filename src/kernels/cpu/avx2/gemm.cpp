#include "kernels/cpu/avx2/vec.h"
#include "kernels/cpu/register.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {

// A panel takes two registers.
void register_avx2_gemm(Kernels& table) {
  cpu::register_gemm<Avx2, 2, 1>(table);
}

}  // namespace jamsu::kernels

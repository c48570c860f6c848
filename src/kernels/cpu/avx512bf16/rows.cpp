#include "kernels/cpu/avx512bf16/vec.h"
#include "kernels/cpu/register.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {

void register_avx512bf16_rows(Kernels& table) {
  cpu::register_rows<Avx512Bf16>(table);
}

}  // namespace jamsu::kernels

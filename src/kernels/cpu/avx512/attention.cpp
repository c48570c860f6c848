#include "kernels/cpu/avx512/vec.h"
#include "kernels/cpu/register.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {

void register_avx512_attention(Kernels& table) {
  cpu::register_attention<Avx512>(table);
}

}  // namespace jamsu::kernels

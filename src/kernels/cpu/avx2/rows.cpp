#include "kernels/cpu/avx2/vec.h"
#include "kernels/cpu/register.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {

void register_avx2_rows(Kernels& table) {
  cpu::register_rows<Avx2>(table);
}

}  // namespace jamsu::kernels

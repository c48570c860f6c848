#include "kernels/cpu/gemm.h"

#include "kernels/cpu/avx512/vec.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

// Decoding: enough chains to cover the FMA's latency.
void gemm_few_rows(const GemmParams& p) {
  cpu::gemm<Avx512, 2, 4>(p);
}
// 6 x 2 panels: 24 chains in registers; 16 loads for 24 VDPBF16PS.
void gemm_bf16(const GemmParams& p) {
  cpu::gemm_elements<Avx512, uint16_t, 6, 2>(p);
}
void gemm_f32(const GemmParams& p) {
  cpu::gemm_elements<Avx512, float, 6, 2>(p);
}
void pack_a(const PackAParams& p) {
  cpu::pack_a<Avx512>(p);
}
void pack_b(const PackBParams& p) {
  cpu::pack_b<Avx512>(p);
}
void pack_x(const PackXParams& p) {
  cpu::pack_x<Avx512>(p);
}
void gemm_stored(const GemmStoredParams& p) {
  cpu::gemm_stored<Avx512>(p);
}

}  // namespace

void register_avx512_gemm(Kernels& table) {
  table.gemm_few_rows = {"avx512_gemm_few_rows", cpu::a_bytes, pack_a, gemm_few_rows};
  table.gemm_bf16 = {"avx512_gemm_bf16", cpu::words_bytes, pack_a, gemm_bf16};
  table.gemm_f32 = {"avx512_gemm_f32", cpu::a_bytes, pack_a, gemm_f32};
  table.pack_b = {"avx512_pack_b", pack_b};
  table.gemm_stored = {"avx512_gemm_stored", cpu::kStoredRows, false, cpu::words_bytes, pack_x,
                       cpu::no_scratch,      gemm_stored};
}

}  // namespace jamsu::kernels

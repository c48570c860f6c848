#include "kernels/cpu/gemm.h"

#include "kernels/cpu/avx2/vec.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

// Decoding: enough chains to cover the FMA's latency.
void gemm_few_rows(const GemmParams& p) {
  cpu::gemm<Avx2, 2, 2>(p);
}
// 6 x 1 panel (two registers each): even chains, then odd ones.
void gemm_bf16(const GemmParams& p) {
  cpu::gemm_elements<Avx2, uint16_t, 6, 1>(p);
}
void gemm_f32(const GemmParams& p) {
  cpu::gemm_elements<Avx2, float, 6, 1>(p);
}
void pack_a(const PackAParams& p) {
  cpu::pack_a<Avx2>(p);
}
void pack_b(const PackBParams& p) {
  cpu::pack_b<Avx2>(p);
}
void pack_x(const PackXParams& p) {
  cpu::pack_x<Avx2>(p);
}
void gemm_stored(const GemmStoredParams& p) {
  cpu::gemm_stored<Avx2>(p);
}

}  // namespace

void register_avx2_gemm(Kernels& table) {
  table.gemm_few_rows = {"avx2_gemm_few_rows", cpu::a_bytes, pack_a, gemm_few_rows};
  table.gemm_bf16 = {"avx2_gemm_bf16", cpu::a_bytes, pack_a, gemm_bf16};
  table.gemm_f32 = {"avx2_gemm_f32", cpu::a_bytes, pack_a, gemm_f32};
  table.pack_b = {"avx2_pack_b", pack_b};
  table.gemm_stored = {"avx2_gemm_stored", cpu::kStoredRows, false, cpu::a_bytes, pack_x, cpu::no_scratch, gemm_stored};
}

}  // namespace jamsu::kernels

#pragma once
// What each ISA's source files put into its table.
// A table starts as the one below it: ref, avx2, avx512, avx512bf16, amx.
#include "kernels/registry.h"

namespace jamsu::kernels {

void register_ref_gemm(Kernels& table);
void register_ref_rows(Kernels& table);
void register_ref_attention(Kernels& table);
void register_avx2_gemm(Kernels& table);
void register_avx2_rows(Kernels& table);
void register_avx2_attention(Kernels& table);
void register_avx512_gemm(Kernels& table);
void register_avx512_rows(Kernels& table);
void register_avx512_attention(Kernels& table);
void register_avx512bf16_gemm(Kernels& table);
void register_avx512bf16_rows(Kernels& table);
void register_avx512bf16_attention(Kernels& table);
void register_amx_gemm(Kernels& table);
void register_amx_stored(Kernels& table);
void register_amx_attention(Kernels& table);

}  // namespace jamsu::kernels

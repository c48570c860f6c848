#pragma once
// What the folder of an ISA puts into its table, by its 16-lane type V: every kernel is called V::kName_<operation>.
#include <array>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/attention_backward.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/store_kv.h"
#include "kernels/registry.h"

namespace jamsu::kernels::cpu {

template <size_t kSize>
struct Operation {
  char text[kSize];
  consteval Operation(const char (&name)[kSize]) {  // NOLINT(google-explicit-constructor): a template's argument
    for (size_t i = 0; i < kSize; ++i) text[i] = name[i];
  }
};

template <class V, Operation kOperation>
inline constexpr auto kJoined = [] {
  std::array<char, 64> joined{};
  size_t size = 0;
  for (const char* c = V::kName; *c; ++c) joined[size++] = *c;
  joined[size++] = '_';
  for (const char c : kOperation.text) joined[size++] = c;
  return joined;
}();
template <class V, Operation kOperation>
inline constexpr const char* kKernelName = kJoined<V, kOperation>.data();

// Register tiles: few rows (decoding) by kFewPanels panels, enough chains to cover the FMA's latency;
// else 6 rows by kPanels.
template <class V, int kFewPanels, int kPanels>
static inline void register_gemm(Kernels& table) {
  table.gemm_few_rows = {kKernelName<V, "gemm_few_rows">, a_bytes, pack_a<V>, gemm<V, 2, kFewPanels>};
  table.gemm_bf16 = {kKernelName<V, "gemm_bf16">, kWords<V, uint16_t> ? words_bytes : a_bytes, pack_a<V>,
                     gemm_elements<V, uint16_t, 6, kPanels>};
  table.gemm_f32 = {kKernelName<V, "gemm_f32">, a_bytes, pack_a<V>, gemm_elements<V, float, 6, kPanels>};
  table.pack_b = {kKernelName<V, "pack_b">, pack_b<V>};
  table.stored_x = {kWords<V, uint16_t> ? words_bytes : a_bytes, pack_x<V>};
  table.gemm_stored_bf16 = {kKernelName<V, "gemm_stored_bf16">, kStoredRows, false, no_scratch,
                            gemm_stored<V, Bf16Rows>};
  table.gemm_stored_e4m3 = {kKernelName<V, "gemm_stored_e4m3">, kStoredRows, false, no_scratch,
                            gemm_stored<V, E4m3Rows>};
}

template <class V>
static inline void register_attention(Kernels& table) {
  table.store_kv = {kKernelName<V, "store_kv">, store_kv<V>};
  table.attention = {kKernelName<V, "attention">, attention<V>};
  table.attention_backward = {kKernelName<V, "attention_backward">, attention_backward<V>};
}

template <class V>
static inline void register_rows(Kernels& table) {
  table.rms_norm = {kKernelName<V, "rms_norm">, rms_norm<V>};
  table.rms_norm_backward = {kKernelName<V, "rms_norm_backward">, rms_norm_backward<V>};
  table.norm_weight_grad = {kKernelName<V, "norm_weight_grad">, norm_weight_grad<V>};
  table.rope = {kKernelName<V, "rope">, rope<V>};
  table.swiglu = {kKernelName<V, "swiglu">, swiglu<V>};
  table.swiglu_backward = {kKernelName<V, "swiglu_backward">, swiglu_backward<V>};
  table.log_softmax = {kKernelName<V, "log_softmax">, log_softmax<V>};
  table.cross_entropy = {kKernelName<V, "cross_entropy">, cross_entropy<V>};
  table.row_dot = {kKernelName<V, "row_dot">, row_dot<V>};
  table.add_scaled = {kKernelName<V, "add_scaled">, add_scaled<V>};
  table.adamw = {kKernelName<V, "adamw">, adamw<V>};
}

}  // namespace jamsu::kernels::cpu

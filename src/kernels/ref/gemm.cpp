#include "kernels/ref/dot.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

int64_t a_bytes(int64_t m, int64_t k) {
  return m * k * static_cast<int64_t>(sizeof(float));
}

void pack_a(const PackAParams& p) {  // f32 rows [m][k], rounded
  auto* to = static_cast<float*>(p.packed);
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t k = 0; k < p.k; ++k)
      to[i * p.k + k] = ref::rounded(p.source[(p.rows ? p.rows[i] : i) * p.row_stride + k * p.k_stride], p.element);
}

void pack_b(const PackBParams& p) {
  for (int64_t column = p.panel_begin * kLanes; column < p.panel_end * kLanes; ++column)
    for (int64_t k = 0; k < round_up(p.k, kDotBlock); ++k) {
      float value = 0;
      if (column < p.n && k < p.k) {
        const int64_t at = column * p.column_stride + k * p.k_stride;
        value = p.source_type == Source::f32 ? static_cast<const float*>(p.source)[at]
                                             : bf16_to_f32(static_cast<const uint16_t*>(p.source)[at]);
      }
      ref::set_panel_value(p.panels, column, k, p.k, p.element, value);
    }
}

void gemm(const GemmParams& p) {
  const auto* a = static_cast<const float*>(p.a);
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) {
      float& c = p.c[i * p.ldc + j];
      const float dot = ref::dot<float>(
          p.k, [&](int64_t k) { return a[i * p.k + k]; },
          [&](int64_t k) { return ref::panel_value(p.b, j, k, p.k, p.element); }, p.accumulate ? c : 0.0f);
      c = p.bias ? dot + p.bias[j] : dot;
    }
}

}  // namespace

void register_ref_gemm(Kernels& table) {
  table.gemm_few_rows = table.gemm_bf16 = table.gemm_f32 = {"ref_gemm", a_bytes, pack_a, gemm};
  table.pack_b = {"ref_pack_b", pack_b};
}

}  // namespace jamsu::kernels

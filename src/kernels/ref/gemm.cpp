#include <utility>
#include <vector>

#include "base/math.h"
#include "kernels/ref/dot.h"
#include "kernels/ref/stored.h"
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

float source_value(const void* source, Source type, int64_t at) {
  switch (type) {
    case Source::f32:
      return static_cast<const float*>(source)[at];
    case Source::bf16:
      return ref::stored_value(Bf16Rows{}, static_cast<const uint16_t*>(source)[at]);
    case Source::e4m3:
      return ref::stored_value(E4m3Rows{}, static_cast<const uint8_t*>(source)[at]);
  }
  return 0;
}

void pack_b(const PackBParams& p) {
  for (int64_t column = p.panel_begin * kLanes; column < p.panel_end * kLanes; ++column)
    for (int64_t k = 0; k < round_up(p.k, kDotBlock); ++k) {
      float value = 0;
      if (column < p.n && k < p.k)
        value = source_value(p.source, p.source_type, column * p.column_stride + k * p.k_stride);
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

constexpr int64_t kStoredRows = 4;
int64_t no_scratch(int64_t /*m*/, int64_t /*n*/) {
  return 0;
}
void pack_x(const PackXParams& p) {
  pack_a({p.source, p.rows, p.row_stride, 1, p.m, p.k, Element::bf16, p.packed});
}

template <class Rows>
void gemm_stored(const GemmStoredParams& p) {
  const auto* x = static_cast<const float*>(p.x);
  const auto* w = static_cast<const typename Rows::Value*>(p.w);
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) {
      const float c = ref::stored_dot<Rows>(
          p.k, [&](int64_t k) { return x[i * p.k + k]; }, [&](int64_t k) { return w[j * p.k + k]; },
          [&](int64_t block) { return p.scales[(p.first_row + j) / kScaleBlock * p.scale_stride + block]; });
      p.c[i * p.ldc + j] = p.bias ? c + p.bias[j] : c;
    }
}

template <class Rows>
void gemm_gated(const GemmGatedParams& p) {
  auto* h = static_cast<float*>(p.h);
  std::vector<float> gate(static_cast<size_t>(p.gate.m * p.gate.n)), up(gate.size());
  for (const auto& [from, to] : {std::pair{p.gate, &gate}, std::pair{p.up, &up}}) {
    GemmStoredParams product = from;
    product.c = to->data();
    product.ldc = product.n;
    product.bias = nullptr;
    gemm_stored<Rows>(product);
  }
  for (int64_t i = 0; i < p.gate.m; ++i)
    for (int64_t j = 0; j < p.gate.n; ++j) {
      const auto at = static_cast<size_t>(i * p.gate.n + j);
      h[i * p.width + p.column + j] = round_to_bf16(gate[at] * math::sigmoid(gate[at]) * up[at]);
    }
}

}  // namespace

void register_ref_gemm(Kernels& table) {
  table.gemm_few_rows = table.gemm_bf16 = table.gemm_f32 = {"ref_gemm", a_bytes, pack_a, gemm};
  table.pack_b = {"ref_pack_b", pack_b};
  table.stored_x = {a_bytes, pack_x};
  table.gemm_stored_bf16 = {"ref_gemm_stored_bf16", kStoredRows, false, no_scratch, gemm_stored<Bf16Rows>};
  table.gemm_stored_e4m3 = {"ref_gemm_stored_e4m3", kStoredRows, false, no_scratch, gemm_stored<E4m3Rows>};
  table.gemm_gated_bf16 = {"ref_gemm_gated_bf16", gemm_gated<Bf16Rows>};
  table.gemm_gated_e4m3 = {"ref_gemm_gated_e4m3", gemm_gated<E4m3Rows>};
}

}  // namespace jamsu::kernels

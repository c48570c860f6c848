#include "ops/products/panels.h"

#include <algorithm>

namespace jamsu::ops::products {

using kernels::kLanes;

void pack_rows(const Product& p, const Task& t, int64_t k, int64_t width, kernels::Element element,
               const kernels::GemmKernel& gemm, std::byte* to) {
  gemm.pack_a({.source = (p.rows ? p.a : p.a + t.row_begin * p.row_stride) + k * p.k_stride,
               .rows = p.rows ? p.rows + t.row_begin : nullptr,
               .row_stride = p.row_stride,
               .k_stride = p.k_stride,
               .m = t.row_end - t.row_begin,
               .k = width,
               .element = element,
               .packed = to});
}

void run_panels(const Product& p, const Task& t, kernels::Element element, int worker, Context& context) {
  const int64_t rows = t.row_end - t.row_begin;
  const kernels::GemmKernel& gemm = kernels::choose_gemm(context.kernels, rows, element);
  auto* a = context.scratch.get<std::byte>(worker, Scratch::slot_a, gemm.a_bytes(rows, p.k));
  pack_rows(p, t, 0, p.k, element, gemm, a);
  const int64_t column = t.panel_begin * kLanes,
                panel_bytes = kernels::panel_elements(kLanes, p.k) * kernels::element_bytes(element);
  gemm.run({.a = a,
            .b = p.panels->raw() + t.panel_begin * panel_bytes,
            .c = p.c + t.row_begin * p.n + column,
            .ldc = p.n,
            .m = rows,
            .n = std::min(t.panel_end * kLanes, p.n) - column,
            .k = p.k,
            .element = element,
            .accumulate = p.accumulate,
            .bias = p.bias ? p.bias + column : nullptr});
}

}  // namespace jamsu::ops::products

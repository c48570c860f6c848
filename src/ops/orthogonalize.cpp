#include "ops/orthogonalize.h"

#include <algorithm>
#include <cmath>

#include "ops/rows.h"

namespace jamsu::ops {
namespace {

constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f, kSmallestNorm = 1e-7f;
constexpr int kSteps = 5;

// B(j, k) = data[j * column_stride + k * k_stride].
struct RightSide {
  const float* data;
  int64_t column_stride, k_stride;
};

// c [m, n] = dot over k of a [m, k] and b.
void product(const float* a, const RightSide& b, float* c, int64_t m, int64_t n, int64_t k, int worker,
             Context& context) {
  const kernels::Element element = matmul_element(context.numerics);
  const kernels::GemmKernel& gemm = kernels::choose_gemm(context.kernels, m, element);
  auto* packed_a = context.scratch.get<std::byte>(worker, Scratch::slot_a, gemm.a_bytes(m, k));
  auto* packed_b = context.scratch.get<std::byte>(worker, Scratch::slot_b,
                                                  kernels::panel_elements(n, k) * kernels::element_bytes(element));
  gemm.pack_a({.source = a,
               .rows = nullptr,
               .row_stride = k,
               .k_stride = 1,
               .m = m,
               .k = k,
               .element = element,
               .packed = packed_a});
  context.kernels.pack_b({.source = b.data,
                          .source_type = kernels::Source::f32,
                          .column_stride = b.column_stride,
                          .k_stride = b.k_stride,
                          .n = n,
                          .k = k,
                          .element = element,
                          .panels = packed_b,
                          .panel_begin = 0,
                          .panel_end = (n + kernels::kLanes - 1) / kernels::kLanes});
  gemm.run({.a = packed_a,
            .b = packed_b,
            .c = c,
            .ldc = n,
            .m = m,
            .n = n,
            .k = k,
            .element = element,
            .accumulate = false,
            .bias = nullptr});
}

void transpose(const float* from, int64_t rows, int64_t columns, float* to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

}  // namespace

void orthogonalize(float* x, int64_t rows, int64_t columns, int worker, Context& context) {
  const int64_t r = std::min(rows, columns), c = std::max(rows, columns);
  float* work = context.scratch.get<float>(worker, Scratch::slot_c, 2 * r * c + 2 * r * r);
  float *wide = work, *polynomial = wide + r * c, *gram = polynomial + r * c, *square = gram + r * r;
  const float norm = std::max(std::sqrt(long_sum_of_squares(x, rows * columns)), kSmallestNorm);
  if (rows > columns)
    transpose(x, rows, columns, wide);
  else
    std::copy_n(x, r * c, wide);
  for (int64_t i = 0; i < r * c; ++i) wide[i] /= norm;
  for (int step = 0; step < kSteps; ++step) {
    product(wide, {wide, c, 1}, gram, r, r, c, worker, context);
    product(gram, {gram, r, 1}, square, r, r, r, worker, context);  // G is symmetric to the bit
    for (int64_t i = 0; i < r * r; ++i) gram[i] = std::fma(kC, square[i], kB * gram[i]);
    product(gram, {wide, 1, c}, polynomial, r, c, r, worker, context);
    for (int64_t i = 0; i < r * c; ++i) wide[i] = std::fma(kA, wide[i], polynomial[i]);
  }
  if (rows > columns)
    transpose(wide, columns, rows, x);
  else
    std::copy_n(wide, r * c, x);
}

}  // namespace jamsu::ops

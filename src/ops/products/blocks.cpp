#include "ops/products/blocks.h"

#include <algorithm>

#include "ops/products/panels.h"

namespace jamsu::ops::products {
namespace {

using kernels::kLanes;

constexpr auto kElement = kernels::Element::bf16;

class Blocks {
 public:
  Blocks(const Product& product, const Task& task, int worker, Context& context)
      : p_(product),
        task_(task),
        w_(*product.weight),
        context_(context),
        rows_(task.row_end - task.row_begin),
        scaled_(w_.format->scales == Scales::beside),
        width_(scaled_ ? w_.format->scale_block : kBlockContraction),
        gemm_(kernels::choose_gemm(context.kernels, rows_, kElement)) {
    a_ = context.scratch.get<std::byte>(worker, Scratch::slot_a, gemm_.a_bytes(rows_, width_));
    panels_ = context.scratch.get<uint16_t>(worker, Scratch::slot_b, kernels::panel_elements(kBlockColumns, width_));
    partial_ = context.scratch.get<float>(worker, Scratch::slot_c, rows_ * kBlockColumns);
  }

  void run() {
    const int64_t last = std::min(task_.panel_end * kLanes, p_.n);
    for (int64_t k = 0; k < p_.k; k += width_) {
      pack_rows(p_, task_, k, std::min(width_, p_.k - k), kElement, gemm_, a_);
      for (int64_t column = task_.panel_begin * kLanes, n = 0; column < last; column += n) {
        n = std::min({kBlockColumns, columns_together(column), last - column});
        block(column, n, k);
      }
    }
  }

 private:
  // As many columns of C from `column` on as share their scales.
  int64_t columns_together(int64_t column) const {
    return scaled_ ? w_.format->scale_block - column % w_.format->scale_block : kBlockColumns;
  }
  // B(k, column): rows of the weight are columns of B, or, transposed, its rows.
  const std::byte* value_at(int64_t column, int64_t k) const {
    return p_.transposed ? w_.row(k) + w_.format->row_bytes(column) : w_.row(column) + w_.format->row_bytes(k);
  }

  void block(int64_t column, int64_t n, int64_t k) {
    const int64_t width = std::min(width_, p_.k - k);
    const bool last = k + width == p_.k;
    context_.kernels.pack_b({.source = value_at(column, k),
                             .source_type = *kernel_source(*w_.format),
                             .column_stride = p_.transposed ? 1 : w_.in,
                             .k_stride = p_.transposed ? w_.in : 1,
                             .n = n,
                             .k = width,
                             .element = kElement,
                             .panels = panels_,
                             .panel_begin = 0,
                             .panel_end = (n + kLanes - 1) / kLanes});
    float* c = p_.c + task_.row_begin * p_.n + column;
    const float* bias = last && p_.bias ? p_.bias + column : nullptr;
    if (scaled_) return scaled_block(c, column, n, k, width, bias);
    gemm_.run({.a = a_,
               .b = panels_,
               .c = c,
               .ldc = p_.n,
               .m = rows_,
               .n = n,
               .k = width,
               .element = kElement,
               .accumulate = k > 0,
               .bias = bias});
  }

  // numerics.md section 6: of each 128 of k a bf16 dot from +0, then acc = fma(scale, partial, acc), blocks in order.
  void scaled_block(float* c, int64_t column, int64_t n, int64_t k, int64_t width, const float* bias) {
    gemm_.run({.a = a_,
               .b = panels_,
               .c = partial_,
               .ldc = n,
               .m = rows_,
               .n = n,
               .k = width,
               .element = kElement,
               .accumulate = false,
               .bias = nullptr});
    if (k == 0)
      for (int64_t i = 0; i < rows_; ++i) std::fill_n(c + i * p_.n, n, 0.0f);
    context_.kernels.add_scaled({.x = partial_,
                                 .y = c,
                                 .scale = p_.transposed ? w_.scale(k, column) : w_.scale(column, k),
                                 .rows = rows_,
                                 .n = n,
                                 .x_stride = n,
                                 .y_stride = p_.n});
    if (!bias) return;
    for (int64_t i = 0; i < rows_; ++i)
      for (int64_t j = 0; j < n; ++j) c[i * p_.n + j] += bias[j];
  }

  const Product& p_;
  const Task& task_;
  const Weight& w_;
  Context& context_;
  const int64_t rows_;
  const bool scaled_;
  const int64_t width_;  // of k
  const kernels::GemmKernel& gemm_;
  std::byte* a_;
  uint16_t* panels_;
  float* partial_;
};

}  // namespace

void run_blocks(const Product& p, const Task& t, int worker, Context& context) {
  Blocks(p, t, worker, context).run();
}

}  // namespace jamsu::ops::products

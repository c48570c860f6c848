#include "kernels/ref/rows.h"

#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

void rms_norm(const RmsNormParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const float scale = ref::rms_norm_row(p.x + r * p.x_stride, p.w, p.y + r * p.y_stride, p.d, p.eps);
    if (p.scale) p.scale[r] = scale;
  }
}

void rms_norm_backward(const RmsNormBackwardParams& p) {
  for (int64_t r = 0; r < p.rows; ++r)
    ref::rms_norm_backward_row(p.x + r * p.x_stride, p.w, p.dy + r * p.dy_stride, p.scale[r], p.dx + r * p.dx_stride,
                               p.d);
}

void norm_weight_grad(const NormWeightGradParams& p) {
  for (int64_t j = p.column_begin; j < p.column_end; ++j)
    p.out[j] = ref::norm_weight_grad_column(
        p.rows, [&](int64_t i) { return p.dy[i * p.dy_stride + j]; },
        [&](int64_t i) { return p.x[i * p.x_stride + j] * p.scale[i]; }, p.scratch);
}

void rope(const RopeParams& p) {
  const int64_t half = p.width / 2;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t h = 0; h < p.heads; ++h) {
      float* x = p.x + r * p.row_stride + h * p.head_stride;
      for (int64_t i = 0; i < half; ++i) {
        const float c = p.cosine[r * half + i], s = p.inverse ? -p.sine[r * half + i] : p.sine[r * half + i];
        if (p.layout == RopeLayout::interleaved)
          ref::rope_pair(x[2 * i], x[2 * i + 1], c, s);
        else
          ref::rope_pair(x[i], x[i + half], c, s);
      }
    }
}

void swiglu(const SwigluParams& p) {
  for (int64_t i = 0; i < p.count; ++i) p.h[i] = ref::swiglu_value(p.gate[i], p.up[i]);
}
void swiglu_backward(const SwigluBackwardParams& p) {
  for (int64_t i = 0; i < p.count; ++i) ref::swiglu_backward_value(p.gate[i], p.up[i], p.dh[i], p.dgate[i], p.dup[i]);
}

void log_softmax(const LogSoftmaxParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const float* x = p.x + r * p.x_stride;
    const auto s = ref::row_softmax(x, p.n);
    for (int64_t j = 0; j < p.n; ++j) p.y[r * p.y_stride + j] = (x[j] - s.max) - s.log_sum;
  }
}

void cross_entropy(const CrossEntropyParams& p) {
  for (int64_t r = 0; r < p.rows; ++r) {
    const float* x = p.logits + r * p.stride;
    float* d = p.dlogits ? p.dlogits + r * p.stride : nullptr;
    const int64_t label = p.labels[r];
    p.loss[r] = 0;
    if (label < 0) {
      for (int64_t j = 0; d && j < p.n; ++j) d[j] = 0;
      continue;
    }
    p.loss[r] = ref::cross_entropy_row(x, p.n, label, p.seed, d);
  }
}

void add_scaled(const AddScaledParams& p) {
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t i = 0; i < p.n; ++i) {
      float& y = p.y[r * p.y_stride + i];
      y = std::fma(p.scale, p.x[r * p.x_stride + i], y);
    }
}
void row_dot(const RowDotParams& p) {
  for (int64_t r = 0; r < p.rows; ++r)
    p.out[r] = ref::sum16_products<float>(
        p.n, [&](int64_t i) { return p.a[r * p.a_stride + i]; }, [&](int64_t i) { return p.b[r * p.b_stride + i]; });
}

void adamw(const AdamWParams& p) {
  for (int64_t i = 0; i < p.count; ++i) {
    const float g = p.g[i] * p.clip;
    const float decayed = p.p[i] * p.decay;
    p.m[i] = std::fma(p.one_minus_b1, g - p.m[i], p.m[i]);
    p.v[i] = std::fma(p.one_minus_b2, g * g, p.b2 * p.v[i]);
    const float d = std::sqrt(p.v[i]) / p.root_correction + p.eps;
    p.p[i] = std::fma(p.step, p.m[i] / d, decayed);
  }
}

}  // namespace

void register_ref_rows(Kernels& table) {
  table.rms_norm = {"ref_rms_norm", rms_norm};
  table.rms_norm_backward = {"ref_rms_norm_backward", rms_norm_backward};
  table.norm_weight_grad = {"ref_norm_weight_grad", norm_weight_grad};
  table.rope = {"ref_rope", rope};
  table.swiglu = {"ref_swiglu", swiglu};
  table.swiglu_backward = {"ref_swiglu_backward", swiglu_backward};
  table.log_softmax = {"ref_log_softmax", log_softmax};
  table.cross_entropy = {"ref_cross_entropy", cross_entropy};
  table.row_dot = {"ref_row_dot", row_dot};
  table.add_scaled = {"ref_add_scaled", add_scaled};
  table.adamw = {"ref_adamw", adamw};
}

}  // namespace jamsu::kernels

#include "kernels/cpu/rows.h"

#include "kernels/cpu/avx2/vec.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

void rms_norm(const RmsNormParams& p) {
  cpu::rms_norm<Avx2>(p);
}
void rms_norm_backward(const RmsNormBackwardParams& p) {
  cpu::rms_norm_backward<Avx2>(p);
}
void norm_weight_grad(const NormWeightGradParams& p) {
  cpu::norm_weight_grad<Avx2>(p);
}
void rope(const RopeParams& p) {
  cpu::rope<Avx2>(p);
}
void swiglu(const SwigluParams& p) {
  cpu::swiglu<Avx2>(p);
}
void swiglu_backward(const SwigluBackwardParams& p) {
  cpu::swiglu_backward<Avx2>(p);
}
void log_softmax(const LogSoftmaxParams& p) {
  cpu::log_softmax<Avx2>(p);
}
void cross_entropy(const CrossEntropyParams& p) {
  cpu::cross_entropy<Avx2>(p);
}
void row_dot(const RowDotParams& p) {
  cpu::row_dot<Avx2>(p);
}
void add_scaled(const AddScaledParams& p) {
  cpu::add_scaled<Avx2>(p);
}
void adamw(const AdamWParams& p) {
  cpu::adamw<Avx2>(p);
}

}  // namespace

void register_avx2_rows(Kernels& table) {
  table.rms_norm = {"avx2_rms_norm", rms_norm};
  table.rms_norm_backward = {"avx2_rms_norm_backward", rms_norm_backward};
  table.norm_weight_grad = {"avx2_norm_weight_grad", norm_weight_grad};
  table.rope = {"avx2_rope", rope};
  table.swiglu = {"avx2_swiglu", swiglu};
  table.swiglu_backward = {"avx2_swiglu_backward", swiglu_backward};
  table.log_softmax = {"avx2_log_softmax", log_softmax};
  table.cross_entropy = {"avx2_cross_entropy", cross_entropy};
  table.row_dot = {"avx2_row_dot", row_dot};
  table.add_scaled = {"avx2_add_scaled", add_scaled};
  table.adamw = {"avx2_adamw", adamw};
}

}  // namespace jamsu::kernels

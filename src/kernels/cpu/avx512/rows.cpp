#include "kernels/cpu/rows.h"

#include "kernels/cpu/avx512/vec.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

void rms_norm(const RmsNormParams& p) {
  cpu::rms_norm<Avx512>(p);
}
void rms_norm_backward(const RmsNormBackwardParams& p) {
  cpu::rms_norm_backward<Avx512>(p);
}
void norm_weight_grad(const NormWeightGradParams& p) {
  cpu::norm_weight_grad<Avx512>(p);
}
void rope(const RopeParams& p) {
  cpu::rope<Avx512>(p);
}
void swiglu(const SwigluParams& p) {
  cpu::swiglu<Avx512>(p);
}
void swiglu_backward(const SwigluBackwardParams& p) {
  cpu::swiglu_backward<Avx512>(p);
}
void log_softmax(const LogSoftmaxParams& p) {
  cpu::log_softmax<Avx512>(p);
}
void cross_entropy(const CrossEntropyParams& p) {
  cpu::cross_entropy<Avx512>(p);
}
void row_dot(const RowDotParams& p) {
  cpu::row_dot<Avx512>(p);
}
void add_scaled(const AddScaledParams& p) {
  cpu::add_scaled<Avx512>(p);
}
void adamw(const AdamWParams& p) {
  cpu::adamw<Avx512>(p);
}

}  // namespace

void register_avx512_rows(Kernels& table) {
  table.rms_norm = {"avx512_rms_norm", rms_norm};
  table.rms_norm_backward = {"avx512_rms_norm_backward", rms_norm_backward};
  table.norm_weight_grad = {"avx512_norm_weight_grad", norm_weight_grad};
  table.rope = {"avx512_rope", rope};
  table.swiglu = {"avx512_swiglu", swiglu};
  table.swiglu_backward = {"avx512_swiglu_backward", swiglu_backward};
  table.log_softmax = {"avx512_log_softmax", log_softmax};
  table.cross_entropy = {"avx512_cross_entropy", cross_entropy};
  table.row_dot = {"avx512_row_dot", row_dot};
  table.add_scaled = {"avx512_add_scaled", add_scaled};
  table.adamw = {"avx512_adamw", adamw};
}

}  // namespace jamsu::kernels

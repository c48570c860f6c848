#include "kernels/ref/attention.h"

#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

void store_kv(const StoreKvParams& p) {
  const int64_t d = p.first_width + p.second_width;
  for (int64_t i = 0; i < d; ++i)
    ref::set_panel_value(p.key_block, p.slot, i, d, p.element,
                         i < p.first_width ? p.first[i] : p.second[i - p.first_width]);
  for (int64_t i = 0; i < p.v_width; ++i)
    ref::set_panel_value(p.value_block, i, p.slot, kKeyBlock, p.element, p.value[i]);
}

// Element i of a row, of a key and of a value, where the params keep them.
auto row_reader(const float* x, int64_t stride) {
  return [=](int64_t row, int64_t i) { return x[row * stride + i]; };
}
auto row_writer(float* x, int64_t stride) {
  return [=](int64_t row, int64_t i) -> float& { return x[row * stride + i]; };
}
template <class Params>
auto key_reader(const Params& p) {
  return [&p](int64_t position, int64_t i) {
    return ref::panel_value(p.key_blocks[position / kKeyBlock], position % kKeyBlock, i, p.d, p.element);
  };
}
template <class Params>
auto value_reader(const Params& p) {
  return [&p](int64_t position, int64_t i) {
    return ref::panel_value(p.value_blocks[position / kKeyBlock], i, position % kKeyBlock, kKeyBlock, p.element);
  };
}

void attention(const AttentionParams& p) {
  const ref::AttentionShape<float> shape{p.rows, p.first_position, p.d, p.v, p.scale, p.element, p.window};
  for (int64_t row = 0; row < p.rows; ++row) {
    float lse = 0;
    ref::attention_row(shape, row_reader(p.q, p.q_stride), key_reader(p), value_reader(p), row,
                       p.out + row * p.out_stride, lse);
    if (p.lse) p.lse[row * p.lse_stride] = lse;
  }
}

void attention_backward(const AttentionBackwardParams& p) {
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t i = 0; i < p.d; ++i) p.dq[row * p.dq_stride + i] = 0;
    for (int64_t i = 0; i < p.d && !p.continue_kv; ++i) p.dk[row * p.dk_stride + i] = 0;
    for (int64_t i = 0; i < p.v && !p.continue_kv; ++i) p.dv[row * p.dv_stride + i] = 0;
  }
  const ref::AttentionShape<float> shape{p.rows, 0, p.d, p.v, p.scale, p.element, p.window};
  ref::attention_backward(
      shape, row_reader(p.q, p.q_stride), key_reader(p), value_reader(p), row_reader(p.out, p.out_stride),
      [&](int64_t row) { return p.lse[row * p.lse_stride]; }, row_reader(p.dout, p.out_stride),
      row_writer(p.dq, p.dq_stride), row_writer(p.dk, p.dk_stride), row_writer(p.dv, p.dv_stride));
}

}  // namespace

void register_ref_attention(Kernels& table) {
  table.store_kv = {"ref_store_kv", store_kv};
  table.attention = {"ref_attention", attention};
  table.attention_backward = {"ref_attention_backward", attention_backward};
}

}  // namespace jamsu::kernels

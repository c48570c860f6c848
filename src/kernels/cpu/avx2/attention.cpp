#include "kernels/cpu/attention.h"

#include "kernels/cpu/attention_backward.h"
#include "kernels/cpu/avx2/vec.h"
#include "kernels/cpu/store_kv.h"
#include "kernels/registry_parts.h"

namespace jamsu::kernels {
namespace {

void store_kv(const StoreKvParams& p) {
  cpu::store_kv<Avx2>(p);
}
void attention(const AttentionParams& p) {
  cpu::attention<Avx2>(p);
}
void attention_backward(const AttentionBackwardParams& p) {
  cpu::attention_backward<Avx2>(p);
}

}  // namespace

void register_avx2_attention(Kernels& table) {
  table.store_kv = {"avx2_store_kv", store_kv};
  table.attention = {"avx2_attention", attention};
  table.attention_backward = {"avx2_attention_backward", attention_backward};
}

}  // namespace jamsu::kernels

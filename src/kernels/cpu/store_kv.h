#pragma once
// One row of keys and values into its block (kernels/params.h) over the 16-lane type V. A key is a column of K's
// panels: its pairs of k lie 32 elements apart. A value is half of a row of pairs, even or odd, beside its neighbour's.
#include "kernels/cpu/rows.h"

namespace jamsu::kernels::cpu {

// Element k of the key in `slot`: even ones of a pair at its start, odd ones beside it (bf16) or 16 on (f32).
template <class E>
[[gnu::always_inline]] static inline E* key_element(E* panels, int64_t pairs, int64_t slot, int64_t k) {
  E* pair = panels + ((slot / kLanes) * pairs + k / 2) * 32;
  return sizeof(E) == 2 ? pair + slot % kLanes * 2 + k % 2 : pair + k % 2 * kLanes + slot % kLanes;
}

template <class V, class E>
static inline void store_key_part(const float* from, int64_t width, int64_t k0, E* panels, int64_t pairs,
                                  int64_t slot) {
  for (int64_t i = 0; i < width; i += kLanes) {
    const int64_t n = width - i < kLanes ? width - i : kLanes;
    alignas(64) E rounded[kLanes];
    const V x = load<V>(from + i, n);
    if constexpr (sizeof(E) == 2)
      V::store_bf16(rounded, x);
    else
      x.store(rounded);
    for (int64_t j = 0; j < n; ++j) *key_element(panels, pairs, slot, k0 + i + j) = rounded[j];
  }
}

template <class V, class E>
static inline void store_kv_elements(const StoreKvParams& p) {
  auto* keys = static_cast<E*>(p.key_block);
  const int64_t pairs = round_up(p.first_width + p.second_width, kDotBlock) / 2;
  store_key_part<V, E>(p.first, p.first_width, 0, keys, pairs, p.slot);
  store_key_part<V, E>(p.second, p.second_width, p.first_width, keys, pairs, p.slot);
  E* row = static_cast<E*>(p.value_block) + p.slot / 2 * 32;
  for (int64_t i = 0; i < p.v_width; i += kLanes, row += kKeyBlock * kLanes) {
    const V x = load<V>(p.value + i, p.v_width - i);  // beyond the width: zero, as padding is
    if (p.slot % 2)
      V::store_pair(row, V::even(row), x);
    else
      V::store_pair(row, x, V::odd(row));
  }
}

template <class V>
static inline void store_kv(const StoreKvParams& p) {
  if (p.element == Element::bf16)
    store_kv_elements<V, uint16_t>(p);
  else
    store_kv_elements<V, float>(p);
}

}  // namespace jamsu::kernels::cpu

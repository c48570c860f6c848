#pragma once
// The definitions everything else is compared with, written to be obviously right: docs/numerics.md sections 1 and 2.
// Templates over the scalar: float is the contract, double (no rounding to bf16) serves finite differences in tests.
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/math.h"
#include "kernels/params.h"

namespace jamsu::kernels::ref {

template <class T>
T rounded(T x, Element element) {
  if constexpr (std::is_same_v<T, float>)
    return element == Element::bf16 ? round_to_bf16(x) : x;
  else
    return x;
}

template <class T>
T exp(T x) {
  return math::exp(x);
}

// acc, then per block of 32: even k in order and odd k in order by FMA from +0; acc = acc + (even + odd).
template <class T, class A, class B>
T dot(int64_t k_count, const A& a, const B& b, T acc) {
  for (int64_t block = 0; block < k_count; block += kDotBlock) {
    T even = 0, odd = 0;
    for (int64_t k = block; k < block + kDotBlock; ++k) {
      const T x = k < k_count ? a(k) : T(0), y = k < k_count ? b(k) : T(0);
      T& chain = k % 2 ? odd : even;
      chain = std::fma(x, y, chain);
    }
    acc = acc + (even + odd);
  }
  return acc;
}

// 16 lanes from +0, lane l takes l, l + 16, ...; then the tree 8, 4, 2, 1. `step` folds one element into its lane.
template <class T, class Step>
T sum16_by(int64_t count, const Step& step) {
  T lanes[16] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i % 16] = step(i, lanes[i % 16]);
  for (int width = 8; width >= 1; width /= 2)
    for (int l = 0; l < width; ++l) lanes[l] = lanes[l] + lanes[l + width];
  return lanes[0];
}
template <class T, class X>
T sum16(int64_t count, const X& x) {
  return sum16_by<T>(count, [&](int64_t i, T lane) { return lane + x(i); });
}
template <class T, class X, class Y>
T sum16_products(int64_t count, const X& x, const Y& y) {
  return sum16_by<T>(count, [&](int64_t i, T lane) { return std::fma(x(i), y(i), lane); });
}

// Neighbours paired in index order, an odd last one carried; over `values`, which are consumed.
template <class T>
T tree_sum(T* values, int64_t count) {
  if (count == 0) return T(0);
  for (; count > 1; count = count / 2 + count % 2) {
    for (int64_t i = 0; i < count / 2; ++i) values[i] = values[2 * i] + values[2 * i + 1];
    if (count % 2) values[count / 2] = values[count - 1];
  }
  return values[0];
}
// A long sum: chunks of 4,096 values by sum16, chunk results by the tree.
template <class T, class X>
T long_sum(int64_t count, const X& x) {
  std::vector<T> chunks;
  for (int64_t begin = 0; begin < count; begin += 4096)
    chunks.push_back(sum16<T>(count - begin < 4096 ? count - begin : 4096, [&](int64_t i) { return x(begin + i); }));
  return tree_sum(chunks.data(), static_cast<int64_t>(chunks.size()));
}

// max: any NaN gives NaN.
template <class T>
T max_or_nan(T a, T b) {
  if (std::isnan(a)) return a;
  if (std::isnan(b)) return b;
  return a > b ? a : b;
}

// Element (column, k) of panels, widened (kernels/params.h).
inline int64_t panel_index(int64_t column, int64_t k, int64_t k_count, Element element) {
  const int64_t pairs = round_up(k_count, kDotBlock) / 2, pair = (column / kLanes) * pairs + k / 2;
  return element == Element::bf16 ? pair * 32 + (column % kLanes) * 2 + k % 2
                                  : pair * 32 + (k % 2) * kLanes + column % kLanes;
}
inline float panel_value(const void* panels, int64_t column, int64_t k, int64_t k_count, Element element) {
  const int64_t i = panel_index(column, k, k_count, element);
  return element == Element::bf16 ? bf16_to_f32(static_cast<const uint16_t*>(panels)[i])
                                  : static_cast<const float*>(panels)[i];
}
inline void set_panel_value(void* panels, int64_t column, int64_t k, int64_t k_count, Element element, float value) {
  const int64_t i = panel_index(column, k, k_count, element);
  if (element == Element::bf16)
    static_cast<uint16_t*>(panels)[i] = f32_to_bf16(value);
  else
    static_cast<float*>(panels)[i] = value;
}

}  // namespace jamsu::kernels::ref

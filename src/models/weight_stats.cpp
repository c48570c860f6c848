#include "models/weight_stats.h"

#include <cmath>

#include "base/e4m3.h"
#include "base/math.h"
#include "tensor/f16.h"

namespace jamsu::models {
namespace {

template <class ValueAt>
WeightStats count(int64_t n, const ValueAt& value_at) {
  WeightStats s{.elements = n};
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float x = value_at(i);
    if (std::isnan(x)) {
      ++s.nan;
    } else if (std::isinf(x)) {
      ++s.infinite;
    } else {
      s.zero += x == 0;
      squares += static_cast<double>(x) * static_cast<double>(x);
      s.largest = std::max(s.largest, std::abs(static_cast<double>(x)));
    }
  }
  const int64_t finite = n - s.nan - s.infinite;
  s.rms = finite > 0 ? std::sqrt(squares / static_cast<double>(finite)) : 0;
  return s;
}

}  // namespace

bool is_floating(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16 || dtype == DType::f8_e4m3;
}

WeightStats weight_stats(const Tensor& values) {
  const int64_t n = values.elements();
  const auto* halves = reinterpret_cast<const uint16_t*>(values.raw());
  const auto* bytes = reinterpret_cast<const uint8_t*>(values.raw());
  switch (values.dtype()) {
    case DType::f32:
      return count(n, [x = values.f32()](int64_t i) { return x[i]; });
    case DType::bf16:
      return count(n, [halves](int64_t i) { return bf16_to_f32(halves[i]); });
    case DType::f16:
      return count(n, [halves](int64_t i) { return f16_to_f32(halves[i]); });
    case DType::f8_e4m3:
      return count(n, [bytes](int64_t i) { return e4m3_to_f32(bytes[i]); });
    default:
      JAMSU_CHECK(false);
      return {};
  }
}

}  // namespace jamsu::models

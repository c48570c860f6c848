#include "tensor/format.h"

#include <cstring>

#include "base/e4m3.h"
#include "base/math.h"
#include "tensor/f16.h"

namespace jamsu {
namespace {

// Not where it is 1: a product would flush subnormals and quiet NaN.
void multiply(float* values, int64_t count, float scale) {
  if (scale == 1) return;
  for (int64_t i = 0; i < count; ++i) values[i] *= scale;
}

void decode_f32(const std::byte* blocks, int64_t count, float scale, float* values) {
  std::memcpy(values, blocks, static_cast<size_t>(count) * sizeof(float));
  multiply(values, count, scale);
}
void decode_f16(const std::byte* blocks, int64_t count, float scale, float* values) {
  const auto* from = reinterpret_cast<const uint16_t*>(blocks);
  for (int64_t i = 0; i < count; ++i) values[i] = f16_to_f32(from[i]);
  multiply(values, count, scale);
}
void decode_bf16(const std::byte* blocks, int64_t count, float scale, float* values) {
  const auto* from = reinterpret_cast<const uint16_t*>(blocks);
  for (int64_t i = 0; i < count; ++i) values[i] = bf16_to_f32(from[i]);
  multiply(values, count, scale);
}
void decode_e4m3(const std::byte* blocks, int64_t count, float scale, float* values) {
  const auto* from = reinterpret_cast<const uint8_t*>(blocks);
  for (int64_t i = 0; i < count; ++i) values[i] = e4m3_to_f32(from[i]);
  multiply(values, count, scale);
}

}  // namespace

constexpr Format kF32Format{.name = "F32", .block_elements = 1, .block_bytes = 4, .decode = decode_f32};
constexpr Format kF16Format{.name = "F16", .block_elements = 1, .block_bytes = 2, .decode = decode_f16};
constexpr Format kBf16Format{
    .name = "BF16", .block_elements = 1, .block_bytes = 2, .used_as_it_lies = true, .decode = decode_bf16};
constexpr Format kE4m3Format{.name = "F8_E4M3",
                             .block_elements = 1,
                             .block_bytes = 1,
                             .scales = Scales::beside,
                             .scale_block = 128,
                             .used_as_it_lies = true,
                             .decode = decode_e4m3};

Shape Format::scale_shape(int64_t rows, int64_t width) const {
  if (scales != Scales::beside) return {0, 0};
  return {(rows + scale_block - 1) / scale_block, (width + scale_block - 1) / scale_block};
}

std::span<const Format* const> all_formats() {
  static constexpr const Format* kAll[] = {&kF32Format, &kBf16Format, &kF16Format, &kE4m3Format};
  return kAll;
}

const Format* format_of(DType dtype) {
  return format_named(dtype_name(dtype));
}

const Format* format_named(std::string_view name) {
  for (const Format* format : all_formats())
    if (format->name == name) return format;
  return nullptr;
}

const Format& format_in_bf16_mode(const Format& format) {
  return format.used_as_it_lies ? format : kBf16Format;
}

}  // namespace jamsu

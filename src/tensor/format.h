#pragma once
// The formats a weight may have, in one table: how many values a block holds and in how many bytes, where its scales
// lie, how it is read. Sizes of weights, distances of their rows and whether a file's tensor may be one are asked here;
// bytes a value are not, for 4.5 bits (32 values in 18 bytes) have no such number. docs/numerics.md section 6 says what
// a product with each of them is.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/tensor.h"

namespace jamsu {

enum class Scales : uint8_t {
  none,
  beside,  // f32 in a tensor of their own, one for each block of scale_block x scale_block values of the matrix
  inside,  // among the bytes of each block
};

struct Format {
  std::string_view name;  // as safetensors, or GGUF, writes it
  // A row is blocks one behind the other; the last one may be filled in part, its bytes are all there.
  int64_t block_elements = 1, block_bytes = 1;
  Scales scales = Scales::none;
  int64_t scale_block = 0;  // with Scales::beside: rows and columns that share one
  // In bf16 mode kernels read such rows where they lie; those of other formats become rows of BF16.
  bool used_as_it_lies = false;
  // The values of `count` blocks as f32, each multiplied with the scale beside (1 where there is none), one rounding
  // each. For tests, f32 mode and what need not be fast.
  void (*decode)(const std::byte* blocks, int64_t count, float scale, float* values) = nullptr;

  int64_t blocks(int64_t width) const { return (width + block_elements - 1) / block_elements; }
  // From one row of `width` values to the next; also where value `width` of a row begins, if it begins a block.
  int64_t row_bytes(int64_t width) const { return blocks(width) * block_bytes; }
  // Of a matrix, without what lies beside it.
  int64_t bytes(int64_t rows, int64_t width) const { return rows * row_bytes(width); }
  // Of the scales beside it: [down, across]; [0, 0] where there are none.
  Shape scale_shape(int64_t rows, int64_t width) const;
  int64_t scale_bytes(int64_t rows, int64_t width) const { return 4 * scale_shape(rows, width).elements(); }
};

extern const Format kF32Format, kF16Format, kBf16Format;
extern const Format kE4m3Format;  // base/e4m3.h, a scale beside for each block of 128 x 128 (DeepSeek-V3)

// Every row of the table.
std::span<const Format* const> all_formats();
// Null where the table has none: integers, bytes.
const Format* format_of(DType dtype);
const Format* format_named(std::string_view name);
// What a matrix of this format is in bf16 mode: itself, or rows of BF16.
const Format& format_in_bf16_mode(const Format& format);

}  // namespace jamsu

// The table of formats, and a made-up row of 4.5 bits: what cannot be said as bytes a value comes out right.
#include "tensor/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "base/math.h"

namespace jamsu {
namespace {

TEST(Format, EachRowOfTheTableIsWhatItsNameSays) {
  std::set<std::string_view> names;
  for (const Format* format : all_formats()) {
    EXPECT_TRUE(names.insert(format->name).second);
    EXPECT_EQ(format_named(format->name), format);
    EXPECT_NE(format->decode, nullptr);
    EXPECT_EQ(format->scale_block > 0, format->scales == Scales::beside);
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"F32", "BF16", "F16", "F8_E4M3"}));
  // Those that tensors have too take as many bytes.
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::f8_e4m3}) {
    const Format* format = format_of(dtype);
    ASSERT_NE(format, nullptr);
    EXPECT_EQ(format->name, dtype_name(dtype));
    EXPECT_EQ(format->bytes(7, 33), 7 * 33 * dtype_bytes(dtype));
  }
  for (const DType dtype : {DType::f8_e8m0, DType::i8, DType::u8, DType::i32, DType::u32, DType::i64, DType::boolean})
    EXPECT_EQ(format_of(dtype), nullptr);
  EXPECT_EQ(format_named("Q4_0"), nullptr);
  EXPECT_EQ(&format_in_bf16_mode(kF32Format), &kBf16Format);
  EXPECT_EQ(&format_in_bf16_mode(kF16Format), &kBf16Format);
  EXPECT_EQ(&format_in_bf16_mode(kBf16Format), &kBf16Format);
  EXPECT_EQ(&format_in_bf16_mode(kE4m3Format), &kE4m3Format);
}

TEST(Format, ScalesBesideAreOneForEach128x128) {
  EXPECT_EQ(kE4m3Format.scale_shape(1, 1), Shape({1, 1}));
  EXPECT_EQ(kE4m3Format.scale_shape(128, 129), Shape({1, 2}));
  EXPECT_EQ(kE4m3Format.scale_shape(7168, 18432), Shape({56, 144}));
  EXPECT_EQ(kE4m3Format.scale_bytes(300, 260), 4 * 3 * 3);
  EXPECT_EQ(kBf16Format.scale_bytes(300, 260), 0);
}

TEST(Format, DecodesToTheValuesThatAreMeant) {
  const float f32[] = {1.5f, -0.0f, 1e-40f, INFINITY};
  float got[4];
  kF32Format.decode(reinterpret_cast<const std::byte*>(f32), 4, 1.0f, got);
  EXPECT_EQ(std::memcmp(got, f32, sizeof got), 0);  // subnormals and signs too
  kF32Format.decode(reinterpret_cast<const std::byte*>(f32), 1, 2.0f, got);
  EXPECT_EQ(got[0], 3.0f);
  const uint16_t f16[] = {0x3C00, 0xC000, 0x7BFF, 0x0001};
  kF16Format.decode(reinterpret_cast<const std::byte*>(f16), 4, 1.0f, got);
  EXPECT_EQ(std::vector<float>(got, got + 4), (std::vector<float>{1, -2, 65504, 0x1p-24f}));
  const uint16_t bf16[] = {f32_to_bf16(3.0f), f32_to_bf16(-0.5f)};
  kBf16Format.decode(reinterpret_cast<const std::byte*>(bf16), 2, 1.0f, got);
  EXPECT_EQ(std::vector<float>(got, got + 2), (std::vector<float>{3, -0.5f}));
  const uint8_t e4m3[] = {0x38, 0xB8, 0x7E, 0x01};
  kE4m3Format.decode(reinterpret_cast<const std::byte*>(e4m3), 4, 0.5f, got);
  EXPECT_EQ(std::vector<float>(got, got + 4), (std::vector<float>{0.5f, -0.5f, 224, 0x1p-10f}));
}

// As GGUF's Q4_0: 32 values in 18 bytes, f16 scale first, then nibbles, the low ones the first 16 values.
constexpr Format kMadeUp{.name = "MADE_UP",
                         .block_elements = 32,
                         .block_bytes = 18,
                         .scales = Scales::inside,
                         .used_as_it_lies = true,
                         .decode = [](const std::byte* blocks, int64_t count, float scale, float* values) {
                           for (int64_t b = 0; b < count; ++b, blocks += 18)
                             for (int64_t i = 0; i < 32; ++i) {
                               const auto byte = std::to_integer<int>(blocks[2 + i % 16]);
                               const int q = (i < 16 ? byte & 15 : byte >> 4) - 8;
                               values[b * 32 + i] = static_cast<float>(q) * 0.25f * scale;
                             }
                         }};

TEST(Format, FourAndAHalfBitsCanBeSaid) {
  EXPECT_EQ(kMadeUp.row_bytes(4096), 4096 * 9 / 16);
  EXPECT_EQ(kMadeUp.bytes(14336, 4096), int64_t{14336} * 4096 * 9 / 16);
  EXPECT_EQ(kMadeUp.row_bytes(32), 18);
  EXPECT_EQ(kMadeUp.row_bytes(33), 36);  // bytes of a block are all there
  EXPECT_EQ(kMadeUp.row_bytes(0), 0);
  EXPECT_EQ(kMadeUp.scale_bytes(14336, 4096), 0);  // inside
  EXPECT_EQ(&format_in_bf16_mode(kMadeUp), &kMadeUp);
  std::vector<std::byte> row(static_cast<size_t>(kMadeUp.row_bytes(64)), std::byte{0x8C});
  std::vector<float> values(64);
  kMadeUp.decode(row.data(), kMadeUp.blocks(64), 1.0f, values.data());
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(values[i], i % 32 < 16 ? 1.0f : 0.0f) << i;
}

}  // namespace
}  // namespace jamsu

// Rows of latents in a cache, heads taken apart and put together, and the versions of weights.
#include "ops/latent.h"

#include <set>

#include "base/math.h"
#include "ops/op_test_support.h"
#include "ops/weight.h"

namespace jamsu::ops {
namespace {

using test::tensor_of;
using test::values_of;

// Two sequences in pieces of 20 and 25 rows, and 3: what is read back is what was written, rounded in bf16.
TEST(Latent, RowsComeBackRounded) {
  constexpr int64_t kLatent = 6, kRope = 4, kWidth = kLatent + kRope;
  for (const kernels::Element element : {kernels::Element::bf16, kernels::Element::f32}) {
    Runtime runtime(1, kernels::best_isa(), Numerics::bf16);
    Context& context = runtime.context();
    const LatentGeometry geometry{.latent = kLatent, .rope = kRope, .element = element};
    const auto latent = kernels::test::random_values(48 * kLatent, 1),
               rope = kernels::test::random_values(48 * kRope, 2);
    std::vector<std::vector<std::byte>> blocks(3,
                                               std::vector<std::byte>(static_cast<size_t>(32 * geometry.row_bytes())));
    const std::vector<std::byte*> first = {blocks[0].data(), blocks[1].data()}, second = {blocks[2].data()};
    const auto rows = [&](const std::vector<float>& values, int64_t begin, int64_t count, int64_t width) {
      return tensor_of({values.begin() + begin * width, values.begin() + (begin + count) * width}, {count, width},
                       context);
    };
    const std::vector<KvSegment> early{{0, 20, 0, first}}, late{{0, 25, 20, first}, {25, 3, 0, second}};
    store_latents(rows(latent, 0, 20, kLatent), rows(rope, 0, 20, kRope), early, geometry);
    store_latents(rows(latent, 20, 28, kLatent), rows(rope, 20, 28, kRope), late, geometry);
    const Latents all = load_latents(late, geometry, context);
    ASSERT_EQ(all.latent.shape(), Shape({48, kLatent}));
    ASSERT_EQ(all.k_rope.shape(), Shape({48, kRope}));
    const auto stored = [&](float x) { return element == kernels::Element::bf16 ? round_to_bf16(x) : x; };
    for (size_t i = 0; i < latent.size(); ++i) EXPECT_EQ(all.latent.f32()[i], stored(latent[i])) << i;
    for (size_t i = 0; i < rope.size(); ++i) EXPECT_EQ(all.k_rope.f32()[i], stored(rope[i])) << i;
    EXPECT_EQ(geometry.row_bytes(), kWidth * kernels::element_bytes(element));

    const TemporaryBlocks blocks_of = temporary_blocks(late, {.heads = 2, .d = 5, .v = 3, .element = element}, context);
    ASSERT_EQ(blocks_of.positions.size(), 2u);
    EXPECT_EQ(blocks_of.positions[0].rows, 45);
    EXPECT_EQ(blocks_of.positions[1].first_row, 45);
    EXPECT_EQ(blocks_of.rows[0].position, 20);
    EXPECT_EQ(blocks_of.rows[1].first_row, 25);
    EXPECT_EQ(blocks_of.positions[0].blocks, blocks_of.rows[0].blocks);
    EXPECT_EQ(blocks_of.rows[0].blocks.size(), 2u);
  }
}

TEST(Latent, HeadsGoApartAndTogether) {
  Runtime runtime(1, kernels::best_isa(), Numerics::f32);
  Context& context = runtime.context();
  // Two rows of two heads of three columns.
  Tensor x = tensor_of({0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}, {2, 6}, context);
  const Tensor apart = head_columns(x, 2, 1, 2, context);
  EXPECT_EQ(values_of(apart), (std::vector<float>{1, 2, 11, 12, 4, 5, 14, 15}));
  put_head_columns(apart, 2, 0, x);
  EXPECT_EQ(values_of(x), (std::vector<float>{1, 2, 2, 4, 5, 5, 11, 12, 12, 14, 15, 15}));
  EXPECT_EQ(values_of(transposed(tensor_of({1, 2, 3, 4, 5, 6}, {2, 3}, context), context)),
            (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

TEST(Weight, EveryChangeIsAnotherVersion) {
  Runtime runtime(1, kernels::best_isa(), Numerics::bf16);
  Context& context = runtime.context();
  const Tensor values = tensor_of(kernels::test::random_values(6, 3), {2, 3}, context);
  Tensor rows = context.zeros({2, 3}, DType::bf16);
  const Tensor fp8 = context.zeros({2, 3}, DType::f8_e4m3), scales = tensor_of({1}, {1, 1}, context);
  std::set<uint64_t> versions = {Weight{}.version};
  Weight w = make_weight(values, kernels::Element::bf16, Packs::forward_and_backward, context);
  EXPECT_TRUE(versions.insert(w.version).second);
  const Weight copy = w;
  EXPECT_EQ(copy.version, w.version);
  refresh_weight(w, values, context);
  EXPECT_TRUE(versions.insert(w.version).second);
  EXPECT_TRUE(versions.insert(make_weight(values, kernels::Element::f32, Packs::forward, context).version).second);
  EXPECT_TRUE(versions.insert(make_stored_weight(rows).version).second);
  EXPECT_TRUE(versions.insert(make_fp8_weight(fp8, scales, context).version).second);
  EXPECT_EQ(versions.size(), 6u);
}

}  // namespace
}  // namespace jamsu::ops

// SequenceState: paged keys and values, plain rows,
// and a fixed state (a toy recurrent layer keeps the interface honest).
#include "models/sequence_state.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "base/thread_pool.h"
#include "kernels/registry.h"

namespace jamsu::models {
namespace {

StateLayout kv_layout(kernels::Element element) {
  StateLayout layout;
  layout.layers = {PagedKv{{.heads = 2, .d = 20, .v = 12, .element = element}}, PagedRows{.row_bytes = 48}};
  return layout;
}

// Writes positions [from, to) of layer 0 with keys and values 1 + position.
void fill(SequenceState& state, const StateLayout& layout, int64_t from, int64_t to) {
  const auto& g = std::get<PagedKv>(layout.layers[0]).geometry;
  const auto& kernels = kernels::kernels_for(kernels::Isa::ref);
  const auto blocks = state.blocks(0);
  for (int64_t p = from; p < to; ++p) {
    const std::vector<float> values(32, static_cast<float>(1 + p));
    for (int64_t h = 0; h < g.heads; ++h) {
      std::byte* block = blocks[static_cast<size_t>(p / 32)] + h * g.head_bytes();
      kernels.store_kv(
          {values.data(), nullptr, values.data(), 20, 0, 12, block, block + g.key_bytes(), p % 32, g.element});
    }
  }
}

// Sum of the value rows of positions [from, to) of head 1.
float value_sum(const SequenceState& state, const StateLayout& layout, int64_t from, int64_t to) {
  const auto& g = std::get<PagedKv>(layout.layers[0]).geometry;
  float sum = 0;
  for (int64_t p = from; p < to; ++p) {
    const std::byte* values = state.blocks(0)[static_cast<size_t>(p / 32)] + g.head_bytes() + g.key_bytes();
    for (int64_t i = 0; i < 12; ++i) {
      const int64_t pair = p % 32 / 2, slot = p % 2;
      sum += g.element == kernels::Element::f32
                 ? reinterpret_cast<const float*>(values)[pair * 32 + slot * 16 + i]
                 : static_cast<float>(reinterpret_cast<const uint16_t*>(values)[pair * 32 + i * 2 + slot] != 0);
    }
  }
  return sum;
}

TEST(SequenceState, TruncateZeroesTheValuesBehindIt) {
  for (const auto element : {kernels::Element::bf16, kernels::Element::f32}) {
    Allocator memory;
    const StateLayout layout = kv_layout(element);
    SequenceState state(layout, memory);
    state.reserve(70);
    fill(state, layout, 0, 70);
    state.advance(70);
    ASSERT_TRUE(state.truncate(41));
    EXPECT_EQ(state.length(), 41);
    EXPECT_EQ(state.blocks(0).size(), 2u);
    EXPECT_EQ(value_sum(state, layout, 41, 64), 0.0f);
    EXPECT_NE(value_sum(state, layout, 40, 41), 0.0f);
  }
}

TEST(SequenceState, AForkSharesWholeBlocksAndNeverWritesThem) {
  Allocator memory;
  const StateLayout layout = kv_layout(kernels::Element::f32);
  SequenceState state(layout, memory);
  state.reserve(70);
  fill(state, layout, 0, 70);
  state.advance(70);
  auto fork = state.fork(40);
  ASSERT_NE(fork, nullptr);
  EXPECT_EQ(fork->blocks(0)[0], state.blocks(0)[0]);
  EXPECT_NE(fork->blocks(0)[1], state.blocks(0)[1]);
  EXPECT_EQ(value_sum(*fork, layout, 40, 64), 0.0f);
  const float before = value_sum(state, layout, 0, 70);
  ASSERT_TRUE(fork->truncate(10));  // inside a shared block: it is copied first
  EXPECT_EQ(value_sum(state, layout, 0, 70), before);
  EXPECT_EQ(value_sum(*fork, layout, 10, 32), 0.0f);
}

TEST(SequenceState, MemoryIsCountedAndReturned) {
  Allocator memory;
  const StateLayout layout = kv_layout(kernels::Element::bf16);
  {
    SequenceState state(layout, memory);
    state.reserve(33);
    EXPECT_EQ(state.bytes(), layout.bytes_for(33));
    EXPECT_EQ(layout.bytes_for(32) * 2, layout.bytes_for(33));
    EXPECT_GE(memory.bytes_in_use(), state.bytes());
  }
  EXPECT_EQ(memory.bytes_in_use(), 0);
}

// A recurrent layer: state = 0.5 state + token. It can go nowhere but on, and only a fork of the present is possible.
TEST(SequenceState, AFixedStateGoesThroughTheSameDoor) {
  Allocator memory;
  StateLayout layout;
  layout.layers = {FixedState{.bytes = 16}};
  SequenceState state(layout, memory);
  const auto step = [](SequenceState& s, float token) {
    s.reserve(1);
    auto* x = reinterpret_cast<float*>(s.fixed(0));
    x[0] = 0.5f * x[0] + token;
    s.advance(1);
    return x[0];
  };
  EXPECT_EQ(step(state, 4), 4.0f);
  EXPECT_EQ(step(state, 4), 6.0f);
  EXPECT_FALSE(state.truncate(1));
  EXPECT_EQ(state.fork(1), nullptr);
  auto fork = state.fork(2);
  ASSERT_NE(fork, nullptr);
  EXPECT_EQ(step(*fork, 1), 4.0f);
  EXPECT_EQ(step(state, 2), 5.0f);
  ASSERT_TRUE(state.truncate(0));
  EXPECT_EQ(step(state, 1), 1.0f);
}

}  // namespace
}  // namespace jamsu::models

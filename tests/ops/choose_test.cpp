// Which strategy a product takes and how it is cut, written out: a change of either fails here. And, for many sizes,
// that every value of C belongs to exactly one task.
#include "ops/products/choose.h"

#include <gtest/gtest.h>

#include <vector>

namespace jamsu::ops::products {
namespace {

// A kernel as AVX has it, for few rows; or as AMX has it.
kernels::Kernels table(int64_t max_rows, bool many_rows) {
  kernels::Kernels t = kernels::kernels_for(kernels::Isa::ref);  // a row of A: four bytes a value
  for (kernels::StoredKernel* kernel : {&t.gemm_stored_bf16, &t.gemm_stored_e4m3}) {
    kernel->max_rows = max_rows;
    kernel->many_rows = many_rows;
  }
  return t;
}

TEST(Choose, WhatIsDoneStandsHere) {
  const kernels::Kernels few = table(4, false), many = table(512, true);
  const Format *bf16 = &kBf16Format, *e4m3 = &kE4m3Format;
  EXPECT_EQ(describe({8, 64, 64}, 4, few), "panels, 8 rows: 1 task of 8 rows x 4 panels");
  EXPECT_EQ(describe({8, 2048, 2048}, 1, few), "panels, 8 rows: 1 task of 8 rows x 128 panels");
  EXPECT_EQ(describe({8, 2048, 2048}, 4, few), "panels, 8 rows: 8 tasks of up to 8 rows x 16 panels");
  EXPECT_EQ(describe({300, 64, 2048}, 4, few), "panels, 300 rows: 4 tasks of up to 96 rows x 4 panels");
  EXPECT_EQ(describe({300, 64, 2048}, 4, many), "panels, 300 rows: 4 tasks of up to 96 rows x 4 panels");
  for (const Format* format : {bf16, e4m3}) {
    EXPECT_EQ(describe({4, 2048, 2048, format}, 4, few), "stored, 4 rows: 32 tasks of up to 4 rows x 4 panels");
    EXPECT_EQ(describe({5, 2048, 2048, format}, 4, few), "blocks, 5 rows: 8 tasks of up to 5 rows x 16 panels");
    EXPECT_EQ(describe({400, 2048, 2048, format}, 4, few), "blocks, 400 rows: 15 tasks of up to 138 rows x 26 panels");
    EXPECT_EQ(describe({128, 2048, 2048, format}, 4, many), "stored, 128 rows: 32 tasks of up to 128 rows x 4 panels");
    EXPECT_EQ(describe({512, 2048, 2048, format}, 4, many), "stored, 512 rows: 8 tasks of up to 512 rows x 16 panels");
    EXPECT_EQ(describe({600, 2048, 2048, format}, 4, many),
              "stored, 600 rows in pieces of 320: 16 tasks of up to 320 rows x 16 panels");
    // dX reads the rows the other way: by blocks, whatever the kernels are.
    for (const kernels::Kernels* kernels : {&few, &many}) {
      EXPECT_EQ(describe({2, 2048, 2048, format, true}, 4, *kernels),
                "blocks, 2 rows: 8 tasks of up to 2 rows x 16 panels");
      EXPECT_EQ(describe({400, 2048, 2048, format, true}, 4, *kernels),
                "blocks, 400 rows: 15 tasks of up to 138 rows x 26 panels");
    }
  }
}

TEST(Choose, GateAndUpComeTogetherWhereAllThreeLie) {
  const kernels::Kernels few = table(4, false), many = table(512, true);
  const Format *bf16 = &kBf16Format, *e4m3 = &kE4m3Format;
  EXPECT_TRUE(joins_gate_and_up(129, bf16, bf16, bf16, many));
  EXPECT_TRUE(joins_gate_and_up(129, e4m3, e4m3, bf16, many));
  EXPECT_FALSE(joins_gate_and_up(128, bf16, bf16, bf16, many));
  EXPECT_FALSE(joins_gate_and_up(129, bf16, bf16, bf16, few));
  EXPECT_FALSE(joins_gate_and_up(129, bf16, e4m3, bf16, many));
  EXPECT_FALSE(joins_gate_and_up(129, bf16, bf16, nullptr, many));
  EXPECT_FALSE(joins_gate_and_up(129, nullptr, nullptr, nullptr, many));
  EXPECT_EQ(gated_pieces(300, 4), 4);
  EXPECT_EQ(gated_pieces(33, 4), 2);  // units of 32 columns
  EXPECT_EQ(gated_pieces(2048, 3), 18);
}

TEST(Choose, EveryValueBelongsToOneTask) {
  const kernels::Kernels tables[] = {table(4, false), table(512, true)};
  for (const kernels::Kernels& kernels : tables)
    for (const Format* format : {static_cast<const Format*>(nullptr), &kBf16Format})
      for (const bool transposed : {false, true})
        for (const int threads : {1, 2, 3, 16})
          for (const int64_t m : {0, 1, 4, 5, 95, 96, 97, 129, 400, 512, 1100})
            for (const int64_t n : {1, 16, 17, 300, 2048})
              for (const int64_t k : {1, 600}) {
                const Size size{m, n, k, format, transposed};
                const Choice choice = choose(size, kernels);
                const int64_t panels = (n + 15) / 16;
                int64_t taken = 0;
                for (int64_t row = 0; row < m; row += choice.rows) {
                  Size piece = size;
                  piece.m = std::min(choice.rows, m - row);
                  std::vector<Task> tasks;
                  cut(piece, choice.strategy, threads, kernels, 7, tasks);
                  std::vector<int> seen(static_cast<size_t>(piece.m * panels));
                  for (const Task& t : tasks) {
                    EXPECT_EQ(t.product, 7u);
                    for (int64_t r = t.row_begin; r < t.row_end; ++r)
                      for (int64_t p = t.panel_begin; p < t.panel_end; ++p)
                        ++seen.at(static_cast<size_t>(r * panels + p));
                  }
                  for (const int count : seen) ASSERT_EQ(count, 1) << describe(size, threads, kernels);
                  taken += piece.m;
                }
                EXPECT_EQ(taken, m);
              }
}

}  // namespace
}  // namespace jamsu::ops::products

// BPE's merging of long pieces against its definition, and the queue behind it.
#include "tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/rng.h"

namespace jamsu::tokenizer {
namespace {

using Ids = std::vector<int32_t>;

// The definition: of the pairs of lowest rank the leftmost merges, until none can.
Ids merged_by_definition(const MergeTable& table, Ids ids) {
  while (true) {
    size_t best = 0;
    MergeTable::Found lowest;
    for (size_t i = 0; i + 1 < ids.size(); ++i)
      if (const auto found = table.find(ids[i], ids[i + 1]); found.rank < lowest.rank) lowest = found, best = i;
    if (lowest.rank == MergeTable::kNone) return ids;
    ids[best] = lowest.result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}
// Distinct pairs of the symbols 0, 1, 2 and of what earlier merges make.
std::vector<Merge> random_merges(RandomStream& random) {
  std::vector<Merge> merges;
  for (int32_t next = 3; next < 60;) {
    const auto a = static_cast<int32_t>(random.below(static_cast<uint32_t>(next))),
               b = static_cast<int32_t>(random.below(static_cast<uint32_t>(next)));
    if (std::any_of(merges.begin(), merges.end(), [&](const Merge& m) { return m.left == a && m.right == b; }))
      continue;
    merges.push_back({a, b, next++});
  }
  return merges;
}

// Long pieces, by merges in the order in which they were made, in any order, and with ranks as in tiktoken.
TEST(Bpe, LongPiecesEqualTheDefinition) {
  RandomStream random(3, 0, Purpose::test);
  const auto made = random_merges(random);
  auto shuffled = made;
  for (size_t i = shuffled.size() - 1; i > 0; --i)
    std::swap(shuffled[i], shuffled[random.below(static_cast<uint32_t>(i + 1))]);
  const MergeTable in_order(made), in_any_order(shuffled), by_result(made, MergeTable::Rank::result);
  EXPECT_TRUE(in_order.ascends());
  EXPECT_FALSE(in_any_order.ascends());
  EXPECT_TRUE(by_result.ascends());
  BpeScratch scratch;
  for (int round = 0; round < 600; ++round) {
    Ids ids;
    const uint32_t most = round % 100 == 0 ? 3000 : 90;
    for (uint32_t n = random.below(most) + 1; n > 0; --n) ids.push_back(static_cast<int32_t>(random.below(3)));
    for (const MergeTable* table : {&in_order, &in_any_order, &by_result}) {
      Ids got = ids;
      got.resize(merge_tokens(*table, got, {}, scratch));
      ASSERT_EQ(got, merged_by_definition(*table, ids));
    }
  }
}

// Longer than a stretch: as merging all at once, or nothing. With merges at random both happen.
TEST(Bpe, StretchesEqualTheWhole) {
  RandomStream random(5, 0, Purpose::test);
  BpeScratch scratch;
  int merged = 0, given_up = 0;
  for (int round = 0; round < 60; ++round) {
    auto merges = random_merges(random);
    if (round % 2)
      for (size_t i = merges.size() - 1; i > 0; --i)
        std::swap(merges[i], merges[random.below(static_cast<uint32_t>(i + 1))]);
    const MergeTable table(merges);
    Ids ids;
    const uint32_t period = 1 + random.below(round % 3 ? 40'000 : 20);
    for (uint32_t n = 8000 + random.below(30'000); n > 0; --n)
      ids.push_back(ids.size() < period ? static_cast<int32_t>(random.below(3)) : ids[ids.size() - period]);
    const auto blocked = std::make_unique<bool[]>(60);
    blocked[random.below(60)] = round % 5 == 0;
    Ids whole = ids, got = ids;
    whole.resize(merge_tokens(table, whole, {blocked.get(), 60}, scratch));
    const auto count = merge_stretches(table, got, {blocked.get(), 60}, scratch);
    count ? ++merged : ++given_up;
    if (!count) continue;
    got.resize(*count);
    ASSERT_EQ(got, whole) << "round " << round;
  }
  std::printf("merged in stretches %d, given up %d\n", merged, given_up);
  EXPECT_GT(merged, 30);
}

// Pairs of neighbours, the last ones first: where a pair begins is decided by the end of the text, however far away.
TEST(Bpe, WhereTheEndDecidesStretchesGiveUp) {
  constexpr int32_t kSymbols = 20'001;
  std::vector<Merge> merges;
  for (int32_t i = kSymbols - 2; i >= 0; --i) merges.push_back({i, i + 1, kSymbols + i});
  const MergeTable table(merges);
  BpeScratch scratch;
  for (const int32_t count : {kSymbols - 1, kSymbols}) {
    Ids ids(static_cast<size_t>(count));
    std::iota(ids.begin(), ids.end(), 0);
    Ids expected;
    if (count % 2) expected.push_back(0);
    for (int32_t i = count % 2; i < count; i += 2) expected.push_back(kSymbols + i);
    Ids got = ids;
    got.resize(merge_tokens(table, got, {}, scratch));
    EXPECT_EQ(got, expected);
    const auto kept = merge_stretches(table, ids, {}, scratch);
    EXPECT_EQ(kept.has_value(), count % 2 == 0);
    if (!kept) continue;
    ids.resize(*kept);
    EXPECT_EQ(ids, expected);
  }
}

// Two ways to make 5, as in a tokenizer.json made from a tiktoken.model; a use of 5 between them leads back.
TEST(Bpe, TheHighestRankThatMakesATokenDecidesWhetherMergesAscend) {
  const std::vector<Merge> ascending = {{0, 1, 3}, {1, 2, 4}, {0, 4, 5}, {3, 2, 5}, {5, 5, 6}};
  const std::vector<Merge> not_ascending = {{0, 1, 3}, {1, 2, 4}, {0, 4, 5}, {5, 5, 6}, {3, 2, 5}};
  EXPECT_TRUE(MergeTable(ascending).ascends());
  EXPECT_FALSE(MergeTable(not_ascending).ascends());
  EXPECT_TRUE(MergeTable(not_ascending, MergeTable::Rank::result).ascends());
  EXPECT_TRUE(MergeTable(std::vector<Merge>{}).ascends());
  BpeScratch scratch;
  Ids nothing(100, 0);
  EXPECT_EQ(merge_tokens(MergeTable(std::vector<Merge>{}), nothing, {}, scratch), 100u);
}

TEST(Bpe, TheQueueGivesTheLowestRankFromLeftToRight) {
  RankQueue queue;
  std::vector<int32_t> positions;
  RandomStream random(9, 0, Purpose::test);
  for (const uint32_t ranks : {0u, 1u, 64u, 65u, 5000u, 300'000u}) {
    queue.reset(ranks);
    EXPECT_EQ(queue.pop(positions), MergeTable::kNone);
    std::vector<std::pair<uint32_t, int32_t>> expected, got;
    for (int i = 0; ranks > 0 && i < 4000; ++i) {
      const auto at = static_cast<int32_t>(random.below(1u << (i % 31)));
      const uint32_t rank = random.below(i % 2 ? std::min(ranks, 3u) : ranks);
      expected.emplace_back(rank, at);
      queue.push(rank, at);
    }
    std::sort(expected.begin(), expected.end());
    for (uint32_t rank = queue.pop(positions); rank != MergeTable::kNone; rank = queue.pop(positions))
      for (const int32_t at : positions) got.emplace_back(rank, at);
    EXPECT_EQ(got, expected) << ranks;
  }
}

}  // namespace
}  // namespace jamsu::tokenizer

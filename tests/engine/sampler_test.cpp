// The sampler's ways to the same answer, and the token filter. (Probabilities: golden; draws: tests/numerics.)
#include "engine/sampler.h"

#include <atomic>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "base/thread_pool.h"
#include "engine/small_engine.h"

namespace jamsu::engine {
namespace {

using small::Collected;
using small::sampling;
using FilterTest = small::Engines;

constexpr float kInf = std::numeric_limits<float>::infinity();

TokenMask everything(int64_t vocab) {
  TokenMask mask;
  mask.reset(vocab);
  for (int32_t i = 0; i < vocab; ++i) mask.allow(i);
  return mask;
}

// The smallest set whose share reaches top_p: one of two equals is half of all, and half reaches 0.5.
TEST(TopP, StopsWhereTheShareIsReached) {
  const std::vector<float> two{1.0f, 1.0f}, four{0.5f, 0.5f, 0.5f, 0.5f};
  const auto ids = [](const std::vector<float>& logits, double p) {
    SamplingParams s = sampling(1, p);
    return distribution(logits, s, {}, {})->ids;
  };
  EXPECT_EQ(ids(two, 0.5), (std::vector<int32_t>{0}));
  EXPECT_EQ(ids(two, 0.500001), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(ids(four, 0.25), (std::vector<int32_t>{0}));
  EXPECT_EQ(ids(four, 0.75), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(ids(four, 1e-9), (std::vector<int32_t>{0}));
}

// Greedy without processors looks at the logits once; with a filter that allows all it goes the long way.
TEST(Greedy, OnePassEqualsTheLongWay) {
  RandomStream random(5, 0, Purpose::test);
  for (const int64_t vocab : {1, 2, 15, 16, 17, 33, 1000}) {
    const TokenMask all = everything(vocab);
    for (int round = 0; round < 200; ++round) {
      std::vector<float> x(static_cast<size_t>(vocab));
      for (float& v : x) {
        const uint32_t kind = random.below(12);
        v = kind == 0 ? -kInf : kind == 1 ? 0.0f : kind == 2 ? -0.0f : static_cast<float>(random.below(5)) - 2.0f;
      }
      if (round % 10 == 1) x[random.below(static_cast<uint32_t>(vocab))] = std::nanf("");
      if (round % 10 == 2) x[random.below(static_cast<uint32_t>(vocab))] = kInf;
      if (round % 10 == 3) x[random.below(static_cast<uint32_t>(vocab))] = 1e-42f;  // 0 to the threads of the pool
      if (round % 10 == 4) x.assign(x.size(), -kInf);
      std::optional<FlushScope> flush;
      if (round % 2 == 1) flush.emplace();
      const auto quick = distribution(x, sampling(0), {}, {}), slow = distribution(x, sampling(0), {}, {}, &all);
      ASSERT_EQ(quick.has_value(), slow.has_value()) << vocab << " " << round;
      if (!quick) continue;
      EXPECT_EQ(quick->ids, slow->ids) << vocab << " " << round;
      EXPECT_EQ(quick->p, slow->p);
      EXPECT_EQ(quick->total, slow->total);
    }
  }
}

TEST(Greedy, TheLowestIdAmongEquals) {
  std::vector<float> x(100, 1.0f);
  x[70] = x[40] = 2.0f;
  EXPECT_EQ(distribution(x, sampling(0), {}, {})->ids, std::vector<int32_t>{40});
  x.assign(100, -1.0f);
  x[50] = -0.0f;
  x[60] = 0.0f;
  EXPECT_EQ(distribution(x, sampling(0), {}, {})->ids, std::vector<int32_t>{50});
}

TEST(Mask, HoldsIdsOfTheVocabularyAlone) {
  TokenMask mask;
  mask.reset(70);
  for (const int32_t id : {-1, 0, 63, 64, 69, 70, 1000}) mask.allow(id);
  std::set<int32_t> held;
  for (int32_t id = -5; id < 1100; ++id)
    if (mask.allows(id)) held.insert(id);
  EXPECT_EQ(held, (std::set<int32_t>{0, 63, 64, 69}));
  mask.reset(70);
  EXPECT_FALSE(mask.allows(0));
}

// Even ids after an even number of tokens, odd ids after an odd one.
class Alternating final : public TokenFilter {
 public:
  bool allowed(std::span<const int32_t> output, TokenMask& mask) const override {
    ++asked;
    for (auto id = static_cast<int32_t>(output.size() % 2); id < mask.vocab(); id += 2) mask.allow(id);
    return true;
  }
  mutable std::atomic<int> asked = 0;
};

TEST_F(FilterTest, IsAskedOnceForEachTokenOfEachSample) {
  const auto filter = std::make_shared<Alternating>();
  Collected c;
  const auto engine = open();
  ASSERT_TRUE(engine->submit({.tokens = {1, 2}, .samples = 5, .max_tokens = 20, .filter = filter}, c.sink()));
  c.wait(5);
  EXPECT_EQ(filter->asked, 100);
  for (const auto& [index, sample] : c.samples) {
    ASSERT_EQ(sample.tokens.size(), 20u);
    for (size_t i = 0; i < 20; ++i) EXPECT_EQ(sample.tokens[i] % 2, static_cast<int32_t>(i % 2)) << index << " " << i;
  }
  EXPECT_NE(c.samples[0].tokens, c.samples[1].tokens);
  // As allowed_ids would have it, for what they can say.
  Request first{.tokens = {1, 2}, .max_tokens = 1};
  for (int32_t id = 0; id < 50; id += 2) first.sampling.allowed_ids.push_back(id);
  EXPECT_EQ(alone(first).tokens[0], c.samples[0].tokens[0]);
}

TEST_F(FilterTest, GreedyTakesTheBestOfWhatIsAllowed) {
  Collected c;
  const auto engine = open();
  ASSERT_TRUE(engine->submit(
      {.tokens = {1, 2}, .sampling = sampling(0), .max_tokens = 6, .filter = std::make_shared<Alternating>()},
      c.sink()));
  EXPECT_EQ(c.wait().tokens.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(c.samples[0].tokens[i] % 2, static_cast<int32_t>(i % 2));
}

// Allows all for one token, nothing after two, and throws for another sequence.
class Ends final : public TokenFilter {
 public:
  explicit Ends(bool throws) : throws_(throws) {}
  bool allowed(std::span<const int32_t> output, TokenMask& mask) const override {
    if (output.size() < 2) {
      mask.allow(3);  // not looked at
      return false;
    }
    if (throws_) throw std::runtime_error("grammar: too deep");
    return true;
  }

 private:
  bool throws_;
};

TEST_F(FilterTest, NothingAllowedOrAnExceptionEndsItsSequenceAlone) {
  Collected empty, thrown, other;
  const auto engine = open();
  const Request r{.tokens = {1, 2}, .max_tokens = 20};
  Request with = r;
  with.filter = std::make_shared<Ends>(false);
  ASSERT_TRUE(engine->submit(with, empty.sink()));
  with.filter = std::make_shared<Ends>(true);
  ASSERT_TRUE(engine->submit(with, thrown.sink()));
  ASSERT_TRUE(engine->submit(r, other.sink()));
  EXPECT_EQ(empty.wait().end->reason, FinishReason::error);
  EXPECT_NE(empty.samples[0].end->error.find("no token is allowed"), std::string::npos);
  EXPECT_EQ(thrown.wait().end->error, "grammar: too deep");
  const auto& all = other.wait().tokens;
  EXPECT_EQ(all.size(), 20u);
  EXPECT_EQ(empty.samples[0].tokens, std::vector<int32_t>(all.begin(), all.begin() + 2));
  EXPECT_EQ(thrown.samples[0].tokens, empty.samples[0].tokens);
}

}  // namespace
}  // namespace jamsu::engine

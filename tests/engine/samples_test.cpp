// Several samples of one prompt: one prefill, and what requests apart would get.
#include <algorithm>
#include <numeric>

#include "engine/scheduler.h"
#include "engine/small_engine.h"

namespace jamsu::engine {
namespace {

using small::Collected;

constexpr int64_t kPrompt = 500, kTokens = 8, kSamples = 16;

class SamplesTest : public small::Engines {
 protected:
  SamplesTest() : Engines(1024) {}
  static Request request(int64_t samples, uint32_t sample = 0) {
    Request r{.sample = sample, .samples = samples, .max_tokens = kTokens};
    r.sampling.seed = 9;
    RandomStream random(17, 0, Purpose::test);
    for (int64_t i = 0; i < kPrompt; ++i) r.tokens.push_back(static_cast<int32_t>(random.below(50)));
    return r;
  }
  const std::vector<Collected::Sample>& apart() {
    if (apart_.empty())
      for (uint32_t i = 0; i < kSamples; ++i) apart_.push_back(alone(request(1, i)));
    return apart_;
  }
  void expect_as_apart(Collected& c) {
    for (uint32_t i = 0; i < kSamples; ++i) {
      EXPECT_EQ(c.samples[i].tokens, apart()[i].tokens) << i;
      EXPECT_EQ(c.samples[i].logprobs, apart()[i].logprobs) << i;
      EXPECT_EQ(c.samples[i].end->reason, apart()[i].end->reason) << i;
      EXPECT_EQ(c.samples[i].end->output_tokens, apart()[i].end->output_tokens) << i;
      EXPECT_EQ(c.samples[i].end->prompt_tokens, kPrompt);
    }
  }
  std::vector<Collected::Sample> apart_;
};

TEST_F(SamplesTest, SixteenReadThePromptOnceAndEqualRequestsApart) {
  std::vector<int32_t> first;
  for (const auto& s : apart()) first.push_back(s.tokens[0]);
  std::sort(first.begin(), first.end());
  EXPECT_NE(first.front(), first.back());  // they do differ
  for (const int64_t rows : {1000, 64}) {
    Collected c;
    const auto engine = open({.max_step_rows = rows, .cached_prefixes = 0});
    ASSERT_TRUE(engine->submit(request(kSamples), c.sink()));
    c.wait(kSamples);
    expect_as_apart(c);
    const EngineStats stats = engine->stats();
    EXPECT_EQ(stats.prompt_rows, kPrompt);
    EXPECT_EQ(stats.rows, kPrompt + kSamples * (kTokens - 1));
    EXPECT_EQ(stats.cached_tokens, (kSamples - 1) * kPrompt);
    EXPECT_EQ(stats.prompt_tokens, kSamples * kPrompt);
    EXPECT_EQ(stats.output_tokens, kSamples * kTokens);
    EXPECT_EQ(c.samples[0].end->cached_tokens, 0);
    EXPECT_EQ(c.samples[1].end->cached_tokens, kPrompt);
  }
}

// The budget holds what sixteen share once: it is enough for that and not for a byte less.
TEST_F(SamplesTest, SharedBlocksCountOnce) {
  const models::StateLayout& layout = model_->state_layout(models::CachePolicy::expanded);
  const int64_t need = most_bytes(layout, request(kSamples), kSamples), one = most_bytes(layout, request(1), 1);
  EXPECT_LT(need, 3 * one);
  const auto tight = open({.state_bytes = need - 1});
  const auto refused = tight->submit(request(kSamples), [](const Event&) { ADD_FAILURE(); });
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("bytes of state"), std::string::npos);
  const auto engine = open({.state_bytes = need});
  for (int round = 0; round < 2; ++round) {  // the second meets cached prefixes, which make room
    Collected c;
    ASSERT_TRUE(engine->submit(request(kSamples), c.sink()));
    c.wait(kSamples);
    expect_as_apart(c);
  }
  EXPECT_LE(engine->stats().peak_state_bytes, need);
  EXPECT_GT(engine->stats().peak_state_bytes, one);
}

TEST_F(SamplesTest, FromACachedPrefixAndWithLogprobsOfThePrompt) {
  Collected warm, again, scored;
  const auto engine = open();
  ASSERT_TRUE(engine->submit(request(1), warm.sink()));
  warm.wait();
  ASSERT_TRUE(engine->submit(request(kSamples), again.sink()));
  again.wait(kSamples);
  expect_as_apart(again);
  const int64_t cached = kPrompt / 32 * 32;
  EXPECT_EQ(again.samples[0].end->cached_tokens, cached);
  EXPECT_EQ(engine->stats().prompt_rows, kPrompt + kPrompt - cached);
  Request r = request(kSamples);
  r.prompt_logprobs = true;
  ASSERT_TRUE(engine->submit(r, scored.sink()));
  scored.wait(kSamples);
  expect_as_apart(scored);
  r = request(1);
  r.prompt_logprobs = true;
  const auto one = alone(r);
  ASSERT_EQ(one.end->prompt_logprobs.size(), static_cast<size_t>(kPrompt - 1));
  for (uint32_t i = 0; i < kSamples; ++i)
    EXPECT_EQ(scored.samples[i].end->prompt_logprobs, one.end->prompt_logprobs) << i;
}

TEST_F(SamplesTest, EachHasItsOwnEnd) {
  Request r = request(kSamples);
  r.stop_tokens = {apart()[3].tokens[2]};
  Collected c;
  const auto engine = open({.cached_prefixes = 0});
  ASSERT_TRUE(engine->submit(r, c.sink()));
  c.wait(kSamples);
  for (uint32_t i = 0; i < kSamples; ++i) {
    const auto& all = apart()[i].tokens;
    const auto stop = std::find(all.begin(), all.end(), r.stop_tokens[0]);
    const std::vector<int32_t> expected(all.begin(), stop == all.end() ? stop : stop + 1);
    EXPECT_EQ(c.samples[i].tokens, expected) << i;
    EXPECT_EQ(c.samples[i].end->reason, stop == all.end() ? FinishReason::length : FinishReason::stop_token) << i;
  }
  EXPECT_LE(c.samples[3].tokens.size(), 3u);
}

TEST_F(SamplesTest, AnAnswerOfStopEndsOneAndCancelEndsAll) {
  Collected c;
  const auto engine = open({.cached_prefixes = 0});
  ASSERT_TRUE(engine->submit(request(kSamples), [&](const Event& event) {
    c.take(event);
    const auto* t = std::get_if<TokenEvent>(&event);
    return t && t->sample == 2 && c.samples[2].tokens.size() == 3 ? SinkAnswer::stop : SinkAnswer::keep;
  }));
  c.wait(kSamples);
  for (uint32_t i = 0; i < kSamples; ++i) {
    EXPECT_EQ(c.samples[i].tokens.size(), i == 2 ? 3u : 8u) << i;
    EXPECT_EQ(c.samples[i].end->reason, i == 2 ? FinishReason::cancelled : FinishReason::length) << i;
  }
  Collected cancelled;
  const auto paced = open({.cached_prefixes = 0, .most_undelivered = 1});
  Request r = request(kSamples);
  r.max_tokens = 500;
  RequestId id = 0;
  std::mutex known;
  {
    const std::lock_guard lock(known);
    const auto submitted = paced->submit(r, [&](const Event& event) {
      cancelled.take(event);
      const auto* t = std::get_if<TokenEvent>(&event);
      if (!t || t->sample != 5 || cancelled.samples[5].tokens.size() != 2) return;
      const std::lock_guard until_known(known);
      paced->cancel(id);
    });
    ASSERT_TRUE(submitted);
    id = *submitted;
  }
  cancelled.wait(kSamples);
  for (uint32_t i = 0; i < kSamples; ++i) {
    EXPECT_EQ(cancelled.samples[i].end->reason, FinishReason::cancelled) << i;
    EXPECT_LT(cancelled.samples[i].tokens.size(), 500u);
  }
}

// What runs begins anew: its tokens stay, the prompt is read once more and not sixteen times.
TEST_F(SamplesTest, ChangedWeightsAreMetByAllAfterOnePrefill) {
  Collected c;
  const auto engine = open({.cached_prefixes = 0, .most_undelivered = 1});
  constexpr std::ptrdiff_t kBefore = 4;
  Request r = request(kSamples);
  r.max_tokens = 12;
  int64_t rows = 0;
  // The first event of a step: none of the samples is computed further until the sink returns.
  ASSERT_TRUE(engine->submit(r, [&](const Event& event) {
    c.take(event);
    const auto* t = std::get_if<TokenEvent>(&event);
    if (!t || t->sample != 0 || c.samples[0].tokens.size() != kBefore) return;
    const auto turn = runtime_.turn();
    rows = engine->stats().prompt_rows;
    fill(4);
    engine->weights_changed();
  }));
  c.wait(kSamples);
  EXPECT_EQ(rows, kPrompt);
  EXPECT_EQ(engine->stats().prompt_rows, 2 * kPrompt);
  // From there on each equals a request whose prompt ends where the old weights did.
  for (uint32_t i = 0; i < kSamples; ++i) {
    const auto& got = c.samples[i];
    ASSERT_EQ(got.tokens.size(), 12u);
    Request rest = request(1, i);
    rest.tokens.insert(rest.tokens.end(), got.tokens.begin(), got.tokens.begin() + kBefore);
    rest.max_tokens = 12 - kBefore;
    const auto expected = alone(rest);
    EXPECT_EQ(std::vector<int32_t>(got.tokens.begin() + kBefore, got.tokens.end()), expected.tokens) << i;
    EXPECT_EQ(std::vector<float>(got.logprobs.begin() + kBefore, got.logprobs.end()), expected.logprobs) << i;
  }
}

}  // namespace
}  // namespace jamsu::engine

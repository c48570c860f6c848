// Sinks: whatever they do, they hold up nobody else.
#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "engine/small_engine.h"

namespace jamsu::engine {
namespace {

using small::Collected;
using small::sampling;
using DeliveryTest = small::Engines;

constexpr std::chrono::seconds kLong{60};

// Sleeps in its first token until the other sequence is over: if it were waited for, neither would end.
TEST_F(DeliveryTest, ASinkThatSleepsDoesNotSlowAnotherSequence) {
  Collected slow, quick;
  const auto engine = open();
  std::promise<void> begun, woken;
  auto wake = woken.get_future().share();
  std::atomic<bool> slept = false;
  ASSERT_TRUE(engine->submit({.tokens = {1, 2}, .max_tokens = 100}, [&](const Event& event) {
    if (!slept.exchange(true)) {
      begun.set_value();
      EXPECT_EQ(wake.wait_for(kLong), std::future_status::ready);
    }
    slow.take(event);
  }));
  begun.get_future().wait();
  const int64_t before = engine->stats().steps;
  ASSERT_TRUE(engine->submit({.tokens = {3}, .max_tokens = 100}, quick.sink()));
  EXPECT_EQ(quick.wait().tokens.size(), 100u);
  EXPECT_LE(engine->stats().steps - before, 101);  // one for each of its tokens, and the one under way
  EXPECT_FALSE(slow.ended());
  woken.set_value();
  EXPECT_EQ(slow.wait().tokens.size(), 100u);
  EXPECT_EQ(slow.samples[0].tokens, alone({.tokens = {1, 2}, .max_tokens = 100}).tokens);
}

// Many of them, so that threads are added for each.
TEST_F(DeliveryTest, ManySinksThatSleepHoldUpNobody) {
  const auto engine = open();
  constexpr size_t kSleepers = 5;
  std::vector<std::unique_ptr<Collected>> sleepers;
  std::promise<void> woken;
  auto wake = woken.get_future().share();
  for (size_t i = 0; i < kSleepers; ++i) {
    sleepers.push_back(std::make_unique<Collected>());
    ASSERT_TRUE(engine->submit({.tokens = {4}, .max_tokens = 3}, [&, i](const Event& event) {
      EXPECT_EQ(wake.wait_for(kLong), std::future_status::ready);
      sleepers[i]->take(event);
    }));
  }
  for (int round = 0; round < 3; ++round) {
    Collected quick;
    ASSERT_TRUE(engine->submit({.tokens = {5}, .max_tokens = 20}, quick.sink()));
    EXPECT_EQ(quick.wait().tokens.size(), 20u);
  }
  woken.set_value();
  for (auto& s : sleepers) EXPECT_EQ(s->wait().tokens.size(), 3u);
}

TEST_F(DeliveryTest, ASequenceWhoseSinkLagsIsPausedAndGoesOnWithTheSameTokens) {
  const auto expected = alone({.tokens = {1, 2}, .max_tokens = 40});
  Collected slow, quick;
  const auto engine = open({.cached_prefixes = 0, .most_undelivered = 4});
  std::promise<void> begun, woken;
  auto wake = woken.get_future().share();
  std::atomic<bool> slept = false;
  ASSERT_TRUE(engine->submit({.tokens = {1, 2}, .max_tokens = 40}, [&](const Event& event) {
    if (!slept.exchange(true)) {
      begun.set_value();
      EXPECT_EQ(wake.wait_for(kLong), std::future_status::ready);
    }
    slow.take(event);
  }));
  begun.get_future().wait();
  ASSERT_TRUE(engine->submit({.tokens = {3}, .max_tokens = 100}, quick.sink()));
  EXPECT_EQ(quick.wait().tokens.size(), 100u);
  // Two rows of its prompt and one for each further token, of four at most; those of the other.
  EXPECT_LE(engine->stats().rows, 2 + 3 + 100);
  EXPECT_EQ(engine->stats().running, 1);
  woken.set_value();
  EXPECT_EQ(slow.wait().tokens, expected.tokens);
  EXPECT_EQ(slow.samples[0].logprobs, expected.logprobs);
}

TEST_F(DeliveryTest, AnAnswerOfStopEndsTheSequenceThereForTheSink) {
  for (const int64_t ahead : {1, 1000}) {
    Collected c;
    const auto engine = open({.cached_prefixes = 0, .most_undelivered = ahead});
    ASSERT_TRUE(engine->submit({.tokens = {1, 2}, .max_tokens = 100}, [&](const Event& event) {
      c.take(event);
      return c.samples[0].tokens.size() == 7 ? SinkAnswer::stop : SinkAnswer::keep;
    }));
    const Finished& end = *c.wait().end;
    EXPECT_EQ(c.samples[0].tokens.size(), 7u);
    EXPECT_EQ(end.reason, FinishReason::cancelled);
    EXPECT_EQ(end.error, "");
    EXPECT_EQ(end.output_tokens, 7);
    EXPECT_GE(end.dropped_tokens, 0);
    EXPECT_LE(end.dropped_tokens, 93);
    if (ahead == 1) {
      EXPECT_EQ(end.dropped_tokens, 0);
    }
    const auto stats = engine->stats();
    EXPECT_EQ(stats.running, 0);
  }
}

TEST_F(DeliveryTest, WhatASinkThrowsEndsItsSequenceAlone) {
  Collected thrower, other;
  const auto engine = open({.cached_prefixes = 0});
  ASSERT_TRUE(engine->submit({.tokens = {3}, .max_tokens = 100}, other.sink()));
  ASSERT_TRUE(engine->submit({.tokens = {1}, .max_tokens = 100}, [&](const Event& event) {
    thrower.take(event);
    if (std::holds_alternative<TokenEvent>(event) && thrower.samples[0].tokens.size() == 2)
      throw std::runtime_error("the disk is full");
  }));
  const Finished& end = *thrower.wait().end;
  EXPECT_EQ(end.reason, FinishReason::error);
  EXPECT_EQ(end.error, "the disk is full");
  EXPECT_EQ(end.output_tokens, 2);
  EXPECT_EQ(other.wait().tokens.size(), 100u);
}

TEST_F(DeliveryTest, ASinkMayCallTheEngineAndWaitForIt) {
  Collected outer, inner;
  const auto engine = open();
  bool asked = false;
  ASSERT_TRUE(engine->submit({.tokens = {1}, .max_tokens = 20}, [&](const Event& event) {
    if (!std::exchange(asked, true)) {
      EXPECT_TRUE(engine->submit({.tokens = {2}, .max_tokens = 20}, inner.sink()));
      inner.wait();
    }
    outer.take(event);
  }));
  EXPECT_EQ(outer.wait().tokens.size(), 20u);
  EXPECT_EQ(inner.samples[0].tokens.size(), 20u);
}

TEST_F(DeliveryTest, TheEndOfTheEngineDeliversWhatIsOnItsWay) {
  Collected c;
  {
    const auto engine = open();
    ASSERT_TRUE(engine->submit({.tokens = {1}, .max_tokens = 120}, [&](const Event& event) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      c.take(event);
    }));
    c.wait_for_tokens(3);
  }
  ASSERT_TRUE(c.ended());
  EXPECT_EQ(c.samples[0].end->output_tokens, static_cast<int64_t>(c.samples[0].tokens.size()));
}

}  // namespace
}  // namespace jamsu::engine

// The scheduler alone: no model, no thread; states are counted, not held.
#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <string>

namespace jamsu::engine {
namespace {

// A byte a position in blocks of 32, and 100 bytes whatever the length.
models::StateLayout layout() {
  models::StateLayout l;
  l.layers.push_back(models::PagedRows{1});
  l.layers.push_back(models::FixedState{100});
  return l;
}

class SchedulerTest : public ::testing::Test {
 protected:
  Scheduler make(const EngineOptions& options) { return {layout_, options}; }
  Scheduler::Samples request(int64_t prompt, int64_t max_tokens, int64_t samples = 1) {
    auto made = make_samples(
        {.tokens = std::vector<int32_t>(static_cast<size_t>(prompt), 7), .samples = samples, .max_tokens = max_tokens},
        nullptr);
    ++last_;
    for (auto& s : made) s->id = last_;
    return made;
  }
  // "id.sample:rows" of each piece, "!" where it draws, "+n" for n forks.
  static std::string text(const std::vector<Piece>& plan) {
    std::string all;
    for (const Piece& p : plan) {
      all += std::to_string(p.sequence->id) + "." + std::to_string(p.sequence->sample) + ":" + std::to_string(p.rows);
      if (p.samples) all += "!";
      if (!p.forks.empty()) all += "+" + std::to_string(p.forks.size());
      all += " ";
    }
    return all;
  }
  // What the engine does with a plan.
  static void compute(const std::vector<Piece>& plan) {
    for (const Piece& p : plan) {
      p.sequence->done += p.rows;
      for (Sequence* fork : p.forks) {
        fork->done = fork->prompt();
        if (fork->output.empty()) fork->output.push_back(1);
      }
      if (p.samples) p.sequence->output.push_back(1);
    }
  }
  static void admit_all(Scheduler& s) {
    while (s.admit(0).lead) {
    }
  }
  const models::StateLayout layout_ = layout();
  RequestId last_ = 0;
};

TEST_F(SchedulerTest, SamplesShareTheWholeBlocksOfTheirPrompt) {
  const auto bytes = [&](int64_t prompt, int64_t max_tokens, int64_t samples) {
    return most_bytes(layout_, *request(prompt, max_tokens)[0]->request, samples);
  };
  EXPECT_EQ(bytes(31, 1, 1), 32 + 100);
  EXPECT_EQ(bytes(31, 2, 1), 32 + 100);
  EXPECT_EQ(bytes(31, 3, 1), 64 + 100);
  EXPECT_EQ(bytes(31, 3, 4), 4 * (64 + 100));              // no block of the prompt is whole
  EXPECT_EQ(bytes(70, 30, 4), 64 + 4 * (128 - 64 + 100));  // two are
  EXPECT_EQ(bytes(64, 1, 3), 64 + 3 * (64 - 64 + 100));    // nothing but the prompt
  EXPECT_EQ(shared_bytes(layout_, *request(70, 30)[0]->request), 64);
}

TEST_F(SchedulerTest, AdmitsInOrderWithinTheBudget) {
  auto s = make({.state_bytes = 3 * 164, .max_sequences = 3});
  s.add(request(40, 10));
  s.add(request(40, 10, 2));  // 64 + 100 and 32 + 100
  s.add(request(4, 2));
  EXPECT_EQ(s.waiting(), 4);
  auto first = s.admit(400);
  EXPECT_FALSE(first.lead);
  EXPECT_TRUE(first.wants_memory);  // cached prefixes stand in the way
  first = s.admit(3 * 164 - 164);
  ASSERT_TRUE(first.lead);
  EXPECT_EQ(first.lead->id, 1u);
  EXPECT_FALSE(s.admit(100).lead);
  ASSERT_TRUE(s.admit(0).lead);
  EXPECT_EQ(s.reserved(), 164 + 164 + 132);
  EXPECT_EQ(s.running().size(), 3u);
  EXPECT_FALSE(s.admit(0).lead);
  EXPECT_FALSE(s.admit(0).wants_memory);  // three run
  // The shared block stays counted while one of its samples runs.
  EXPECT_EQ(s.take([](const Sequence& q) { return q.id == 2 && q.sample == 0; }).size(), 1u);
  EXPECT_EQ(s.reserved(), 164 + 164);
  // Another one runs, but without memory of others nothing more fits.
  EXPECT_EQ(s.take([](const Sequence& q) { return q.id == 1; }).size(), 1u);
  EXPECT_TRUE(s.admit(0).lead);
  EXPECT_EQ(s.waiting(), 0);
  EXPECT_FALSE(s.admit(0).lead);
}

TEST_F(SchedulerTest, ARequestThatWaitsForOthersDoesNotEvictCachedPrefixes) {
  auto s = make({.state_bytes = 200});
  s.add(request(40, 10));
  s.add(request(40, 10));
  ASSERT_TRUE(s.admit(36).lead);
  EXPECT_FALSE(s.admit(36).wants_memory);  // it would not fit without them either
}

TEST_F(SchedulerTest, DecodingComesFirstAndPromptsShareTheRoom) {
  auto s = make({.max_step_rows = 10});
  s.add(request(15, 5));
  s.add(request(3, 5));
  s.add(request(4, 5));
  admit_all(s);
  auto plan = s.plan();
  EXPECT_EQ(text(plan), "1.0:10 ");
  compute(plan);
  plan = s.plan();
  EXPECT_EQ(text(plan), "1.0:5! 2.0:3! 3.0:2 ");
  compute(plan);
  plan = s.plan();
  EXPECT_EQ(text(plan), "1.0:1! 2.0:1! 3.0:2! ");
  s.running()[1]->paused = true;
  EXPECT_EQ(text(s.plan()), "1.0:1! 3.0:2! ");
  for (const auto& q : s.running()) q->paused = true;
  EXPECT_EQ(text(s.plan()), "");
}

TEST_F(SchedulerTest, EveryDecodingSequenceHasARowWhateverTheLimit) {
  auto s = make({.max_step_rows = 1});
  for (int i = 0; i < 3; ++i) s.add(request(1, 5));
  admit_all(s);
  EXPECT_EQ(text(s.plan()), "1.0:1! 2.0:1! 3.0:1! ");
}

TEST_F(SchedulerTest, OneSampleReadsThePromptAndTheOthersFork) {
  auto s = make({.max_step_rows = 10});
  s.add(request(15, 5, 3));
  s.add(request(2, 5));
  admit_all(s);
  auto plan = s.plan();
  EXPECT_EQ(text(plan), "1.0:10 ");
  compute(plan);
  plan = s.plan();
  EXPECT_EQ(text(plan), "1.0:5!+2 2.0:2! ");
  compute(plan);
  EXPECT_EQ(text(s.plan()), "1.0:1! 1.1:1! 1.2:1! 2.0:1! ");
}

// After a change of weights: the piece ends with the prompt, for the others need the state as it is there.
TEST_F(SchedulerTest, SamplesThatBeginAnewReadTheirPromptOnce) {
  auto s = make({.max_step_rows = 100});
  s.add(request(15, 9, 3));
  admit_all(s);
  for (int i = 0; i < 4; ++i) compute(s.plan());
  s.take([](const Sequence& q) { return q.sample == 0; });  // has ended
  for (const auto& q : s.running()) q->done = 0;
  auto plan = s.plan();
  EXPECT_EQ(text(plan), "1.1:15+1 ");  // nothing is drawn: they have tokens
  compute(plan);
  plan = s.plan();
  EXPECT_EQ(text(plan), "1.1:4! 1.2:4! ");
  compute(plan);
  EXPECT_EQ(text(s.plan()), "1.1:1! 1.2:1! ");
}

// A sink that lags pauses its sample; the prompt is read once all the same, whichever of them reads it.
TEST_F(SchedulerTest, PausedSamplesGetThePromptThatAnotherReads) {
  for (const size_t reads : {0u, 1u, 2u}) {
    auto s = make({.max_step_rows = 100});
    s.add(request(1, 9));  // another request before them
    s.add(request(15, 9, 3));
    admit_all(s);
    for (int i = 0; i < 4; ++i) compute(s.plan());
    for (const auto& q : s.running()) q->done = 0;
    for (size_t i = 0; i < 3; ++i) s.running()[1 + i]->paused = i != reads;
    const auto plan = s.plan();
    const std::string id = std::to_string(last_);
    EXPECT_EQ(text(plan), std::to_string(last_ - 1) + ".0:5! " + id + "." + std::to_string(reads) + ":15+2 ");
    compute(plan);
    for (const auto& q : s.running()) q->paused = false;
    for (const Piece& p : s.plan()) EXPECT_LE(p.rows, 4) << "a prompt is read again";
  }
}

TEST_F(SchedulerTest, TakesOutOfBothQueues) {
  auto s = make({.max_sequences = 2});
  for (int i = 0; i < 3; ++i) s.add(request(1, 5, 2));
  admit_all(s);
  EXPECT_EQ(s.running().size(), 2u);
  EXPECT_EQ(s.take([](const Sequence& q) { return q.sample == 1; }).size(), 3u);
  EXPECT_EQ(s.running().size(), 1u);
  EXPECT_EQ(s.waiting(), 2);
  EXPECT_EQ(s.take([](const Sequence&) { return true; }).size(), 3u);
  EXPECT_EQ(s.waiting(), 0);
  EXPECT_EQ(text(s.plan()), "");
}

}  // namespace
}  // namespace jamsu::engine

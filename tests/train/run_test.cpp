// A run is a function of its plan and data:
// stopped and resumed anywhere, on any number of threads, it ends in the same bits.
#include "train/run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/faults.h"
#include "base/numerics_version.h"
#include "kernels/test_isas.h"
#include "numerics/small_world.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;

::testing::AssertionResult says(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << part << "\" is not in \"" << text << "\"";
}

class RunTest : public ::testing::Test {
 protected:
  static std::vector<WeightedSource> sources(uint8_t first_learned) {
    std::vector<Document> documents;
    for (uint64_t i = 0; i < 40; ++i) {
      Document d;
      d.ids = numerics_test::tokens(i, 5 + static_cast<int64_t>(i) * 7 % 23);
      d.learned.assign(d.ids.size(), 1);
      d.learned[0] = first_learned;
      documents.push_back(std::move(d));
    }
    return {{std::make_shared<ListSource>(std::move(documents), 32), 1, "list"}};
  }
  RunPlan plan() const {
    RunPlan p;
    p.data = {.context = 32, .rows = 4, .document_mask = true, .seed = 3};
    p.micro_rows = 2;
    p.steps = 12;
    p.schedule = {.kind = ScheduleKind::cosine, .peak = 3e-3, .floor = 1e-4, .warmup = 3, .total = 12};
    p.folder = folder_ / "checkpoints";
    p.checkpoint_every = 4;
    p.recipe = "test";
    return p;
  }

  struct Ended {
    std::string sha256;
    RunResult result;
    int64_t start = -1, tokens_at_start = -1;
    std::vector<std::string> said;
  };
  struct Process {
    int threads = 1;
    bool resume = false;
    int64_t stop_after = 1000;  // steps of this process
    uint64_t seed = 5;          // of the weights
    uint8_t first_learned = 1;  // in each document
  };
  static Result<Ended> go(const RunPlan& plan, const Process& process) {
    ops::Runtime runtime(process.threads, kernels::test::test_isa(), ops::Numerics::bf16);
    models::DeepseekV3 model(numerics_test::small_config(), ops::Numerics::bf16);
    Trainer trainer(model, runtime, {.seed = process.seed, .scale = 1.0, .embedding_std = 0.3});
    int64_t taken = 0;
    Ended ended;
    RunHooks hooks;
    hooks.on_start = [&](int64_t step, const RunCounters& counters) -> Status {
      ended.start = step;
      ended.tokens_at_start = counters.tokens;
      return {};
    };
    hooks.on_message = [&](const std::string& message) { ended.said.push_back(message); };
    hooks.should_stop = [&] { return ++taken >= process.stop_after; };
    const auto result = run(trainer, sources(process.first_learned), plan, process.resume, hooks);
    if (!result) return result.error();
    ended.result = *result;
    ended.sha256 = numerics_test::sha256_of(trainer.tensors());
    return ended;
  }
  static Ended whole(const Result<Ended>& ended) {
    EXPECT_TRUE(ended.ok()) << ended.error().message;
    return ended.ok() ? *ended : Ended{};
  }

  // The message a resume is refused with; empty: it went on.
  std::string refusal(const RunPlan& plan, Process process) {
    process.resume = true;
    const auto ended = go(plan, process);
    return ended ? "" : ended.error().message;
  }

  const test::Folder folder_;
};

TEST_F(RunTest, StoppedAndResumedEndsInTheSameBitsOnAnyThreads) {
  RunPlan unsaved = plan();
  unsaved.folder.clear();
  const Ended want = whole(go(unsaved, {}));
  EXPECT_EQ(want.result.step, 12);
  EXPECT_EQ(whole(go(unsaved, {.threads = 2})).sha256, want.sha256);
  for (const int64_t stop : {1, 4, 7}) {
    fs::remove_all(plan().folder);
    const Ended stopped = whole(go(plan(), {.threads = 2, .stop_after = stop}));
    EXPECT_EQ(stopped.result.end, RunEnd::stopped);
    EXPECT_EQ(stopped.result.step, stop);
    const Ended resumed = whole(go(plan(), {.resume = true}));
    EXPECT_EQ(resumed.sha256, want.sha256) << "stopped after " << stop;
    EXPECT_EQ(resumed.result.counters.tokens, want.result.counters.tokens);
    // Where it went on, so that an account counts what this process did alone.
    EXPECT_EQ(resumed.start, stop);
    EXPECT_EQ(resumed.tokens_at_start, stopped.result.counters.tokens);
  }
}

TEST_F(RunTest, AnotherRecipeIsRefused) {
  whole(go(plan(), {.stop_after = 2}));
  RunPlan other = plan();
  other.recipe = "another";
  EXPECT_TRUE(says(refusal(other, {}), "another recipe"));
}

TEST_F(RunTest, WhateverElseDecidesTheBitsIsNamedWhereItDiffers) {
  RunPlan recorded = plan();
  recorded.decides = {{"number mode", "bf16"}, {"tokenizer", std::string(64, 'a')}};
  whole(go(recorded, {.stop_after = 2}));
  const std::string at = "step-000000002: continuing would give other bits than the run it belongs to. What differs: ";

  RunPlan other = recorded;
  other.decides["number mode"] = "f32";
  EXPECT_TRUE(says(refusal(other, {}), at + "number mode (was bf16, is f32). "));
  other = recorded;
  other.decides["tokenizer"][63] = 'b';
  EXPECT_TRUE(says(refusal(other, {}), at + "tokenizer (was aaaaaaaaaaaa..., is aaaaaaaaaaaa...). "));
  other.decides.erase("number mode");
  EXPECT_TRUE(says(refusal(other, {}), at + "number mode (was bf16, is not there); tokenizer ("));
  EXPECT_TRUE(says(refusal(recorded, {.seed = 6}), at + "starting weights ("));
  // One token of each document no longer learned: the same names and sizes.
  EXPECT_TRUE(says(refusal(recorded, {.first_learned = 0}), at + "data 1: list ("));
  EXPECT_TRUE(says(refusal(recorded, {.seed = 6, .first_learned = 0}), "data 1: list ("));
  // Refused resumes have changed nothing.
  EXPECT_EQ(refusal(recorded, {}), "");
}

TEST_F(RunTest, ACheckpointOfOtherNumericsIsRefused) {
  whole(go(plan(), {.stop_after = 2}));
  const auto change = [&](const std::function<void(boost::json::object&)>& edit) {
    auto checkpoint = latest_valid(plan().folder).checkpoint;
    ASSERT_TRUE(checkpoint.has_value());
    edit(checkpoint->state);
    ASSERT_TRUE(save_checkpoint(plan().folder, 2, checkpoint->tensors, checkpoint->state).ok());
  };
  change([](auto& state) { state["decides"].as_object()["numerics_version"] = "0"; });
  EXPECT_TRUE(says(refusal(plan(), {}), fmt::format("numerics_version (was 0, is {})", kNumericsVersion)));
  change([](auto& state) { state.erase("decides"); });
  EXPECT_TRUE(says(refusal(plan(), {}), "step-000000002/state.json: \"decides\" is missing"));
}

TEST_F(RunTest, ABeginningIsSaidAndBrokenCheckpointsAreNone) {
  // Killed before its first checkpoint was complete.
  fs::create_directories(plan().folder + "/step-000000004.tmp");
  const Ended begun = whole(go(plan(), {.resume = true, .stop_after = 4}));
  EXPECT_EQ(begun.said,
            (std::vector<std::string>{plan().folder + ": no checkpoint was saved yet; starting at step 0"}));
  EXPECT_EQ(begun.start, 0);
  whole(go(plan(), {.resume = true, .stop_after = 1}));

  const std::string newest = plan().folder + "/step-000000005", older = plan().folder + "/step-000000004";
  fs::resize_file(newest + "/tensors.safetensors", 100);
  const Ended passed_over = whole(go(plan(), {.resume = true, .stop_after = 1}));
  ASSERT_EQ(passed_over.said.size(), 1u);
  EXPECT_TRUE(says(passed_over.said[0], newest));
  EXPECT_EQ(passed_over.start, 4);

  fs::resize_file(newest + "/state.json", 10);
  fs::remove(older + "/manifest.json");
  const std::string refused = refusal(plan(), {});
  for (const std::string& part :
       {std::string("no checkpoint there is whole"), newest + "/state.json", older + "/manifest.json"})
    EXPECT_TRUE(says(refused, part));
}

}  // namespace
}  // namespace jamsu::train

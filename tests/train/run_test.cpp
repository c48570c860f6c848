// A run is a function of its plan and data:
// stopped and resumed anywhere, on any number of threads, it ends in the same bits.
#include "train/run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
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
    std::vector<std::pair<int64_t, double>> validation;
    std::vector<int64_t> sampled;
  };
  struct Process {
    int threads = 1;
    bool resume = false;
    int64_t stop_after = 1000;  // steps of this process
    int64_t broken_from = -1;   // the forward, counted from 0, from which on a hidden value becomes NaN
    int64_t broken_times = 1;
    uint64_t seed = 5;          // of the weights
    uint8_t first_learned = 1;  // in each document
  };
  static Result<Ended> go(const RunPlan& plan, const Process& process) {
    ops::Runtime runtime(process.threads, kernels::test::test_isa(), ops::Numerics::bf16);
    models::DeepseekV3 model(numerics_test::small_config(), ops::Numerics::bf16);
    Trainer trainer(model, runtime, {.seed = process.seed, .scale = 1.0, .embedding_std = 0.3});
    int64_t taken = 0;
    Ended ended;
    // A fault of a machine, or of a recipe: the input of a layer is NaN.
    class Fault : public models::Observer {
     public:
      Fault(int64_t from, int64_t times) : from_(from), times_(times) {}
      void hidden(int64_t layer, const Tensor& x) override {
        if (layer != 0) return;
        const int64_t number = forward_++;
        if (from_ >= 0 && number >= from_ && number < from_ + times_) x.f32()[1] = std::nanf("");
      }

     private:
      int64_t from_, times_, forward_ = 0;
    } fault(process.broken_from, process.broken_times);
    RunPlan observed = plan;
    observed.step.observer = &fault;
    RunHooks hooks;
    hooks.on_step = [&](const StepReport& r, const RunCounters&) {
      if (r.validation) ended.validation.emplace_back(r.step, *r.validation);
    };
    hooks.on_sample = [&](int64_t step) { ended.sampled.push_back(step); };
    hooks.on_start = [&](int64_t step, const RunCounters& counters) -> Status {
      ended.start = step;
      ended.tokens_at_start = counters.tokens;
      return {};
    };
    hooks.on_message = [&](const std::string& message) { ended.said.push_back(message); };
    hooks.should_stop = [&] { return ++taken >= process.stop_after; };
    const auto result = run(trainer, sources(process.first_learned), observed, process.resume, hooks);
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

// Two micro-batches a step: forward 12 is the first of step 7.
TEST_F(RunTest, AFaultOfTheMachineIsComputedAgainAndSaid) {
  RunPlan unsaved = plan();
  unsaved.folder.clear();
  const Ended want = whole(go(unsaved, {}));
  const Ended ended = whole(go(unsaved, {.broken_from = 12}));
  EXPECT_EQ(ended.sha256, want.sha256);
  ASSERT_EQ(ended.said.size(), 1u);
  EXPECT_TRUE(says(ended.said[0], "step 7: not finite (loss nan, gradient norm "));
  EXPECT_TRUE(says(ended.said[0], "this machine computed wrongly"));
}

TEST_F(RunTest, WhatIsNotFiniteTwiceEndsTheRunAndCostsNoCheckpoint) {
  const auto ended = go(plan(), {.broken_from = 12, .broken_times = 1000});
  ASSERT_FALSE(ended.ok());
  EXPECT_TRUE(says(ended.error().message, "step 7: not finite (loss nan, gradient norm "));
  EXPECT_TRUE(says(ended.error().message, "it comes from the recipe or the data"));
  EXPECT_TRUE(says(ended.error().message, "The newest good checkpoint is " + plan().folder + "/step-000000004."));
  // It goes on from there as if nothing had been.
  RunPlan unsaved = plan();
  unsaved.folder.clear();
  const Ended resumed = whole(go(plan(), {.resume = true}));
  EXPECT_EQ(resumed.start, 4);
  EXPECT_EQ(resumed.sha256, whole(go(unsaved, {})).sha256);
  fs::remove_all(plan().folder);
  const auto begun = go(plan(), {.broken_from = 0, .broken_times = 1000});
  ASSERT_FALSE(begun.ok());
  EXPECT_TRUE(says(begun.error().message, "step 1: not finite"));
  EXPECT_TRUE(says(begun.error().message, "No checkpoint was saved yet."));
  EXPECT_FALSE(fs::exists(plan().folder));
}

TEST_F(RunTest, AGradientTooLargeForItsNormChangesNothing) {
  RunPlan wild = plan();
  wild.schedule = {.kind = ScheduleKind::constant, .peak = 1e30};
  wild.step.optimizer.max_norm = 1e12;
  wild.checkpoint_every = 1;
  const auto ended = go(wild, {});
  ASSERT_FALSE(ended.ok());
  EXPECT_TRUE(says(ended.error().message, "step "));
  // What was saved before it is finite, which load_checkpoint does not ask.
  const Latest latest = latest_valid(wild.folder);
  if (!latest.checkpoint) return;
  for (const auto& [name, tensor] : latest.checkpoint->tensors)
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      const float value = tensor.f32()[i];
      ASSERT_TRUE(std::isfinite(value)) << name;
    }
}

// What is measured on the way changes no bit, and is the same whether the run was stopped or not.
TEST_F(RunTest, ValidationAndSamplesComeWhenTheyAreDueAndStayTheSameOverAResume) {
  RunPlan unsaved = plan();
  unsaved.folder.clear();
  const std::string want = whole(go(unsaved, {})).sha256;
  RunPlan measured = plan();
  std::vector<Document> kept;
  for (uint64_t i = 0; i < 6; ++i) {
    Document d;
    d.ids = numerics_test::tokens(1000 + i, 20);
    d.learned.assign(d.ids.size(), 1);
    kept.push_back(std::move(d));
  }
  measured.validation = std::make_shared<ListSource>(kept, 32);
  measured.validate_every = 5;
  measured.sample_every = 6;
  RunPlan once = measured;
  once.folder.clear();
  const Ended straight = whole(go(once, {.threads = 2}));
  EXPECT_EQ(straight.sha256, want);
  ASSERT_EQ(straight.validation.size(), 3u);
  EXPECT_EQ(straight.validation[0].first, 5);
  EXPECT_EQ(straight.validation[1].first, 10);
  EXPECT_EQ(straight.validation[2].first, 12);  // the end
  EXPECT_EQ(straight.sampled, (std::vector<int64_t>{6, 12}));
  ASSERT_EQ(straight.said.size(), 1u);
  EXPECT_TRUE(straight.said[0].starts_with("validation loss ") && straight.said[0].ends_with(" before the first step"));
  const Ended stopped = whole(go(measured, {.stop_after = 7}));
  const Ended resumed = whole(go(measured, {.resume = true}));
  EXPECT_EQ(resumed.sha256, want);
  EXPECT_TRUE(resumed.said.empty());
  auto both = stopped.validation;
  both.insert(both.end(), resumed.validation.begin(), resumed.validation.end());
  EXPECT_EQ(both, straight.validation);
  // Other documents are another run.
  kept[0].ids[3] ^= 1;
  measured.validation = std::make_shared<ListSource>(kept, 32);
  EXPECT_TRUE(says(refusal(measured, {}), "validation (was "));
  measured.validation = nullptr;
  EXPECT_TRUE(says(refusal(measured, {}), "validation (was "));
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

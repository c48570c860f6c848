// The real recipe and the shipped model, replayed: 50 steps of recipes/nano.toml from its seed, and 50 steps of its SFT
// from pretrained/nano with zero moments. SHA-256 of masters and moments stand in replay.txt beside those of what went
// in. When the recipe, the generated data or the shipped model change on purpose: tools/refresh_replay writes it again.
//
// The steps are smaller than the recipe's, so that CI has the time: a batch of one row of the recipe's context in place
// of eight (kTokens). Schedule, losses, optimizer, data and model are the recipe's.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/files.h"
#include "base/numerics_version.h"
#include "formats/safetensors.h"
#include "models/open.h"
#include "numerics/small_world.h"
#include "tokenizer/tokenizer.h"
#include "train/export.h"
#include "train/run.h"
#include "train/sources.h"

namespace jamsu {
namespace {

constexpr int64_t kSteps = 50, kTokens = 1024;
const std::string kSource = JAMSU_SOURCE_DIR, kStored = kSource + "/tests/numerics/replay.txt";

// "NAME SHA-256" a line.
std::map<std::string, std::string> stored() {
  std::map<std::string, std::string> all;
  std::ifstream in(kStored);
  for (std::string name, value; in >> name >> value;) all[name] = value;
  return all;
}

std::string hash_of_file(const std::string& path) {
  const auto text = read_file(path);
  EXPECT_TRUE(text.ok()) << text.error().message;
  return text ? sha256_hex(*text) : "";
}

std::map<std::string, std::string> inputs() {
  return {{"recipes/nano.toml", hash_of_file(kSource + "/recipes/nano.toml")},
          {"pretrained/nano/tokenizer.json", hash_of_file(kSource + "/pretrained/nano/tokenizer.json")},
          {"pretrained/nano/model.safetensors", hash_of_file(kSource + "/pretrained/nano/model.safetensors")},
          {"numerics_version", std::to_string(kNumericsVersion)}};
}

// The recipe's tokenizer is the one that was shipped: making it again takes a minute and is the text layer's matter.
std::string replay(bool sft) {
  const auto recipe = train::load_recipe(kSource + "/recipes/nano.toml");
  const auto tokenizer = tokenizer::Tokenizer::load(kSource + "/pretrained/nano");
  if (!recipe || !tokenizer) return "the recipe or the tokenizer does not load";
  const auto config = train::with_tokenizer(recipe->model, *tokenizer);
  if (!config) return config.error().message;
  train::StageRecipe stage = sft ? *recipe->sft : *recipe->pretrain;
  stage.batch_tokens = stage.micro_batch_tokens = kTokens;
  ops::Runtime runtime(2, kernels::best_isa(), ops::Numerics::bf16);
  const auto model = models::create_model(*config, ops::Numerics::bf16, recipe->name);
  if (!model) return model.error().message;
  train::Trainer trainer(**model, runtime, stage.init_options());
  if (sft) {
    const auto weights = formats::Safetensors::open_folder(kSource + "/pretrained/nano");
    if (!weights) return weights.error().message;
    if (auto s = trainer.start_from(weights->views(), "pretrained/nano"); !s) return s.error().message;
  }
  auto sources = train::open_sources(*recipe, stage, *tokenizer);
  if (!sources) return sources.error().message;
  train::RunPlan plan = train::plan_of(*recipe, stage);
  plan.steps = kSteps;
  int64_t labels = 0;
  train::RunHooks hooks;
  hooks.on_step = [&](const train::StepReport& r, const train::RunCounters& c) {
    EXPECT_TRUE(std::isfinite(r.ce)) << r.step;
    labels = c.learned;
  };
  const auto ended = train::run(trainer, *sources, plan, false, hooks);
  if (!ended) return ended.error().message;
  EXPECT_EQ(ended->step, kSteps);
  EXPECT_GT(labels, kSteps * kTokens / 4);
  return numerics_test::sha256_of(trainer.tensors());
}

void expect_stored(const std::string& name, bool sft) {
  const std::string got = replay(sft);
  if (std::getenv("JAMSU_WRITE_BITS")) {
    auto all = stored();
    for (const auto& [input, hash] : inputs()) all[input] = hash;
    all[name] = got;
    std::ofstream out(kStored);
    for (const auto& [n, value] : all) out << n << " " << value << "\n";
    fmt::print("{}: {} {}\n", kStored, name, got);
    return;
  }
  auto want = stored();
  for (const auto& [input, hash] : inputs())
    EXPECT_EQ(want[input], hash) << input << " is not the one of replay.txt. Where that is meant: tools/refresh_replay";
  EXPECT_EQ(want[name], got) << name << ": the bits of training changed (or its generated data, where that is meant: "
                             << "tools/refresh_replay)";
}

TEST(Replay, NanoFromItsSeed) {
  expect_stored("pretrain-50-steps", false);
}

TEST(Replay, SftFromTheShippedModelWithZeroMoments) {
  expect_stored("sft-50-steps-from-pretrained-nano", true);
}

}  // namespace
}  // namespace jamsu

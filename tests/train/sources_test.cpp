// From a recipe to packed batches.
#include "train/sources.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/faults.h"
#include "tasks/tasks.h"
#include "tokenizer/bpe_train.h"
#include "train/task_source.h"

namespace jamsu::train {
namespace {

Result<tokenizer::Tokenizer> small_tokenizer() {
  uint64_t next = 0;
  return tokenizer::train_bpe(
      [&](std::string& document) {
        const auto s = tasks::mixed_sample(next++, {}, {});
        document = s.prompt + "\n" + s.thinking + "\n" + s.answer;
        return next < 500;
      },
      {.vocab_size = 700});
}

TEST(sources, tasks_and_files_of_a_recipe_in_their_shares) {
  const test::Folder folder;
  std::string text = *read_file(std::string(JAMSU_SOURCE_DIR) + "/tests/train/data/recipe.toml");
  text.replace(text.find("[data]\n"), 7, "[data]\ntasks_weight = 2\nfiles = [{ path = \"a.jsonl\", weight = 1 }]\n");
  ASSERT_TRUE(write_file(folder / "my.toml", text).ok());
  const auto recipe = load_recipe(folder / "my.toml");
  ASSERT_TRUE(recipe.ok()) << recipe.error().message;
  const auto tokenizer = small_tokenizer();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;

  EXPECT_EQ(open_sources(*recipe, *recipe->sft, *tokenizer).error().message,
            (folder / "a.jsonl") + ": cannot be read: No such file or directory.");
  ASSERT_TRUE(write_file(folder / "a.jsonl",
                         "{\"prompt\":\"1+1=\",\"completion\":\"2\"}\n{\"prompt\":\"1+2=\",\"completion\":\"3\"}\n")
                  .ok());
  auto sources = open_sources(*recipe, *recipe->sft, *tokenizer);
  ASSERT_TRUE(sources.ok()) << sources.error().message;
  ASSERT_EQ(sources->size(), 2u);
  auto dataset = Dataset::create(*sources, recipe->sft->data_options(recipe->data.seed));
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;

  std::map<std::string, int> share;
  int64_t tokens = 0, learned = 0;
  for (int n = 0; n < 3; ++n) {
    const auto batch = dataset->next();
    ASSERT_TRUE(batch.ok()) << batch.error().message;
    for (const uint64_t place : batch->places) ++share[dataset->source_name(place)];
    EXPECT_GT(batch->tokens, 8192 * 9 / 10);
    tokens += batch->tokens;
    learned += batch->learned;
    if (n == 0) {
      const std::string shown =
          describe(*batch, [&](int32_t id) { return tokenizer->decode(std::vector<int32_t>{id}); });
      EXPECT_NE(shown.find("<|user|>|"), std::string::npos);
      EXPECT_NE(shown.find("  learned  |<think>|"), std::string::npos);
    }
  }
  EXPECT_NEAR(share["tasks"], 2.0 * share["a.jsonl"], 40);
  // SFT learns the replies only, pre-training nearly all.
  EXPECT_LT(learned, tokens * 9 / 10);
  auto all = Dataset::create(*open_sources(*recipe, *recipe->pretrain, *tokenizer),
                             recipe->pretrain->data_options(recipe->data.seed));
  ASSERT_TRUE(all.ok());
  const auto batch = all->next();
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->learned, batch->tokens - static_cast<int64_t>(batch->places.size()));
}

// Chats of several questions: earlier answers stand without thinking, only the last reply is learned, all fits.
TEST(sources, conversations_of_several_turns) {
  const auto tokenizer = small_tokenizer();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  constexpr int64_t kContext = 300;
  const auto source = TaskSource::create(
      *tokenizer, {.mix = {}, .generator = {}, .learn_prompt = false, .turns = 4, .context = kContext});
  const auto single = TaskSource::create(*tokenizer, {.mix = {}, .generator = {}, .learn_prompt = false});
  ASSERT_TRUE(source.ok() && single.ok());
  const int32_t user = *tokenizer->token_id("<|user|>"), think = *tokenizer->token_id("<think>"),
                end = *tokenizer->token_id("<|end_of_text|>");
  std::map<int64_t, int> turns;
  for (uint64_t i = 0; i < 400; ++i) {
    const auto d = (*source)->at(i);
    ASSERT_TRUE(d.ok()) << d.error().message;
    const auto questions = std::count(d->ids.begin(), d->ids.end(), user);
    ++turns[questions];
    if (questions > 1) {
      EXPECT_LE(static_cast<int64_t>(d->ids.size()), kContext);
    }
    EXPECT_LE(std::count(d->ids.begin(), d->ids.end(), think), 1);
    EXPECT_EQ(std::count(d->ids.begin(), d->ids.end(), end), questions);
    // Learned: one stretch, at the end.
    const auto first = std::find(d->learned.begin(), d->learned.end(), 1);
    EXPECT_NE(first, d->learned.end());
    EXPECT_EQ(std::find(first, d->learned.end(), 0), d->learned.end());
    if (questions == 1 && turns[1] == 1) {
      const auto alone = (*single)->at(i * 4);
      EXPECT_EQ(d->ids, alone->ids);
      EXPECT_EQ(d->learned, alone->learned);
    }
  }
  for (int64_t n = 1; n <= 4; ++n) EXPECT_GT(turns[n], 5) << n;
  EXPECT_GT(turns[1], turns[3]);
}

}  // namespace
}  // namespace jamsu::train

// What is kept from training: whole documents by a hash, pieces of a single text, and what is asked of them.
#include "train/setup/validation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "train/setup/made_recipe.h"
#include "train/setup/stage_data.h"

namespace jamsu::train {
namespace {

Document document(int32_t first, size_t size, bool may_cut = false) {
  Document d;
  for (size_t t = 0; t < size; ++t) d.ids.push_back(first + static_cast<int32_t>(t));
  d.learned.assign(size, 1);
  d.learned[0] = 0;
  d.may_cut = may_cut;
  return d;
}
std::shared_ptr<const ListSource> list(std::vector<Document> documents, int64_t context = 64) {
  return std::make_shared<ListSource>(std::move(documents), context);
}
std::set<std::vector<int32_t>> contents(const DocumentSource& source) {
  std::set<std::vector<int32_t>> all;
  for (uint64_t i = 0; i < source.size(); ++i) all.insert(source.at(i)->ids);
  return all;
}
std::vector<Document> numbered(int32_t count, size_t size = 9) {
  std::vector<Document> all;
  for (int32_t i = 0; i < count; ++i) all.push_back(document(100 * i, size));
  return all;
}

TEST(HoldOut, IsWholeDocumentsThatAreNotTrainedOn) {
  // 40 short texts and one that is cut into five pieces.
  auto documents = numbered(40);
  documents.push_back(document(9000, 300, true));
  const auto source = list(documents);
  ASSERT_EQ(source->size(), 45u);
  std::set<std::vector<std::vector<int32_t>>> choices;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const auto held = hold_out(source, 10, seed);
    ASSERT_TRUE(held.ok() && held->validation);
    const auto trained = contents(*held->training), kept = contents(*held->validation);
    EXPECT_EQ(trained.size() + kept.size(), 45u);
    for (const auto& ids : kept) EXPECT_FALSE(trained.contains(ids));
    const auto pieces = std::count_if(kept.begin(), kept.end(), [](const auto& ids) { return ids[0] >= 9000; });
    EXPECT_TRUE(pieces == 0 || pieces == 5) << pieces;
    EXPECT_EQ(kept.size() - static_cast<size_t>(pieces), pieces ? 3u : 4u);
    EXPECT_EQ(contents(*hold_out(source, 10, seed)->validation), kept);
    choices.insert({kept.begin(), kept.end()});
  }
  EXPECT_GT(choices.size(), 20u);
}

TEST(HoldOut, StaysWhereItWasWhenOthersAreAddedAndNoCopyIsOnBothSides) {
  const auto before = contents(*hold_out(list(numbered(100)), 10, 7)->validation);
  auto more = numbered(100);
  for (Document& d : numbered(1)) more.push_back(std::move(d));  // the first one again
  const auto after = hold_out(list(more), 10, 7);
  std::vector<std::vector<int32_t>> common;
  const auto kept = contents(*after->validation);
  std::set_intersection(before.begin(), before.end(), kept.begin(), kept.end(), std::back_inserter(common));
  EXPECT_GE(common.size(), 9u);
  // The same text thrice, whatever the seed.
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto copies = numbered(20);
    copies.push_back(copies[3]);
    copies.push_back(copies[3]);
    const auto held = hold_out(list(copies), 10, seed);
    const auto trained = contents(*held->training);
    for (const auto& ids : contents(*held->validation)) EXPECT_FALSE(trained.contains(ids)) << seed;
  }
}

TEST(HoldOut, ASingleTextGivesPiecesAndOneThatCannotBeDividedNothing) {
  const auto held = hold_out(list({document(0, 1000, true)}), 5, 1);
  ASSERT_TRUE(held.ok() && held->validation);
  EXPECT_EQ(held->validation->size(), 1u);
  EXPECT_EQ(held->training->size(), 15u);
  const auto one = hold_out(list({document(0, 20, true)}), 5, 1);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->validation, nullptr);
  EXPECT_EQ(one->training->size(), 1u);
  const auto same = hold_out(list({document(0, 20), document(0, 20)}), 50, 1);
  EXPECT_EQ(same->validation, nullptr);
}

TEST(ValidationBatches, HoldEachDocumentOnceAndNoMoreThanIsAsked) {
  const auto source = list(numbered(10, 9));
  const auto all = validation_batches(*source, 20, 1000);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->size(), 5u);
  const GlobalCounts c = count(*all);
  EXPECT_EQ(c.tokens, 90);
  EXPECT_EQ(c.labels, 80);
  for (const MicroBatch& b : *all)
    for (size_t t = 0; t + 1 < b.tokens.size(); ++t) EXPECT_TRUE(b.labels[t] == b.tokens[t + 1] || b.labels[t] < 0);
  EXPECT_EQ(count(*validation_batches(*source, 20, 30)).tokens, 36);
  auto nothing = document(0, 5);
  nothing.learned.assign(5, 0);
  EXPECT_EQ(validation_batches(*list({nothing}), 20, 100).error().message,
            "validation: nothing of what is kept for it is learned.");
}

TEST(SamplePrompts, EndWhereTheLastReplyBegins) {
  Document chat = document(0, 10);
  chat.learned = {0, 0, 1, 1, 0, 0, 1, 1, 1, 0};
  const auto prompts = sample_prompts(*list({chat, chat, document(100, 100, true)}, 200), 3);
  ASSERT_TRUE(prompts.ok());
  ASSERT_EQ(prompts->size(), 2u);  // the second is the first again
  EXPECT_EQ((*prompts)[0].prompt, (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ((*prompts)[0].reply, (std::vector<int32_t>{6, 7, 8, 9}));
  EXPECT_EQ((*prompts)[1].prompt.size(), 32u);
  EXPECT_EQ((*prompts)[1].reply.size(), 68u);
}

TEST(Epochs, AreWholeStepsUntilEachFileWasRead) {
  Recipe recipe;
  recipe.name = "r.toml";
  recipe.data.seed = 3;
  StageRecipe stage;
  stage.epochs = 3;
  stage.batch_tokens = stage.micro_batch_tokens = 64;
  stage.context = 64;
  const std::vector<WeightedSource> sources = {{list(numbered(40)), 1, "a"}};
  const auto sized = set_length(stage, sources, recipe, "sft");
  ASSERT_TRUE(sized.ok()) << sized.error().message;
  // 120 documents of 9 tokens, 7 in each row.
  EXPECT_GE(sized->total_steps(), 120 / 7);
  EXPECT_LE(sized->total_steps(), 120 / 7 + 2);
  stage.epochs = 0.5;
  EXPECT_LE(set_length(stage, sources, recipe, "sft")->total_steps(), 4);
  stage.warmup_tokens = 64'000;
  const auto refused = set_length(stage, sources, recipe, "sft");
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().message.starts_with("recipe r.toml: sft.learning_rate: a warm-up of 1000 steps"))
      << refused.error().message;
  // Of two sources the longer one counts.
  stage.warmup_tokens = 0;
  stage.epochs = 1;
  const std::vector<WeightedSource> two = {{list(numbered(4)), 1, "a"}, {list(numbered(40)), 1, "b"}};
  EXPECT_GE(set_length(stage, two, recipe, "sft")->total_steps(), 80 / 7);
}

// The choice for files alone: whatever the data and the model, a recipe that is read, with a reason for what was chosen.
TEST(MadeRecipe, IsAWholeRecipeForEverySize) {
  for (const int64_t documents : {1, 3, 9, 10, 100, 3'000, 200'000})
    for (const int64_t tokens : {5, 80, 900})
      for (const int64_t parameters : {0, 3'000'000, 600'000'000})
        for (const bool ours : {false, true})
          for (const Stage stage : {Stage::pretrain, Stage::sft}) {
            if (parameters == 0 && (stage == Stage::sft || !ours)) continue;
            FileFacts file{"/data/a.jsonl", {}, std::vector<int64_t>(static_cast<size_t>(documents), tokens)};
            if (stage == Stage::pretrain) {
              file.path = "/data/a.txt";
              file.samples.clear();
              file.texts = {documents * tokens};
            }
            const ModelFacts model{.folder = parameters ? "/m" : "",
                                   .parameters = parameters,
                                   .context = 1024,
                                   .trained_here = ours,
                                   .knows_problems = ours && stage == Stage::sft};
            const auto made = made_recipe(stage, {file}, model);
            ASSERT_TRUE(made.ok()) << made.error().message;
            const std::string text = explain(*made);
            const auto read = parse_recipe(text, "/run/recipe.toml");
            ASSERT_TRUE(read.ok()) << read.error().message << "\n" << text;
            const auto& section = stage == Stage::sft ? read->sft : read->pretrain;
            ASSERT_TRUE(section.has_value());
            EXPECT_LE(section->context, 1024);
            EXPECT_GE(section->context, tokens < 1024 && stage == Stage::sft ? tokens : 1);
            EXPECT_GT(section->peak, 0);
            EXPECT_EQ(read->data.tasks_weight > 0, model.knows_problems);
            const int64_t step = section->context - 1, pieces = (documents * tokens - 1 + step - 1) / step;
            EXPECT_EQ(read->data.validation_percent > 0, (stage == Stage::sft ? documents : pieces) >= 10);
            for (const char* field :
                 {"context", "batch_tokens", "epochs", "learning_rate.peak", "validate_every_steps"})
              EXPECT_TRUE(made->reasons.contains(std::string(stage_name(stage)) + "." + field)) << field;
            EXPECT_NE(text.find("# " + made->reasons.at("data.tasks_weight") + "\ntasks_weight"), std::string::npos);
          }
}

TEST(MadeRecipe, FilesOfUnlikeSizesAreReadEquallyOften) {
  const FileFacts few{"/a.jsonl", {}, std::vector<int64_t>(30, 50)}, many{"/b.jsonl", {}, std::vector<int64_t>(90, 50)};
  const auto made = made_recipe(Stage::sft, {few, many}, {.folder = "/m", .parameters = 1'000'000, .context = 512});
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->data.files.size(), 2u);
  EXPECT_EQ(made->data.files[0].weight, 1);
  EXPECT_EQ(made->data.files[1].weight, 3);
  EXPECT_EQ(made_recipe(Stage::sft, {{"/a.txt", {500}, {}}}, {.folder = "/m", .context = 512}).error().message,
            "/a.txt: holds running text and no conversation; jamsu pretrain learns from such files");
}

}  // namespace
}  // namespace jamsu::train

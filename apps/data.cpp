// jamsu data show: what a recipe's data look like to training: tokens, what is learned, how rows are packed.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "tokenizer/tokenizer.h"
#include "train/recipe.h"
#include "train/sources.h"

namespace jamsu::apps {
namespace {

struct ShowOptions {
  std::string recipe, stage = "pretrain", tokenizer;
  int64_t batch = 0;
  bool summary = false, json = false;
};

// Batches passed over are packed too: what waits in one goes into the next.
Result<train::PackedBatch> batch_number(train::Dataset& dataset, int64_t number) {
  for (int64_t i = 0; i < number; ++i)
    if (auto passed = dataset.next(); !passed) return passed.error();
  return dataset.next();
}

// Rows as training sees them: labels are -100 where nothing is learned, documents -1 on padding.
boost::json::object to_json(const train::PackedBatch& b, int64_t number, bool summary) {
  boost::json::object object{{"batch", number},
                             {"documents", b.places.size()},
                             {"tokens", b.tokens},
                             {"rows", b.rows.rows},
                             {"width", b.rows.width},
                             {"learned", b.learned},
                             {"waiting", b.after.waiting.size()},
                             {"skipped", b.after.skipped}};
  if (summary) return object;
  boost::json::array rows;
  for (int64_t r = 0; r < b.rows.rows; ++r) {
    const auto row = [&](const std::vector<int32_t>& all) {
      const auto begin = all.begin() + r * b.rows.width;
      return boost::json::array(begin, begin + b.rows.width);
    };
    rows.push_back({{"ids", row(b.rows.ids)}, {"labels", row(b.rows.labels)}, {"documents", row(b.rows.doc_ids)}});
  }
  object["contents"] = std::move(rows);
  return object;
}

int show(const ShowOptions& o, const Globals& globals) {
  const auto recipe = train::load_recipe(o.recipe);
  if (!recipe) return fail(recipe.error());
  const auto& stage = o.stage == "sft" ? recipe->sft : recipe->pretrain;
  if (!stage) return fail(fmt::format("recipe {}: no [{}] section", recipe->name, o.stage));
  std::string path = o.tokenizer;
  if (path.empty() && !recipe->tokenizer.file.empty())
    path = (std::filesystem::path(recipe->folder) / recipe->tokenizer.file).string();
  if (path.empty()) {
    auto model = hub::find_model("", globals.places);
    if (!model) return fail(fmt::format("recipe {}: no tokenizer.file; name one with --tokenizer", recipe->name));
    path = *model;
  }
  const auto tokenizer = tokenizer::Tokenizer::load(path);
  if (!tokenizer) return fail(tokenizer.error());
  auto sources = train::open_sources(*recipe, *stage, *tokenizer, {},
                                     [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  if (!sources) return fail(sources.error());
  auto dataset = train::Dataset::create(std::move(*sources), stage->data_options(recipe->data.seed));
  if (!dataset) return fail(dataset.error());
  const auto batch = batch_number(*dataset, o.batch);
  if (!batch) return fail(batch.error());
  if (o.json) {
    std::cout << to_json(*batch, o.batch, o.summary) << "\n";
    return 0;
  }
  if (!o.summary)
    fmt::print("{}", train::describe(*batch, [&](int32_t id) { return tokenizer->decode(std::vector<int32_t>{id}); }));
  const int64_t room = batch->rows.rows * batch->rows.width;
  fmt::print(
      "batch {}: {} documents, {} tokens ({:.1f} % of {} rows of {}), {} learned, {} samples waiting, {} left out as "
      "too long\n",
      o.batch, batch->places.size(), batch->tokens,
      100.0 * static_cast<double>(batch->tokens) / static_cast<double>(room), batch->rows.rows, batch->rows.width,
      batch->learned, batch->after.waiting.size(), batch->after.skipped);
  return 0;
}

}  // namespace

void add_data(Verb& app, Globals& globals) {
  auto* verb = app.add_subcommand("data", "look at the data of a recipe");
  verb->require_subcommand();
  verb->footer("Example: jamsu data show recipes/nano.toml --stage sft");
  auto options = std::make_shared<ShowOptions>();
  auto* show_verb =
      verb->add_subcommand("show", "print a packed batch: every document's tokens, and which of them are learned");
  show_verb->add_option("recipe", options->recipe, "recipe (TOML)")->required();
  show_verb->add_option("--stage", options->stage, "pretrain or sft")->one_of({"pretrain", "sft"});
  show_verb->add_option("--tokenizer", options->tokenizer,
                        "tokenizer.json or a folder with one (default: the recipe's, then the shipped model's)");
  show_verb->add_option("--batch", options->batch, "number of the batch, from 0")->range(int64_t{0}, int64_t{1} << 40);
  show_verb->add_flag("--summary", options->summary, "only the counts");
  show_verb->add_flag("--json", options->json,
                      "one JSON object: counts, and ids, labels (-100: not learned) and documents of each row");
  show_verb->footer("Example: jamsu data show recipes/nano.toml --stage sft");
  show_verb->callback([options, &globals] { globals.exit_code = show(*options, globals); });
}

}  // namespace jamsu::apps

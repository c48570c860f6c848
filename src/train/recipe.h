#pragma once
// Recipes: the whole of a run in one TOML file.
// One table per section (recipe_fields.h) drives parsing, checks, documentation and `--explain`.
// Every field is validated; unknown and contradictory ones are errors that name file, line and field:
//   recipe nano.toml:14: pretrain.batch_tokens = 8000 is not a multiple of context = 1024.
#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "train/data.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/trainer.h"

namespace jamsu::train {

// A user's own file among the data.
struct DataFile {
  std::string path;             // .txt or .jsonl, relative to the recipe's folder; shards: `name-*.jsonl`
  int64_t weight = 1;           // against data.tasks_weight and the other files
  std::string split = "none";   // .txt: one document, or "blank_lines"
  bool adapt_messages = false;  // text::PromptOptions::adapt
  bool operator==(const DataFile&) const = default;
};

struct DataRecipe {
  int64_t seed = 7;
  int64_t tasks_weight = 1;
  int64_t arithmetic = 40, word_korean = 20, word_english = 20, misc = 15, talk = 5, follow = 0,
          repeat = 0;  // percent of the generated tasks
  std::vector<DataFile> files;
  // What is kept from training: a file of its own, or a share of the documents of `files`.
  std::string validation_file;
  int64_t validation_percent = 0;
  int64_t validation_tokens = 65'536;  // at most so many of it are asked for the loss
};

struct TokenizerRecipe {
  std::string file;  // empty: trained from the data of this recipe
  int64_t train_samples = 20'000;
};

// [pretrain] or [sft].
struct StageRecipe {
  // Length: `tokens`, or `epochs` over the files (0: not given), which set_length turns into tokens.
  int64_t tokens = 0;
  double epochs = 0;
  int64_t batch_tokens = 8192, micro_batch_tokens = 8192, context = 1024;
  bool document_mask = true;
  std::string loss_on = "all";  // "all" or "reply"
  int64_t retry_percent = 0, turns = 1;
  double peak = 2e-3;
  int64_t warmup_tokens = 0;
  std::string schedule = "wsd";
  double floor_ratio = 0, decay_fraction = 0.2;
  // DeepSeek-V3, arXiv:2412.19437 section 4.2: of 14.8T tokens 10T at the peak, 4.3T of cosine, 333B, 167B;
  // rates 2.2e-4, 2.2e-5, 7.3e-6.
  double v3_constant = 10.0 / 14.8, v3_cosine = 4.3 / 14.8, v3_mid = 0.333 / 14.8, v3_mid_ratio = 0.1,
         v3_last_ratio = 7.3 / 220;
  std::string matrices = "adamw";  // or "muon"; decides optimizer.muon
  OptimizerOptions optimizer;
  double mtp_lambda = 0.3, balance_alpha = 1e-4, bias_gamma = 1e-3;
  int64_t gradient_slots = 1, seed = 1;
  double init_scale = 0.5, embedding_std = 0.02;
  int64_t checkpoint_every_steps = 200, keep = 3;
  int64_t validate_every_steps = 50, sample_every_steps = 0;

  int64_t total_steps() const { return (tokens + batch_tokens - 1) / batch_tokens; }
  Schedule learning_rate() const;
  StepOptions step_options(int64_t step) const;  // the rate of that step included
  DataOptions data_options(int64_t data_seed) const;
  InitOptions init_options() const { return {static_cast<uint64_t>(seed), init_scale, embedding_std}; }
};

struct Recipe {
  std::string name;    // file name, for messages
  std::string folder;  // of the file; data paths start here
  std::string text;    // as it was read; goes into checkpoints
  // Why fields have the values they have, by "section.field", where a program chose them; explain() says it.
  std::map<std::string, std::string> reasons = {};
  // [model]: a DeepSeek-V3 as its official config.json, every field there; what models::create_model takes. Empty: the
  // section is missing, and the stages of this recipe go on from a model's folder.
  boost::json::object model;
  DataRecipe data;
  TokenizerRecipe tokenizer;
  std::optional<StageRecipe> pretrain, sft;
};

// `file` names the source in errors; its folder becomes Recipe::folder.
Result<Recipe> parse_recipe(std::string_view text, const std::string& file);
Result<Recipe> load_recipe(const std::string& path);

// [model] beside the config.json (named `file`) of a folder that a stage goes on from, whose model it is then. Nothing,
// or a note that [model] is of another architecture and not used; an Error names the first field that says otherwise.
Result<std::string> check_model(const Recipe& recipe, const boost::json::object& config, const std::string& file);

// The effective recipe, defaults included, as TOML with a comment per field and the reasons above it.
// parse_recipe(explain(r)) gives r again, without the reasons.
std::string explain(const Recipe& recipe);

struct RecipeFieldDoc {
  std::string section, name, type, default_value, unit, range, help;
};
std::vector<RecipeFieldDoc> recipe_field_docs();

}  // namespace jamsu::train

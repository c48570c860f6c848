#pragma once
// A stage of a recipe from its folder to the trained model: what the model starts as, tokenizer, chat format, data, the
// run with checkpoints and metrics, export. Prints nothing, knows no signals and no ledger: hooks say what happens.
#include <functional>
#include <string>
#include <string_view>

#include "models/model.h"
#include "tokenizer/tokenizer.h"
#include "train/recipe.h"
#include "train/run.h"
#include "train/setup/validation.h"

namespace jamsu::train {

enum class Stage : uint8_t { pretrain, sft };
std::string_view stage_name(Stage stage);  // "pretrain"
// Its section of the recipe; an Error names the recipe where it is missing.
Result<StageRecipe> section_of(const Recipe& recipe, Stage stage);

struct StageOptions {
  Stage stage = Stage::pretrain;
  std::string folder = {};  // of the run (train/setup/run_folder.h)
  // The model's folder to start from, whatever architecture has a backward: model, tokenizer and chat template are
  // that folder's, and [model] of the recipe is not used. Empty: [model], with weights from its seed.
  std::string from = {};
  std::string tokenizer = {};      // a file or folder, instead of what `from` or the recipe says
  std::string chat_template = {};  // a file, instead of the folder's or the built-in one
  bool resume = false;             // continue from the newest whole checkpoint
  bool restart = false;            // delete what an earlier run wrote, once everything else was checked
  bool write_recipe = false;       // the recipe's text goes into the folder: nobody has it as a file
  int64_t max_steps = 0;           // stop after so many steps; 0: the recipe's
};

// What a stage has become, before its first step.
struct StageReady {
  std::shared_ptr<const models::Model> model;
  const tokenizer::Tokenizer& tokenizer;
  const StageRecipe& stage;            // with its length in tokens
  int64_t steps;                       // in all
  double flops_per_token;              // forward, backward and the MTP module's
  std::vector<SamplePrompt> samples;   // to ask at on_sample; none where the stage has no samples
  uint64_t documents, kept_documents;  // of files; kept for validation
};

struct StageHooks {
  std::function<void(const StageReady&)> on_ready;
  std::function<void(int64_t step, const RunCounters&)> on_start;  // where the run continues from; after on_ready
  std::function<void(const StepReport&, const RunCounters&)> on_step;
  std::function<void(int64_t step)> on_sample;
  std::function<void(const std::string& message)> on_message;
  std::function<bool()> should_stop;
};

// Errors: the folder holds checkpoints and neither `resume` nor `restart` is set, or something that is not the run's
// stands where it would write; another process writes it; what run() and export_model() say; a model that is not trained
// on; a [model] of the recipe that contradicts the folder's config.json. An Error before the first step has removed and
// changed nothing.
Result<RunResult> run_stage(const Recipe& recipe, const StageOptions& options, ops::Runtime& runtime,
                            const StageHooks& hooks);
// Where it writes the model: FOLDER/model.
std::string model_folder(const std::string& run_folder);

}  // namespace jamsu::train

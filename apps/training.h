#pragma once
// What `jamsu pretrain` and `jamsu sft` share:
// a stage of a recipe (train/stage.h) with a status line, signals and a row in the ledger.
#include <string>
#include <vector>

#include "apps/verbs.h"
#include "train/stage.h"

namespace jamsu::apps {

using train::Stage;

struct TrainingOptions {
  std::vector<std::string> data;  // a recipe, or files for which one is made (train/setup/made_recipe.h)
  std::string folder;             // of the run; default $JAMSU_HOME/runs/RECIPE-STAGE
  // The model to start from (a name or a folder); default for sft: the pre-training run of the same recipe, for files
  // alone the model that comes with this program.
  std::string from;
  std::string tokenizer;  // tokenizer.json to use instead of the recipe's
  std::string chat_template;
  bool resume = false, explain = false, restart = false;
  int64_t max_steps = 0;  // stop after so many steps (a short try); 0: the recipe's
};

int run_training(Stage stage, const TrainingOptions& options, const Globals& globals);

}  // namespace jamsu::apps

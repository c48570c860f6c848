#pragma once
// A recipe for files alone (`jamsu sft --from MODEL chats.jsonl`, `jamsu pretrain book.txt`): every field that is chosen
// from the data and the model has its reason in Recipe::reasons, and explain() writes the whole as TOML.
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "train/recipe.h"
#include "train/stage.h"

namespace jamsu::train {

// A file as the model's tokenizer reads it.
struct FileFacts {
  std::string path;
  std::vector<int64_t> texts;    // tokens of each running text, which may be cut
  std::vector<int64_t> samples;  // tokens of each conversation or completion, which may not
};
// The model that training starts from.
struct ModelFacts {
  std::string folder;  // empty: a new one
  int64_t parameters = 0, context = 0;
  bool trained_here = false;    // its config says so
  bool knows_problems = false;  // it answers the generated problems
};
// The choice itself, a function of what it is given. Errors: nothing to learn from; SFT of running text.
Result<Recipe> made_recipe(Stage stage, const std::vector<FileFacts>& files, const ModelFacts& model);

// Reads files and model, chooses, and gives the recipe as parse_recipe reads what explain() writes of it, named after
// the first file; its text is what FOLDER/recipe.toml becomes. `options`: stage, folder, from, tokenizer, chat_template.
// Errors: the files', the model's.
Result<Recipe> recipe_of_files(const std::vector<std::string>& files, const StageOptions& options,
                               ops::Runtime& runtime);

}  // namespace jamsu::train

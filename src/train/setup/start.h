#pragma once
// What a stage begins with: the model, its chat format and what stands beside it.
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "formats/safetensors.h"
#include "text/chat_format.h"
#include "tokenizer/tokenizer.h"
#include "train/recipe.h"
#include "train/stage.h"

namespace jamsu::train {

struct Start {
  std::shared_ptr<models::Model> model;
  boost::json::object config;                   // that it was created from
  std::string chat_template;                    // its text; empty: the folder has none
  std::optional<text::ChatFormat> format;       // empty: the built-in one
  std::optional<formats::Safetensors> weights;  // of the folder; empty: from the seed
  std::map<std::string, std::string> beside;    // files of the folder that go along
};

// From nothing: [model] of the recipe.
Result<Start> start_of_recipe(const Recipe& recipe, const tokenizer::Tokenizer& tokenizer, ops::Numerics numerics);
// The model of options.from, with what stands beside it. Errors: the folder's; a model that is not trained on; a
// tokenizer or a context that is larger than it; what check_model (recipe.h) says, whose note goes to `hooks`.
Result<Start> start_of_folder(const Recipe& recipe, const StageOptions& options, const StageRecipe& stage,
                              const tokenizer::Tokenizer& tokenizer, ops::Numerics numerics, const StageHooks& hooks);
// A template that the user names (options.chat_template) goes before every other.
Status take_named_template(const StageOptions& options, Start& start);
// The chat format that a stage of these options has; empty: the built-in one.
Result<std::optional<text::ChatFormat>> format_of(const StageOptions& options, const tokenizer::Tokenizer& tokenizer);

}  // namespace jamsu::train

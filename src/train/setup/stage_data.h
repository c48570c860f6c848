#pragma once
// What a stage trains on, what it keeps from training, and how long it is.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/chat_format.h"
#include "tokenizer/tokenizer.h"
#include "train/data.h"
#include "train/recipe.h"

namespace jamsu::train {

struct StageData {
  std::vector<WeightedSource> training;              // for Dataset::create
  std::shared_ptr<const DocumentSource> validation;  // null: nothing is kept
};
// open_sources (train/sources.h, `on_message` too) with what data.validation says. Errors: the files'; data that are too few to be
// divided.
Result<StageData> open_stage_data(const Recipe& recipe, const StageRecipe& stage, const tokenizer::Tokenizer& tokenizer,
                                  const std::optional<text::ChatFormat>& format = {},
                                  const std::function<void(const std::string&)>& on_message = {});

// `stage` with its length in tokens: where the recipe gives epochs, whole steps until each file was read so often.
// Errors: the data's; a warm-up or a decay that does not fit; they name `stage_name` of the recipe.
Result<StageRecipe> set_length(StageRecipe stage, const std::vector<WeightedSource>& training, const Recipe& recipe,
                               std::string_view stage_name);

}  // namespace jamsu::train

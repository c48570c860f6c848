#pragma once
// The data that a recipe names: generated tasks and the user's files, with their weights.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/chat_format.h"
#include "tokenizer/tokenizer.h"
#include "train/data.h"
#include "train/recipe.h"

namespace jamsu::train {

// For Dataset::create. Files are read, checked and tokenised here; their errors name file and line. `format` of chats:
// empty is the built-in one. `on_message` is told of each file what its lines were, where that is more than text.
Result<std::vector<WeightedSource>> open_sources(const Recipe& recipe, const StageRecipe& stage,
                                                 const tokenizer::Tokenizer& tokenizer,
                                                 const std::optional<text::ChatFormat>& format = {},
                                                 const std::function<void(const std::string&)>& on_message = {});

}  // namespace jamsu::train

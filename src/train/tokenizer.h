#pragma once
// Tokenizers made from what a recipe trains on.
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "train/recipe.h"

namespace jamsu::train {

// A byte-level BPE of `vocab` tokens from the first `samples` generated tasks
// of the recipe's mix and seed, and from `texts`.
Result<tokenizer::Tokenizer> make_tokenizer(const DataRecipe& data, int64_t samples, std::vector<std::string> texts,
                                            int64_t vocab);

}  // namespace jamsu::train

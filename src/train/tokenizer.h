#pragma once
// Tokenizers made from what a recipe trains on.
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "train/recipe.h"

namespace jamsu::train {

// A byte-level BPE of `vocab` tokens from the first `samples` generated tasks
// of the recipe's mix and seed, and from `texts`. `may_be_smaller`: fewer tokens where the texts have too few pairs.
Result<tokenizer::Tokenizer> make_tokenizer(const DataRecipe& data, int64_t samples, std::vector<std::string> texts,
                                            int64_t vocab, bool may_be_smaller = false);

// The texts of a recipe's files, without what a tokenizer has no use for (the keys of JSON, roles). Errors: a file's.
Result<std::vector<std::string>> texts_of_files(const Recipe& recipe);

}  // namespace jamsu::train

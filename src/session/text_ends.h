#pragma once
// Which ids begin and end a text of a model. Hugging Face has several files that say so; what each is asked for is what
// transformers 5.24 asks it for (docs/models.md, "Where a text begins and ends").
#include <cstdint>
#include <string>
#include <vector>

#include "models/config/generation.h"
#include "models/model_info.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::session {

// What stands before running text: what the post_processor of tokenizer.json puts there. Tokenizers made here have none
// that does, and their models learn every document behind <|begin_of_text|>: that.
std::vector<int32_t> text_begin(const tokenizer::Tokenizer& tokenizer);

// Every id that ends a reply, each once: of config.json, of generation_config.json, and the eos_token of
// tokenizer_config.json, or else of special_tokens_map.json. Null for `tokenizer`: that token is looked for in the files'
// lists of added tokens. What cannot be read ends nothing.
std::vector<int32_t> text_ends(const std::string& folder, const models::ModelInfo& info,
                               const models::GenerationConfig& generation, const tokenizer::Tokenizer* tokenizer);

}  // namespace jamsu::session

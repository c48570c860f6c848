#pragma once
// Added tokens that tokenizer_config.json has beside those of tokenizer.json ("added_tokens_decoder": id -> token).
// transformers adds them to what tokenizer.json has, in the order of their ids: of a token that is there already the
// flags of the config count, one that is not gets the next free id, whatever id the config says.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/added_tokens.h"

namespace jamsu::tokenizer {

// `config`: the text of tokenizer_config.json; `name` stands for it in errors, which name the field.
Result<std::vector<AddedToken>> read_config_tokens(std::string_view config, const std::string& name);

}  // namespace jamsu::tokenizer

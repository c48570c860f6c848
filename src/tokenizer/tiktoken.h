#pragma once
// tiktoken.model, as Kimi and Moonlight publish their tokenizers: a line a token, its bytes in base64 and its rank,
// which is its id. Pieces are cut by Kimi's pattern; a pair of neighbours merges when their bytes together are a token,
// the lowest rank first (github.com/openai/tiktoken). Special tokens stand in tokenizer_config.json.
#include <string>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace jamsu::tokenizer {

// `config`: the text of tokenizer_config.json. `name` and `config_name` stand for the files in errors, which name line
// and field: base64 that is none, ranks that leave holes or repeat, a token twice,
// a byte without token, another tokenizer_class.
Result<Tokenizer> read_tiktoken(std::string_view model, const std::string& name, std::string_view config,
                                const std::string& config_name);

}  // namespace jamsu::tokenizer

#pragma once
// tokenizer.model, a SentencePiece model (github.com/google/sentencepiece, sentencepiece_model.proto), where a folder has no
// tokenizer.json: Llama's first two generations and what was made of them. It becomes the tokenizer.json that transformers
// 5.24 makes of it (LlamaTokenizer): BPE over characters with byte fallback, whose merges are all pairs of pieces that are
// a piece together, in the order of the pieces.
#include <string>
#include <string_view>

#include "base/result.h"

namespace jamsu::tokenizer {

// `model`: the bytes of tokenizer.model; `config`: the text of tokenizer_config.json. `name` and `config_name` stand for
// the files in errors: bytes that are no such model, at which byte; a model that is not BPE; a tokenizer_class other than
// LlamaTokenizer; a special token that is no piece. What cannot be read here says how transformers writes tokenizer.json.
Result<std::string> json_of_sentencepiece(std::string_view model, const std::string& name, std::string_view config,
                                          const std::string& config_name);

// How to get a tokenizer.json of what `folder` holds.
std::string how_to_convert(std::string_view folder);

}  // namespace jamsu::tokenizer

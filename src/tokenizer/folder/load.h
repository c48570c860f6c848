#pragma once
// Which files of a model's folder make Tokenizer::load's tokenizer.
#include <string>

namespace jamsu::tokenizer {

// Whether there is one, also of a kind that load names and does not read: tokenizer.json, tiktoken.model, tokenizer.model,
// vocab.json and others. Without any a model takes and gives token ids alone.
bool holds_tokenizer(const std::string& folder);

}  // namespace jamsu::tokenizer

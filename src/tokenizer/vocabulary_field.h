#pragma once
// model.vocab and added_tokens of a tokenizer.json -> tokens by id.
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "tokenizer/added_tokens.h"

namespace jamsu::tokenizer {

struct TokenList {
  std::vector<std::string> tokens;               // by id; empty where there is none
  std::vector<bool> holes;                       // by id: there is none
  std::unordered_map<std::string, int32_t> ids;  // of the model's own tokens
  std::optional<int32_t> find(std::string_view token) const;
};

// {token: id, ...}. Ids may leave holes, as many as there are tokens and 65,536 more. Errors name `where`
// ("file: model").
Result<TokenList> read_numbered_tokens(const boost::json::value& vocab, const std::string& where);
// [[token, score], ...], by id; `scores`: how many numbers the text has there.
Result<TokenList> read_scored_tokens(const boost::json::value& vocab, size_t scores, const std::string& where);

// `tokenizers` gives an added token that the model has the model's id, and counts the others up in their order: from
// the number of the model's tokens, or behind the highest id of an added token before; whatever ids the file says.
// What the file says must ascend all the same, and belong to no other token. Sets id and outside_model, and puts the
// tokens into the list. An id below zero is one that no file says. Errors name `name` and the place.
Status number_added_tokens(std::vector<AddedToken>& added, TokenList& list, const std::string& name);

}  // namespace jamsu::tokenizer

#include "tokenizer/vocabulary_field.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "tokenizer/json_fields.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;

// Unigram takes 17 bytes of memory for each; 250,000 tokens have 2 MiB.
constexpr size_t kMaxScoredBytes = size_t{1} << 24;
constexpr int64_t kMostHoles = 65'536;  // beside one for each token

}  // namespace

std::optional<int32_t> TokenList::find(std::string_view token) const {
  const auto found = ids.find(std::string(token));
  return found == ids.end() ? std::nullopt : std::optional<int32_t>(found->second);
}

Result<TokenList> read_numbered_tokens(const json::value& v, const std::string& where) {
  if (!v.is_object()) return wrong_kind(where, "vocab", "an object (token to id)", v);
  const auto& vocab = v.get_object();
  const auto size = static_cast<int64_t>(vocab.size()), limit = std::min(2 * size + kMostHoles, int64_t{1} << 30);
  TokenList list;
  for (const auto& [token, value] : vocab) {
    if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() >= limit)
      return Error{fmt::format(
          "{}.vocab: the id of {} is {}; the ids of {} tokens are whole numbers from 0 to {}.", where, in_quotes(token),
          value.is_number() ? json::serialize(value) : std::string(json_kind_name(value)), size, limit - 1)};
    const auto id = static_cast<size_t>(value.get_int64());
    if (id >= list.tokens.size()) {
      list.tokens.resize(id + 1);
      list.holes.resize(id + 1, true);
    }
    if (!list.holes[id])
      return Error{
          fmt::format("{}.vocab: {} and {} both have id {}.", where, in_quotes(list.tokens[id]), in_quotes(token), id)};
    list.tokens[id] = token;
    list.holes[id] = false;
    list.ids.emplace(token, static_cast<int32_t>(id));
  }
  return list;
}

Result<TokenList> read_scored_tokens(const json::value& v, size_t scores, const std::string& where) {
  if (!v.is_array()) return wrong_kind(where, "vocab", "an array of [token, score]", v);
  if (scores != v.get_array().size()) return Error{where + ".vocab: an entry is not [token, score]."};
  TokenList list;
  size_t bytes = 0;
  for (const json::value& pair : v.get_array()) {
    const size_t id = list.tokens.size();
    if (!pair.is_array() || pair.get_array().size() != 2 || !pair.get_array()[0].is_string() ||
        !pair.get_array()[1].is_number())
      return Error{fmt::format("{}.vocab[{}] is not [token, score].", where, id)};
    const std::string_view token = pair.get_array()[0].get_string();
    if (token.empty()) return Error{fmt::format("{}.vocab[{}]: the token is empty.", where, id)};
    bytes += token.size();
    if (bytes > kMaxScoredBytes)
      return Error{
          fmt::format("{}.vocab[{}]: the tokens up to here have more than {} bytes.", where, id, kMaxScoredBytes)};
    if (!list.ids.emplace(token, static_cast<int32_t>(id)).second)
      return Error{fmt::format("{}.vocab: {} stands twice.", where, in_quotes(token))};
    list.tokens.emplace_back(token);
  }
  list.holes.resize(list.tokens.size(), false);
  return list;
}

Status number_added_tokens(std::vector<AddedToken>& added, TokenList& list, const std::string& name) {
  const auto count = static_cast<int32_t>(list.ids.size());
  const auto model_tokens = list.holes;
  int32_t claimed = -1, highest = -1;
  for (size_t i = 0; i < added.size(); ++i) {
    AddedToken& t = added[i];
    const std::string where = fmt::format("{}: added_tokens[{}]", name, i);
    const auto in_model = list.find(t.content);
    const auto said = static_cast<size_t>(t.id);
    if (t.id >= 0 && in_model != t.id) {
      if (said < model_tokens.size() && !model_tokens[said])
        return Error{fmt::format("{}: id {} of {} belongs to {} in model.vocab.", where, t.id, in_quotes(t.content),
                                 in_quotes(list.tokens[said]))};
      if (t.id <= claimed)
        return Error{fmt::format("{}: id {} of {} stands behind id {}; added tokens stand in the order of their ids.",
                                 where, t.id, in_quotes(t.content), claimed)};
      claimed = t.id;
    }
    t.outside_model = !in_model;
    t.id = in_model ? *in_model : highest >= count ? highest + 1 : count;
    highest = std::max(highest, t.id);
    if (in_model) continue;
    const auto id = static_cast<size_t>(t.id);
    if (id >= list.tokens.size()) {
      list.tokens.resize(id + 1);
      list.holes.resize(id + 1, true);
    }
    if (!list.holes[id])
      return Error{fmt::format("{}: `tokenizers` gives {} the id {}, which belongs to {}.", where, in_quotes(t.content),
                               t.id, in_quotes(list.tokens[id]))};
    list.tokens[id] = t.content;
    list.holes[id] = false;
  }
  return {};
}

}  // namespace jamsu::tokenizer

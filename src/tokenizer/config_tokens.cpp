#include "tokenizer/config_tokens.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <map>

#include "tokenizer/json_fields.h"

namespace jamsu::tokenizer {

namespace json = boost::json;

Result<std::vector<AddedToken>> read_config_tokens(std::string_view config, const std::string& name) {
  boost::system::error_code error;
  const json::value parsed = json::parse(config, error);
  if (error) return Error{fmt::format("{}: no JSON: {}.", name, error.message())};
  if (!parsed.is_object()) return Error{fmt::format("{}: {}; expected an object.", name, json_kind_name(parsed))};
  const auto* list = parsed.get_object().if_contains("added_tokens_decoder");
  if (!list || list->is_null()) return std::vector<AddedToken>();
  if (!list->is_object()) return wrong_kind(name, "added_tokens_decoder", "an object", *list);
  std::map<int64_t, AddedToken> by_id;
  for (const auto& [key, value] : list->get_object()) {
    const std::string where = fmt::format("{}: added_tokens_decoder.{}", name, std::string_view(key));
    int64_t id = -1;
    const auto [last, failed] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (failed != std::errc() || last != key.data() + key.size() || id < 0)
      return Error{fmt::format("{}: added_tokens_decoder: {} is no id.", name, in_quotes(key))};
    auto token = read_added_token(value, where);
    if (!token) return token.error();
    if (!by_id.emplace(id, std::move(*token)).second) return Error{where + ": the id stands twice."};
  }
  std::vector<AddedToken> tokens;
  for (auto& [id, token] : by_id) tokens.push_back(std::move(token));
  return tokens;
}

}  // namespace jamsu::tokenizer

#include "session/text_ends.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/files.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/tokenizer_data.h"

namespace jamsu::session {
namespace {

namespace json = boost::json;

constexpr int64_t kMostBytes = int64_t{256} << 20;  // of a tokenizer.json

// Empty where it is not there, or no JSON object: whoever needs the file says so.
json::object read_object(const std::string& path) {
  const auto text = read_file(path, kMostBytes);
  if (!text) return {};
  boost::system::error_code error;
  json::value value = json::parse(*text, error, {}, {.max_depth = 64});
  if (error || !value.is_object()) return {};
  return std::move(value.get_object());
}

// Written as its text, or as an object with the text in "content".
std::optional<std::string> token_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value && value->is_object()) value = value->get_object().if_contains("content");
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

// "added_tokens_decoder": {"151643": {"content": "<|endoftext|>", ...}, ...}.
std::optional<int64_t> id_in_decoder(const json::object& config, const std::string& token) {
  const json::value* decoder = config.if_contains("added_tokens_decoder");
  if (!decoder || !decoder->is_object()) return std::nullopt;
  for (const auto& [key, value] : decoder->get_object()) {
    if (!value.is_object() || token_of(value.get_object(), "content") != token) continue;
    int64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error == std::errc() && end == key.data() + key.size()) return id;
  }
  return std::nullopt;
}

// "added_tokens" of a tokenizer.json.
std::optional<int64_t> id_in_list(const json::object& file, const std::string& token) {
  const json::value* list = file.if_contains("added_tokens");
  if (!list || !list->is_array()) return std::nullopt;
  for (const json::value& value : list->get_array()) {
    if (!value.is_object() || token_of(value.get_object(), "content") != token) continue;
    if (const json::value* id = value.get_object().if_contains("id"); id && id->is_int64()) return id->get_int64();
  }
  return std::nullopt;
}

std::optional<int64_t> tokenizers_end(const std::string& folder, const tokenizer::Tokenizer* tokenizer) {
  const json::object config = read_object(folder + "/tokenizer_config.json");
  auto token = token_of(config, "eos_token");
  if (!token && !config.contains("eos_token"))
    token = token_of(read_object(folder + "/special_tokens_map.json"), "eos_token");
  if (!token) return std::nullopt;
  if (tokenizer) return tokenizer->token_id(*token);
  if (const auto id = id_in_decoder(config, *token)) return id;
  return id_in_list(read_object(folder + "/tokenizer.json"), *token);
}

bool made_here(const tokenizer::Tokenizer& tokenizer) {
  for (size_t i = 0; i < tokenizer::kChatTokens.size(); ++i)
    if (tokenizer.token_id(tokenizer::kChatTokens[i].text) != static_cast<int32_t>(i)) return false;
  return true;
}

}  // namespace

std::vector<int32_t> text_begin(const tokenizer::Tokenizer& tokenizer) {
  if (!tokenizer.data().prefix.empty() || !made_here(tokenizer)) return tokenizer.data().prefix;
  return {*tokenizer.token_id(tokenizer::kBeginOfText)};
}

std::vector<int32_t> text_ends(const std::string& folder, const models::ModelInfo& info,
                               const models::GenerationConfig& generation, const tokenizer::Tokenizer* tokenizer) {
  std::vector<int32_t> ends;
  const auto add = [&](int64_t id) {
    if (id >= 0 && id < info.vocab && std::find(ends.begin(), ends.end(), id) == ends.end())
      ends.push_back(static_cast<int32_t>(id));
  };
  for (const int64_t id : info.eos) add(id);
  for (const int64_t id : generation.eos) add(id);
  if (const auto id = tokenizers_end(folder, tokenizer)) add(*id);
  return ends;
}

}  // namespace jamsu::session

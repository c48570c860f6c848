#include "text/chat_format.h"

#include <boost/json.hpp>
#include <filesystem>

#include "base/check.h"
#include "base/files.h"
#include "base/json_doubles.h"
#include "text/chat_template.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/special_tokens.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

constexpr int64_t kMostConfigBytes = int64_t{32} << 20;

// tokenizer_config.json; empty when it is not there.
Result<json::object> read_config(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return json::object();
  const auto text = read_file(path, kMostConfigBytes);
  if (!text) return text.error();
  boost::system::error_code code;
  json::parse_options options;
  options.max_depth = 64;
  const json::value value = json::parse(*text, code, {}, options);
  if (code) return Error{path + ": is not JSON: " + code.message()};
  if (!value.is_object()) return Error{path + ": is no JSON object"};
  if (auto s = refuse_infinite(value, *text, path); !s) return s.error();
  return value.get_object();
}

// A token is written as its text, or as an object with the text in "content".
ChatFormat::Tokens tokens_of(const json::object& config) {
  ChatFormat::Tokens tokens;
  for (const char* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    const json::value* value = config.if_contains(name);
    if (value && value->is_object()) value = value->get_object().if_contains("content");
    if (value && value->is_string()) tokens.emplace_back(name, unicode::to_valid_utf8(value->get_string()));
  }
  return tokens;
}

}  // namespace

Result<ChatFormat> ChatFormat::from_text(std::string_view text, std::string name, Tokens tokens) {
  auto compiled = jinja::Template::parse(text, name);
  if (!compiled) return compiled.error();
  return ChatFormat(std::move(*compiled), std::move(name), std::move(tokens), stream_format_of_template(text));
}

Result<ChatFormat> ChatFormat::load(const std::string& folder) {
  const std::string config_path = folder + "/tokenizer_config.json", path = folder + "/chat_template.jinja";
  const auto config = read_config(config_path);
  if (!config) return config.error();
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    const auto text = read_file(path, static_cast<int64_t>(jinja::Limits{}.source_bytes));
    if (!text) return text.error();
    return from_text(*text, path, tokens_of(*config));
  }
  const json::value* inside = config->if_contains("chat_template");
  if (inside && inside->is_string())
    return from_text(inside->get_string(), config_path + ": chat_template", tokens_of(*config));
  return Error{path +
               ": is not there; it says how this model wants conversations written. Copy it from where the model "
               "came from, or give a prompt as plain text (jamsu generate without --chat)."};
}

ChatFormat::Tokens ChatFormat::own_tokens() {
  return {{"bos_token", std::string(tokenizer::kBeginOfText)},
          {"eos_token", std::string(tokenizer::kEndOfText)},
          {"pad_token", std::string(tokenizer::kPad)}};
}

ChatFormat ChatFormat::built_in() {
  auto format = from_text(kChatTemplate, "the built-in chat template");
  JAMSU_CHECK(format.ok());
  return std::move(*format);
}

std::string_view ChatFormat::token(std::string_view name) const {
  for (const auto& [key, text] : tokens_)
    if (key == name) return text;
  return {};
}

Result<std::string> ChatFormat::render(const jinja::Value& messages, const ChatVariables& variables) const {
  using jinja::Value;
  std::vector<std::pair<std::string, Value>> names = {
      {"messages", messages},
      {"tools", variables.tools},
      {"documents", Value::none()},
      {"add_generation_prompt", Value::boolean(variables.add_generation_prompt)}};
  for (const auto& [name, text] : tokens_) names.emplace_back(name, Value::string(text));
  if (variables.enable_thinking)
    for (const char* name : {"enable_thinking", "thinking"})
      names.emplace_back(name, Value::boolean(*variables.enable_thinking));
  std::string raised;
  auto text = template_.render(Value::dict(std::move(names)), {.limits = {}, .now = variables.now}, &raised);
  if (text || raised.empty()) return text;
  return Error{name_ + ": " + raised};
}

}  // namespace jamsu::text

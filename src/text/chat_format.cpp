#include "text/chat_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>

#include "base/check.h"
#include "base/files.h"
#include "base/input_file.h"
#include "base/json_doubles.h"
#include "text/chat_template.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/special_tokens.h"
#include "unicode/text_file.h"
#include "unicode/utf8.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr int64_t kMostConfigBytes = int64_t{32} << 20;
constexpr size_t kMostTemplates = 64;  // of a folder

// A text of the folder.
Result<std::string> read_own(const std::string& path, int64_t max_bytes) {
  const auto bytes = read_file(path, max_bytes);
  if (!bytes) return bytes.error();
  const auto text = unicode::user_text(*bytes, path);
  return text ? Result<std::string>(std::string(*text)) : Result<std::string>(text.error());
}

// A JSON file of the folder; empty when it is not there.
Result<json::object> read_object(const std::string& path) {
  if (!is_there(path)) return json::object();
  const auto text = read_own(path, kMostConfigBytes);
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
void add_token(std::string_view name, const json::value* value, ChatFormat::Tokens& tokens) {
  if (value && value->is_object()) value = value->get_object().if_contains("content");
  const bool known = std::any_of(tokens.begin(), tokens.end(), [&](const auto& token) { return token.first == name; });
  if (value && value->is_string() && !known) tokens.emplace_back(name, unicode::to_valid_utf8(value->get_string()));
}

// Every "..._token", and what a model names besides ("extra_special_tokens": {"image_token": ...}).
void add_tokens(const json::object& file, ChatFormat::Tokens& tokens) {
  for (const auto& [name, value] : file)
    if (std::string_view(name).ends_with("_token")) add_token(name, &value, tokens);
  for (const char* list : {"model_specific_special_tokens", "extra_special_tokens"})
    if (const json::value* more = file.if_contains(list); more && more->is_object())
      for (const auto& [name, value] : more->get_object()) add_token(name, &value, tokens);
}

// --- the templates of a folder -----------------------------------------------------------------------------------------

struct Named {
  std::string name, text, file;
};

Result<std::vector<Named>> jinja_files(const std::string& folder) {
  std::vector<Named> found;
  const auto add = [&](std::string name, const std::string& path) -> Status {
    auto text = read_own(path, static_cast<int64_t>(jinja::Limits{}.source_bytes));
    if (!text) return text.error();
    found.push_back({std::move(name), std::move(*text), path});
    return {};
  };
  if (const std::string path = folder + "/chat_template.jinja"; is_there(path))
    if (auto s = add("default", path); !s) return s.error();
  std::error_code error;
  std::vector<std::string> more;
  for (fs::directory_iterator at(folder + "/additional_chat_templates", error), end; !error && at != end;
       at.increment(error))
    if (at->path().extension() == ".jinja" && more.size() < kMostTemplates) more.push_back(at->path().string());
  std::sort(more.begin(), more.end());
  for (const std::string& path : more)
    if (auto s = add(fs::path(path).stem().string(), path); !s) return s.error();
  return found;
}

// "chat_template" of a JSON file: a text, or texts with names (a list, or an object).
Result<std::vector<Named>> of_member(const json::object& file, const std::string& path) {
  std::vector<Named> found;
  const json::value* value = file.if_contains("chat_template");
  if (!value || value->is_null()) return found;
  const std::string where = path + ": chat_template";
  const auto add = [&](const json::value* name, const json::value* text, const std::string& at) -> Status {
    if (!name || !name->is_string() || !text || !text->is_string())
      return Error{at + " is no object with the texts \"name\" and \"template\""};
    found.push_back({std::string(name->get_string()), std::string(text->get_string()),
                     fmt::format("{} {}", where, tokenizer::in_quotes(name->get_string()))});
    return {};
  };
  if (value->is_string()) {
    found.push_back({"default", std::string(value->get_string()), where});
  } else if (const json::array* list = value->if_array()) {
    for (size_t i = 0; i < std::min(list->size(), kMostTemplates); ++i) {
      const json::object* o = (*list)[i].if_object();
      if (auto s = add(o ? o->if_contains("name") : nullptr, o ? o->if_contains("template") : nullptr,
                       fmt::format("{}[{}]", where, i));
          !s)
        return s.error();
    }
  } else if (const json::object* named = value->if_object()) {
    for (const auto& [name, text] : *named) {
      const json::value key(name);
      if (auto s = add(&key, &text, where); !s) return s.error();
    }
  } else {
    return Error{fmt::format("{} is {}, not a text", where, tokenizer::json_kind_name(*value))};
  }
  return found;
}

const Named* named(const std::vector<Named>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Named& t) { return t.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

Result<std::shared_ptr<const ChatFormat::Written>> ChatFormat::written(std::string_view text, std::string name) {
  auto compiled = jinja::Template::parse(text, name);
  if (!compiled) return compiled.error();
  return std::shared_ptr<const Written>(std::make_shared<Written>(
      Written{std::move(*compiled), std::move(name), std::string(text), stream_format_of_template(text)}));
}

Result<ChatFormat> ChatFormat::from_text(std::string_view text, std::string name, Tokens tokens) {
  auto one = written(text, std::move(name));
  if (!one) return one.error();
  return ChatFormat(*one, *one, std::move(tokens));
}

Result<ChatFormat> ChatFormat::load(const std::string& folder) {
  const std::string config_path = folder + "/tokenizer_config.json", map_path = folder + "/special_tokens_map.json",
                    processor_path = folder + "/chat_template.json";
  const auto config = read_object(config_path), map = read_object(map_path);
  if (!config) return config.error();
  if (!map) return map.error();
  Tokens tokens;
  // Of before tokenizer_config.json had the added tokens: it goes before that file.
  if (!config->contains("added_tokens_decoder")) add_tokens(*map, tokens);
  add_tokens(*config, tokens);
  auto templates = jinja_files(folder);
  if (templates && templates->empty()) templates = of_member(*config, config_path);
  if (templates && templates->empty()) {
    const auto processor = read_object(processor_path);
    if (!processor) return processor.error();
    templates = of_member(*processor, processor_path);
  }
  if (!templates) return templates.error();
  if (templates->empty())
    return Error{folder +
                 "/chat_template.jinja: is not there; it says how this model wants conversations written. Copy it from "
                 "where the model came from, or give a prompt as plain text (jamsu generate without --chat)."};
  const Named *plain = named(*templates, "default"), *with_tools = named(*templates, "tool_use");
  if (!plain) {
    std::vector<std::string> names;
    for (const Named& t : *templates) names.push_back(tokenizer::in_quotes(t.name));
    return Error{fmt::format("{}: of the chat templates {} none is named \"default\"", folder, fmt::join(names, ", "))};
  }
  auto one = written(plain->text, plain->file);
  if (!one) return one.error();
  auto other = with_tools ? written(with_tools->text, with_tools->file) : one;
  if (!other) return other.error();
  return ChatFormat(*one, *other, std::move(tokens));
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
  const Written& chosen = variables.tools.is_none() ? *plain_ : *with_tools_;
  std::vector<std::pair<std::string, Value>> names = {
      {"messages", messages},
      {"tools", variables.tools},
      {"documents", Value::none()},
      {"add_generation_prompt", Value::boolean(variables.add_generation_prompt)}};
  for (const auto& [name, text] : tokens_) names.emplace_back(name, Value::string(text));
  if (variables.enable_thinking)
    for (const char* name : {"enable_thinking", "thinking"})
      names.emplace_back(name, Value::boolean(*variables.enable_thinking));
  for (const auto& other : variables.others) names.push_back(other);
  std::string raised;
  auto text = chosen.compiled.render(Value::dict(std::move(names)), {.limits = {}, .now = variables.now}, &raised);
  if (text || raised.empty()) return text;
  return Error{chosen.name + ": " + raised};
}

bool ChatFormat::mentions(std::string_view word) const {
  const auto part_of_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (const Written* one : {plain_.get(), with_tools_.get()}) {
    const std::string_view text = one->source;
    for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
      const size_t end = at + word.size();
      if ((at == 0 || !part_of_word(text[at - 1])) && (end == text.size() || !part_of_word(text[end]))) return true;
    }
  }
  return false;
}

}  // namespace jamsu::text

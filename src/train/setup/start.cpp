#include "train/setup/start.h"

#include <fmt/format.h>

#include <filesystem>

#include "models/open.h"
#include "text/chat_template.h"
#include "text/prompt.h"
#include "train/export.h"
#include "unicode/text_file.h"

namespace jamsu::train {

Result<Start> start_of_recipe(const Recipe& recipe, const tokenizer::Tokenizer& tokenizer, ops::Numerics numerics) {
  auto config = with_tokenizer(recipe.model, tokenizer);
  if (!config) return config.error();
  auto model = models::create_model(*config, numerics, "recipe " + recipe.name);
  if (!model) return model.error();
  return Start{.model = *model,
               .config = std::move(*config),
               .chat_template = std::string(text::kChatTemplate),
               .format = {},
               .weights = {},
               .beside = {}};
}

namespace {

// The folder's chat template, where it has one. The built-in one stays built in.
Status take_template(const std::string& folder, const tokenizer::Tokenizer& tokenizer, Start& start) {
  const auto jinja = start.beside.find("chat_template.jinja"), config = start.beside.find("tokenizer_config.json");
  const bool has_one = jinja != start.beside.end() || std::filesystem::exists(folder + "/chat_template.json") ||
                       (config != start.beside.end() && config->second.find("\"chat_template\"") != std::string::npos);
  if (!has_one) {
    if (text::PromptBuilder::create(tokenizer).ok()) start.chat_template = text::kChatTemplate;
    return {};
  }
  if (jinja != start.beside.end() && jinja->second == text::kChatTemplate) {
    start.chat_template = text::kChatTemplate;
    return {};
  }
  auto format = text::ChatFormat::load(folder);
  if (!format) return format.error();
  start.format = std::move(*format);
  if (jinja != start.beside.end()) start.chat_template = jinja->second;
  return {};
}

}  // namespace

Result<Start> start_of_folder(const Recipe& recipe, const StageOptions& o, const StageRecipe& stage,
                              const tokenizer::Tokenizer& tokenizer, ops::Numerics numerics, const StageHooks& hooks) {
  const std::string file = o.from + "/config.json";
  auto config = models::read_config(o.from);
  if (!config) return config.error();
  auto weights = formats::Safetensors::open_folder(o.from);
  if (!weights) return weights.error();
  const models::NamedTensors tensors = models::named_tensors(*weights);
  const auto model = models::create_model(*config, tensors, numerics, file);
  if (!model) return model.error();
  if (auto s = models::check_trainable(**model, tensors, models::files_of(*weights)); !s) return s.error();
  const auto note = check_model(recipe, *config, file);
  if (!note) return note.error();
  if (!note->empty() && hooks.on_message) hooks.on_message(*note);
  const models::ModelInfo& info = (*model)->info();
  if (tokenizer.vocab_size() > info.vocab)
    return Error{fmt::format("{} has {} tokens where \"vocab_size\" of {} is {}",
                             o.tokenizer.empty() ? o.from + "/tokenizer.json" : o.tokenizer, tokenizer.vocab_size(),
                             file, info.vocab)};
  if (stage.context > info.context)
    return Error{fmt::format("recipe {}: {}.context = {} is larger than \"max_position_embeddings\" of {}, which is {}",
                             recipe.name, stage_name(o.stage), stage.context, file, info.context)};
  auto beside = files_beside(o.from);
  if (!beside) return beside.error();
  // Of another tokenizer; but where nothing else has the template, tokenizer_config.json stays.
  if (!o.tokenizer.empty())
    for (const std::string_view name : kTokenizerFiles)
      if (name != "tokenizer_config.json" || beside->contains("chat_template.jinja")) beside->erase(std::string(name));
  Start start{.model = *model,
              .config = std::move(*config),
              .chat_template = {},
              .format = {},
              .weights = std::move(*weights),
              .beside = std::move(*beside)};
  if (auto s = take_template(o.from, tokenizer, start); !s) return s.error();
  return start;
}

Status take_named_template(const StageOptions& o, Start& start) {
  if (o.chat_template.empty()) return {};
  const auto text = unicode::read_text_file(o.chat_template);
  if (!text) return text.error();
  text::ChatFormat::Tokens tokens = text::ChatFormat::own_tokens();
  if (start.format)
    for (auto& [name, token] : tokens) token = start.format->token(name);
  auto read = text::ChatFormat::from_text(*text, o.chat_template, std::move(tokens));
  if (!read) return read.error();
  start.chat_template = *text;
  start.format = std::move(*read);
  return replace_chat_template(start.beside, *text);
}

Result<std::optional<text::ChatFormat>> format_of(const StageOptions& o, const tokenizer::Tokenizer& tokenizer) {
  Start start;
  if (!o.from.empty()) {
    auto beside = files_beside(o.from);
    if (!beside) return beside.error();
    start.beside = std::move(*beside);
    if (auto s = take_template(o.from, tokenizer, start); !s) return s.error();
  }
  if (auto s = take_named_template(o, start); !s) return s.error();
  return start.format;
}

}  // namespace jamsu::train

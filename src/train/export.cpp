#include "train/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <system_error>

#include "base/numerics_version.h"
#include "formats/safetensors.h"

namespace jamsu::train {
namespace {

constexpr const char* kBegin = "<|begin_of_text|>";
constexpr const char* kEnd = "<|end_of_text|>";
constexpr const char* kPad = "<|pad|>";

// Readable JSON: one member a line, nested values compact.
std::string pretty(const boost::json::object& object) {
  std::string text = "{\n";
  size_t left = object.size();
  for (const auto& [key, value] : object)
    text += "  " + boost::json::serialize(boost::json::value(key)) + ": " + boost::json::serialize(value) +
            (--left ? ",\n" : "\n");
  return text + "}\n";
}

// Writes all files of the model; `folder` is there.
Status write_model(const std::string& folder, const Trainer& trainer, const models::DeepseekV3Config& config,
                   const tokenizer::Tokenizer& tokenizer, const ExportOptions& options) {
  FileOps& files = *options.files;
  boost::json::object json = models::to_json(config, "bfloat16");
  json["pad_token_id"] = tokenizer.token_id(kPad).value_or(static_cast<int32_t>(config.eos_token_ids.front()));
  json["jamsu_numerics_version"] = kNumericsVersion;
  if (auto s = write_file(folder + "/config.json", pretty(json), files); !s) return s;
  const boost::json::object generation{
      {"bos_token_id", config.bos_token_id}, {"eos_token_id", config.eos_token_ids.front()}, {"do_sample", false}};
  if (auto s = write_file(folder + "/generation_config.json", pretty(generation), files); !s) return s;
  boost::json::object tokenizer_config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                                       {"bos_token", kBegin},
                                       {"eos_token", kEnd},
                                       {"pad_token", kPad},
                                       {"add_bos_token", false},
                                       {"clean_up_tokenization_spaces", false},
                                       {"model_max_length", config.max_position_embeddings}};
  if (!options.chat_template.empty()) {
    tokenizer_config["chat_template"] = options.chat_template;
    if (auto s = write_file(folder + "/chat_template.jinja", options.chat_template, files); !s) return s;
  }
  if (auto s = write_file(folder + "/tokenizer_config.json", pretty(tokenizer_config), files); !s) return s;
  if (auto s = write_file(folder + "/tokenizer.json", tokenizer.to_json(), files); !s) return s;
  return formats::write_safetensors(folder + "/model.safetensors", trainer.published(options.mtp_copies), {}, files);
}

// A file that says something about the weights beside it, and is wrong beside others.
bool belongs_to_model(const std::string& name) {
  static constexpr std::array<std::string_view, 6> kNames = {"config.json",         "generation_config.json",
                                                             "chat_template.jinja", "tokenizer_config.json",
                                                             "tokenizer.json",      "model.safetensors.index.json"};
  return name.ends_with(".safetensors") || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// What its owner keeps beside a model (a README) is copied along.
Status copy_other_files(const std::string& from, const std::string& to) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (belongs_to_model(name)) continue;
    std::error_code copying;
    std::filesystem::copy(at->path(), to + "/" + name,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks,
                          copying);
    if (copying)
      return Error{fmt::format("{}: cannot be copied to {}: {}", at->path().string(), to, copying.message())};
  }
  return {};
}

}  // namespace

Result<models::DeepseekV3Config> with_tokenizer(models::DeepseekV3Config config,
                                                const tokenizer::Tokenizer& tokenizer) {
  if (tokenizer.vocab_size() > config.vocab_size)
    return Error{fmt::format("tokenizer.json has {} tokens where model.vocab_size is {}", tokenizer.vocab_size(),
                             config.vocab_size)};
  const auto begin = tokenizer.token_id(kBegin), end = tokenizer.token_id(kEnd);
  if (!begin || !end)
    return Error{fmt::format("tokenizer.json: the special tokens \"{}\" and \"{}\" are not both there", kBegin, kEnd)};
  config.bos_token_id = *begin;
  config.eos_token_ids = {*end};
  return config;
}

Status export_model(const std::string& folder, const Trainer& trainer, const models::DeepseekV3Config& config,
                    const tokenizer::Tokenizer& tokenizer, const ExportOptions& options) {
  namespace fs = std::filesystem;
  const std::string temporary = folder + ".tmp";
  std::error_code error;
  fs::create_directories(parent_folder(folder), error);
  if (error) return Error{fmt::format("{}: cannot be made: {}", parent_folder(folder), error.message())};
  fs::remove_all(temporary, error);
  if (const int number = options.files->make_folder(temporary))
    return Error{fmt::format("{}: cannot be made: {}", temporary, std::system_category().message(number))};
  auto status = write_model(temporary, trainer, config, tokenizer, options);
  if (status) status = copy_other_files(folder, temporary);
  if (status) status = replace_folder(temporary, folder, *options.files);
  fs::remove_all(status ? folder + kReplaced : temporary, error);
  return status;
}

}  // namespace jamsu::train

#include "train/export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/numerics_version.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"

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

// By id, as the file of the tokenizer writes it; nothing where the config names none.
void name_token(boost::json::object& to, const char* name, const boost::json::object& config, const char* id_name,
                const tokenizer::Tokenizer& tokenizer) {
  const boost::json::value* id = config.if_contains(id_name);
  if (id && id->is_array() && !id->as_array().empty()) id = &id->as_array().front();
  if (!id || !id->is_number()) return;
  const auto token = id->to_number<int64_t>();
  if (token >= 0 && token < tokenizer.vocab_size()) to[name] = tokenizer.token(static_cast<int32_t>(token));
}

std::string generation_config(const boost::json::object& config) {
  boost::json::object generation;
  for (const char* name : {"bos_token_id", "eos_token_id"})
    if (const auto* id = config.if_contains(name); id && !id->is_null()) generation[name] = *id;
  generation["do_sample"] = false;
  return pretty(generation);
}

std::string tokenizer_config(const boost::json::object& config, int64_t context, const tokenizer::Tokenizer& tokenizer,
                             const std::string& chat_template) {
  boost::json::object o{{"tokenizer_class", "PreTrainedTokenizerFast"}};
  name_token(o, "bos_token", config, "bos_token_id", tokenizer);
  name_token(o, "eos_token", config, "eos_token_id", tokenizer);
  name_token(o, "pad_token", config, "pad_token_id", tokenizer);
  o["add_bos_token"] = false;
  o["clean_up_tokenization_spaces"] = false;
  o["model_max_length"] = context;
  if (!chat_template.empty()) o["chat_template"] = chat_template;
  return pretty(o);
}

// Everything but the weights, by name.
std::map<std::string, std::string> small_files(const Trainer& trainer, boost::json::object config,
                                               const tokenizer::Tokenizer& tokenizer, const ExportOptions& options) {
  std::map<std::string, std::string> files = options.beside;  // what stands there already is not made again
  files.emplace("generation_config.json", generation_config(config));
  files.emplace("tokenizer_config.json",
                tokenizer_config(config, trainer.model().info().context, tokenizer, options.chat_template));
  if (!options.chat_template.empty()) files.emplace("chat_template.jinja", options.chat_template);
  if (!files.contains("tokenizer.json")) files.emplace("tokenizer.json", tokenizer.to_json());
  if (config.contains("dtype")) config.erase("torch_dtype");  // they must agree
  config[config.contains("dtype") ? "dtype" : "torch_dtype"] = "bfloat16";
  config["jamsu_numerics_version"] = kNumericsVersion;
  files["config.json"] = pretty(config);
  return files;
}

// `name` may lie in a folder of its own.
Status write_beside(const std::string& folder, const std::string& name, const std::string& text, FileOps& files) {
  const std::string path = folder + "/" + name;
  if (name.find('/') != std::string::npos)
    if (auto s = make_folders(parent_folder(path), files); !s) return s;
  return write_file(path, text, files);
}

// Writes all files of the model; `folder` is there.
Status write_model(const std::string& folder, const Trainer& trainer, const boost::json::object& config,
                   const tokenizer::Tokenizer& tokenizer, const ExportOptions& options) {
  for (const auto& [name, text] : small_files(trainer, config, tokenizer, options))
    if (auto s = write_beside(folder, name, text, *options.files); !s) return s;
  return formats::write_safetensors(folder + "/model.safetensors", trainer.published(options.mtp_copies), {},
                                    *options.files);
}

constexpr std::array<std::string_view, 3> kAskedWith = {"generation_config.json", "chat_template.jinja",
                                                        "chat_template.json"};
constexpr std::string_view kMoreTemplates = "additional_chat_templates";  // named ones, .jinja each (transformers 5)

// Files that transformers reads beside a model's weights: also code, which "auto_map" of config.json and of
// tokenizer_config.json names (trust_remote_code; Kimi's tokenizer is such).
bool is_beside(std::string_view name) {
  return std::find(kTokenizerFiles.begin(), kTokenizerFiles.end(), name) != kTokenizerFiles.end() ||
         std::find(kAskedWith.begin(), kAskedWith.end(), name) != kAskedWith.end() || name.ends_with(".py");
}

// A file that says something about the weights beside it, and is wrong beside others.
bool belongs_to_model(const std::string& name) {
  return name == "config.json" || name == "model.safetensors.index.json" || name.ends_with(".safetensors") ||
         name == kMoreTemplates || is_beside(name);
}

// A copy lasts before what it was copied from goes.
Status sync_copy(const std::filesystem::path& path, FileOps& files) {
  namespace fs = std::filesystem;
  const auto sync = [&](const fs::path& one) {
    std::error_code error;
    if (fs::is_symlink(one, error)) return 0;  // its name is the folder's
    if (fs::is_directory(one, error)) return files.sync_folder(one.string());
    const int fd = ::open(one.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    const int number = files.sync(fd);
    ::close(fd);
    return number;
  };
  std::vector<fs::path> all = {path};
  std::error_code error;
  if (fs::is_directory(path, error) && !fs::is_symlink(path, error))
    for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error))
      all.push_back(at->path());
  for (const fs::path& one : all)
    if (const int number = sync(one))
      return Error{fmt::format("{}: cannot be written to the disk: {}", one.string(), file_reason(number))};
  return {};
}

// What its owner keeps beside a model (a README) is copied along.
Status copy_other_files(const std::string& from, const std::string& to, FileOps& files) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (belongs_to_model(name)) continue;
    std::error_code copying;
    std::filesystem::copy(at->path(), to + "/" + name,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks,
                          copying);
    if (copying)
      return Error{
          fmt::format("{}: cannot be copied to {}: {}", at->path().string(), to, file_reason(copying.value()))};
    if (auto s = sync_copy(to + "/" + name, files); !s) return s;
  }
  return {};
}

}  // namespace

Result<boost::json::object> with_tokenizer(boost::json::object config, const tokenizer::Tokenizer& tokenizer) {
  const auto vocab = config.at("vocab_size").to_number<int64_t>();
  if (tokenizer.vocab_size() > vocab)
    return Error{
        fmt::format("tokenizer.json has {} tokens where model.vocab_size is {}", tokenizer.vocab_size(), vocab)};
  const auto begin = tokenizer.token_id(kBegin), end = tokenizer.token_id(kEnd);
  if (!begin || !end)
    return Error{fmt::format("tokenizer.json: the special tokens \"{}\" and \"{}\" are not both there", kBegin, kEnd)};
  config["bos_token_id"] = int64_t{*begin};
  config["eos_token_id"] = int64_t{*end};
  config["pad_token_id"] = int64_t{tokenizer.token_id(kPad).value_or(*end)};
  return config;
}

Result<std::map<std::string, std::string>> files_beside(const std::string& folder) {
  std::map<std::string, std::string> files;
  const auto add = [&](const std::string& name) -> Status {
    auto text = read_file(folder + "/" + name);
    if (!text) return text.error();
    files.emplace(name, std::move(*text));
    return {};
  };
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (const std::string name = at->path().filename().string(); is_beside(name))
      if (auto s = add(name); !s) return s.error();
  for (std::filesystem::directory_iterator at(fmt::format("{}/{}", folder, kMoreTemplates), error), end;
       !error && at != end; at.increment(error))
    if (at->path().extension() == ".jinja")
      if (auto s = add(fmt::format("{}/{}", kMoreTemplates, at->path().filename().string())); !s) return s.error();
  return files;
}

Status replace_chat_template(std::map<std::string, std::string>& files, const std::string& chat_template) {
  if (!files.empty()) files["chat_template.jinja"] = chat_template;
  std::erase_if(files, [](const auto& file) {
    return file.first.starts_with(kMoreTemplates) || file.first == "chat_template.json";
  });
  const auto at = files.find("tokenizer_config.json");
  if (at == files.end()) return {};
  auto config = formats::parse_strict_json(at->second, at->first);
  if (!config) return config.error();
  if (!config->is_object()) return Error{at->first + ": not a JSON object."};
  config->as_object()["chat_template"] = chat_template;
  at->second = pretty(config->as_object());
  return {};
}

Status export_model(const std::string& folder, const Trainer& trainer, const boost::json::object& config,
                    const tokenizer::Tokenizer& tokenizer, const ExportOptions& options) {
  namespace fs = std::filesystem;
  const std::string temporary = folder + ".tmp";
  std::error_code error;
  if (auto s = make_folders(parent_folder(folder), *options.files); !s) return s;
  fs::remove_all(temporary, error);
  if (const int number = options.files->make_folder(temporary))
    return Error{fmt::format("{}: cannot be made: {}", temporary, file_reason(number))};
  auto status = write_model(temporary, trainer, config, tokenizer, options);
  if (status) status = copy_other_files(folder, temporary, *options.files);
  if (status) status = replace_folder(temporary, folder, *options.files);
  fs::remove_all(status ? folder + kReplaced : temporary, error);
  return status;
}

}  // namespace jamsu::train

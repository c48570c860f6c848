#include "tokenizer/folder/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/input_file.h"
#include "tokenizer/folder/sentencepiece.h"
#include "tokenizer/tiktoken.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::tokenizer {
namespace {

// The largest tokenizer.json published have some 35 MB (Gemma 3), the largest tokenizer_config.json some 2 MB; parsed
// they take ten times as much, so these bounds are what a computer that runs models can still parse.
constexpr int64_t kMaxFileBytes = int64_t{256} << 20;
constexpr int64_t kMaxConfigBytes = int64_t{32} << 20;

constexpr std::array<const char*, 3> kRead = {"tokenizer.json", "tiktoken.model", "tokenizer.model"};
constexpr std::array<const char*, 5> kNamed = {"vocab.json", "spiece.model", "sentencepiece.bpe.model", "tekken.json",
                                               "vocab.txt"};

Result<Tokenizer> load_sentencepiece(const std::filesystem::path& pieces, const std::filesystem::path& config) {
  const auto model = read_file(pieces.string(), kMaxFileBytes);
  if (!model) return model.error();
  const auto fields =
      is_there(config.string()) ? read_file(config.string(), kMaxConfigBytes) : Result<std::string>(std::string("{}"));
  if (!fields) return fields.error();
  const auto text = json_of_sentencepiece(*model, pieces.string(), *fields, config.string());
  if (!text) return text.error();
  return Tokenizer::from_json(*text, pieces.string(), *fields, config.string());
}

}  // namespace

bool holds_tokenizer(const std::string& folder) {
  const auto there = [&](const char* name) { return is_there(folder + "/" + name); };
  return std::any_of(kRead.begin(), kRead.end(), there) || std::any_of(kNamed.begin(), kNamed.end(), there);
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& file_or_folder) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(file_or_folder, ignored);
  const auto file = folder ? file_or_folder / "tokenizer.json" : file_or_folder;
  const auto tiktoken = file_or_folder / "tiktoken.model", config = file_or_folder / "tokenizer_config.json",
             pieces = file_or_folder / "tokenizer.model";
  if (folder && !is_there(file.string())) {
    if (is_there(tiktoken.string())) {
      const auto ranks = read_file(tiktoken.string(), kMaxFileBytes);
      if (!ranks) return ranks.error();
      const auto fields = read_file(config.string(), kMaxConfigBytes);
      if (!fields) return fields.error();
      return read_tiktoken(*ranks, tiktoken.string(), *fields, config.string());
    }
    if (is_there(pieces.string())) return load_sentencepiece(pieces, config);
    for (const char* other : kNamed)
      if (is_there((file_or_folder / other).string()))
        return Error{fmt::format("{}: holds {}, no tokenizer.json. {}", file_or_folder.string(), other,
                                 how_to_convert(file_or_folder.string()))};
  }
  auto text = read_file(file.string(), kMaxFileBytes);
  if (!text) return text.error();
  if (!folder || !is_there(config.string())) return from_json(*text, file.string());
  const auto fields = read_file(config.string(), kMaxConfigBytes);
  if (!fields) return fields.error();
  return from_json(*text, file.string(), *fields, config.string());
}

}  // namespace jamsu::tokenizer

#include "formats/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <vector>

#include "base/files.h"
#include "formats/strict_json.h"

namespace jamsu::formats {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostNames = 10'000;
constexpr const char* kResume = "Let the download go on (jamsu pull ORG/NAME takes up what is there), then try again.";
constexpr const char* kConvert =
    "which this program does not read: opening one can run code. Take the model's safetensors, or write them with "
    "transformers: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER).";
constexpr const char* kOtherProgram = "which this program does not read. Take the same model's safetensors.";

// Names of files, or of folders, in a folder; sorted.
std::vector<std::string> names_in(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end && names.size() < kMostNames;
       at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored) == folders) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What a name says of a file: its end, or all of it.
struct Kind {
  const char* end;
  const char* what;
  const char* cure;
};

// Names that downloaders give to what is not whole yet: huggingface_hub, aria2, wget and browsers.
constexpr Kind kUnfinished[] = {{".incomplete", "a download that is not finished", kResume},
                                {".aria2", "the mark of a download that is not finished", kResume},
                                {".part", "a download that is not finished", kResume},
                                {".partial", "a download that is not finished", kResume},
                                {".crdownload", "a download that is not finished", kResume}};
// In this order: the first that is there is named.
constexpr Kind kOtherWeights[] = {
    {".gguf", "a file of llama.cpp (GGUF)", kOtherProgram},
    {"pytorch_model.bin.index.json", "the list of PyTorch's pickle files", kConvert},
    {"consolidated.safetensors", "a model in Mistral's own layout",
     "which this program does not read. Take the folder with config.json and model.safetensors."},
    {".bin", "a PyTorch pickle", kConvert},
    {".pth", "a PyTorch pickle", kConvert},
    {".pt", "a PyTorch pickle", kConvert},
    {".ckpt", "a PyTorch pickle", kConvert},
    {".h5", "TensorFlow's weights", kOtherProgram},
    {".msgpack", "Flax's weights", kOtherProgram},
    {".onnx", "an ONNX graph", kOtherProgram},
    {".npz", "NumPy's arrays", kOtherProgram},
    {".safetensors", "weights under a name of their own",
     "and a model's are model.safetensors, or the shards that model.safetensors.index.json names."}};

template <size_t N>
std::string first_of(const std::vector<std::string>& names, const Kind (&kinds)[N]) {
  for (const Kind& kind : kinds)
    for (const std::string& name : names)
      if (name.ends_with(kind.end)) {
        const bool sentence = kind.cure[0] >= 'A' && kind.cure[0] <= 'Z';
        return fmt::format("It holds {}, {}{} {}", name, kind.what, sentence ? "." : ",", kind.cure);
      }
  return {};
}

std::string adapter_of(const fs::path& folder) {
  std::string base = "the model it was trained on";
  const std::string path = (folder / "adapter_config.json").string();
  if (const auto text = read_file(path, int64_t{1} << 20); text)
    if (const auto config = parse_strict_json(*text, path); config && config->is_object())
      if (const auto* name = config->get_object().if_contains("base_model_name_or_path"); name && name->is_string())
        base = std::string(name->get_string());
  return fmt::format(
      "It holds adapter_config.json: an adapter (PEFT, LoRA) of {}, no model of its own. Merge it into that model with "
      "peft: PeftModel.from_pretrained(MODEL, FOLDER).merge_and_unload().save_pretrained(NEW_FOLDER).",
      base);
}

// A model's folder in the Hugging Face cache: models--ORG--NAME with snapshots/COMMIT below.
std::string snapshots_of(const fs::path& folder) {
  const std::vector<std::string> commits = names_in(folder / "snapshots", true);
  if (commits.empty())
    return fmt::format("It is a model's folder in the Hugging Face cache, and its subfolder \"snapshots\" is empty. {}",
                       kResume);
  std::string commit = commits.back();
  if (const auto main = read_file((folder / "refs" / "main").string(), 1024); main)
    if (const std::string named = main->substr(0, main->find_last_not_of(" \r\n") + 1);
        std::find(commits.begin(), commits.end(), named) != commits.end())
      commit = named;
  return fmt::format("It is a model's folder in the Hugging Face cache; the model lies below, in {}.",
                     (folder / "snapshots" / commit).string());
}

}  // namespace

std::string what_lies_there(const std::string& folder) {
  const fs::path path(folder);
  std::error_code error;
  if (!fs::is_directory(path, error)) return {};
  const std::vector<std::string> files = names_in(path, false), folders = names_in(path, true);
  // huggingface_hub keeps what is on its way apart: in a cache among the blobs, in a folder of its own below .cache.
  for (const auto& [at, names] :
       {std::pair(std::string(), files),
        std::pair(std::string(".cache/huggingface/download/"), names_in(path / ".cache/huggingface/download", false)),
        std::pair(std::string("../../blobs/"), path.parent_path().filename() == "snapshots"
                                                   ? names_in(path / "../../blobs", false)
                                                   : std::vector<std::string>())})
    if (std::string said = first_of(names, kUnfinished); !said.empty())
      return at.empty() ? said : "It holds " + at + said.substr(9);
  const auto has = [](const std::vector<std::string>& names, const char* name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  if (has(files, "adapter_config.json")) return adapter_of(path);
  for (const std::string& name : files)
    if (name.ends_with(".safetensors") && name.find("-of-") != std::string::npos)
      return fmt::format(
          "It holds {}, a part of the weights, but not model.safetensors.index.json, which says where each tensor is. "
          "Fetch that file too.",
          name);
  const bool weights_alone = has(files, "model.safetensors") && !has(files, "config.json");
  std::vector<std::string> others = files;
  std::erase(others, "model.safetensors");
  if (std::string said = first_of(others, kOtherWeights); !said.empty()) return said;
  if (weights_alone)
    return "It holds model.safetensors, and no config.json, which says what model the weights are of. Fetch that file "
           "too.";
  if (has(folders, "snapshots")) return snapshots_of(path);
  for (const std::string& name : folders)
    if (fs::exists(path / name / "config.json", error))
      return fmt::format("A model lies in its subfolder: {}.", (path / name).string());
  return {};
}

Status check_finished(const std::string& path) {
  const std::string mark = path + ".aria2";
  std::error_code error;
  if (!fs::exists(mark, error)) return {};
  return Error{fmt::format("{}: its download is not finished: {} stands beside it. {}", path,
                           fs::path(mark).filename().string(), kResume)};
}

}  // namespace jamsu::formats

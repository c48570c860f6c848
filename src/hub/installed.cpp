#include "hub/installed.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/near_names.h"
#include "formats/folder.h"
#include "hub/answers.h"
#include "hub/cache.h"

namespace jamsu::hub {

namespace {

namespace fs = std::filesystem;

constexpr const char *kShipped = "nano", *kShippedFolder = "pretrained/nano";
constexpr const char* kTrained = "model";  // in the folder of a training run (train/stage.h)

// Also where that is no file: whoever reads it says what it is.
bool is_model(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "config.json", error);
}

// Beside the sources the program was built from, or where it was installed (PREFIX/bin, PREFIX/share/jamsu), or in the
// current folder; empty: nowhere.
std::string shipped_model(const Places& places) {
  for (fs::path folder = fs::path(places.program).parent_path(); folder.has_relative_path();
       folder = folder.parent_path())
    for (const fs::path& below : {fs::path(kShippedFolder), fs::path("share/jamsu") / kShippedFolder})
      if (is_model(folder / below)) return (folder / below).string();
  return is_model(kShippedFolder) ? kShippedFolder : std::string();
}

}  // namespace

Result<std::string> find_model(const std::string& name, const Places& places) {
  if (name.empty()) {
    auto shipped = shipped_model(places);
    if (!shipped.empty()) return shipped;
    return Error{"no --model given, and pretrained/nano was not found beside the program"};
  }
  const fs::path home(places.home);
  for (const fs::path& folder :
       {fs::path(name), fs::path(name) / kTrained, home / "models" / name, home / "runs" / name / kTrained})
    if (is_model(folder)) return folder.string();
  const auto cached = find_snapshot(places.cache, name);
  if (!cached.empty() && is_model(cached)) return cached;
  if (name == kShipped || name == kShippedFolder)
    if (auto shipped = shipped_model(places); !shipped.empty()) return shipped;
  std::string instead;
  for (const std::string& folder : {name, (home / "models" / name).string(), cached})
    if (instead.empty()) instead = formats::what_lies_there(folder);
  std::error_code error;
  if (fs::is_regular_file(name, error))
    instead = "It is a file; a model is the folder with its config.json, its weights and its tokenizer.";
  return Error{
      fmt::format("--model {}: no folder with a config.json there, nor under {}, nor a snapshot of it under {}{}", name,
                  (home / "models").string(), places.cache,
                  instead.empty() ? did_you_mean(name, model_names(installed_models(places))) : ". " + instead)};
}

std::vector<std::string> model_names(const std::vector<FoundModel>& models) {
  std::vector<std::string> names;
  for (const FoundModel& model : models) names.push_back(model.name);
  return names;
}

std::vector<FoundModel> installed_models(const Places& places) {
  std::vector<FoundModel> found;
  const auto folders = [](const fs::path& path) {
    std::vector<fs::path> all;
    std::error_code failed;
    for (fs::directory_iterator at(path, failed), end; !failed && at != end; at.increment(failed)) {
      std::error_code ignored;
      if (at->is_directory(ignored)) all.push_back(at->path());
    }
    return all;
  };
  const auto add = [&](const std::string& name, const fs::path& folder, std::vector<std::string> owned) {
    if (!is_model(folder)) return false;
    found.push_back({name, folder.string(), std::move(owned)});
    return true;
  };
  for (const fs::path& one : folders(fs::path(places.home) / "models")) {
    if (add(one.filename().string(), one, {one.string()})) continue;
    for (const fs::path& two : folders(one))
      add(fmt::format("{}/{}", one.filename().string(), two.filename().string()), two, {two.string()});
  }
  for (const fs::path& run : folders(fs::path(places.home) / "runs")) add(run.filename().string(), run / kTrained, {});
  for (const fs::path& repository : folders(places.cache)) {
    std::string name = repository.filename().string();
    constexpr std::string_view kPrefix = "models--";
    if (!name.starts_with(kPrefix)) continue;
    name.erase(0, kPrefix.size());
    const size_t separator = name.find("--");
    if (separator == std::string::npos) continue;
    name.replace(separator, 2, "/");
    if (!is_repository(name)) continue;
    const CachedRepository cached(places.cache, name);
    for (const auto& revision : cached.revisions())
      add(revision.name == "main" ? name : name + "@" + revision.name, cached.snapshot(revision.commit),
          cached.belongings(revision));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const FoundModel& a, const FoundModel& b) { return a.name < b.name; });
  if (auto shipped = shipped_model(places); !shipped.empty())
    found.push_back({.name = kShipped, .folder = std::move(shipped), .owned = {}, .shipped = true});
  return found;
}

}  // namespace jamsu::hub

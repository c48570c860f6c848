#include "hub/installed.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "formats/folder.h"
#include "hub/cache.h"

namespace jamsu::hub {

Result<std::string> find_model(const std::string& name, const Places& places) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto is_model = [&](const fs::path& path) { return fs::is_regular_file(path / "config.json", error); };
  if (!name.empty()) {
    if (is_model(name)) return name;
    const fs::path at_home = fs::path(places.home) / "models" / name;
    if (is_model(at_home)) return at_home.string();
    const auto cached = find_snapshot(places.cache, name);
    if (!cached.empty() && is_model(cached)) return cached;
    std::string instead;
    for (const std::string& folder : {name, at_home.string(), cached})
      if (instead.empty()) instead = formats::what_lies_there(folder);
    if (fs::is_regular_file(name, error))
      instead = "It is a file; a model is the folder with its config.json, its weights and its tokenizer.";
    return Error{fmt::format(
        "--model {}: no folder with a config.json there, nor under {}, nor a snapshot of it under {}{}{}", name,
        (fs::path(places.home) / "models").string(), places.cache, instead.empty() ? "" : ". ", instead)};
  }
  // Beside the sources it was built from, or where it was installed (PREFIX/bin, PREFIX/share/jamsu).
  for (fs::path folder = fs::path(places.program).parent_path(); folder.has_relative_path();
       folder = folder.parent_path())
    for (const char* below : {"pretrained/nano", "share/jamsu/pretrained/nano"})
      if (is_model(folder / below)) return (folder / below).string();
  if (is_model("pretrained/nano")) return std::string("pretrained/nano");
  return Error{"no --model given, and pretrained/nano was not found beside the program"};
}

std::vector<FoundModel> installed_models(const Places& places) {
  namespace fs = std::filesystem;
  std::vector<FoundModel> found;
  std::error_code error;
  const auto folders = [](const fs::path& path) {
    std::vector<fs::path> all;
    std::error_code failed;
    for (fs::directory_iterator at(path, failed), end; !failed && at != end; at.increment(failed)) {
      std::error_code ignored;
      if (at->is_directory(ignored)) all.push_back(at->path());
    }
    return all;
  };
  const auto add = [&](const std::string& name, const fs::path& folder, const fs::path& owned) {
    if (!fs::is_regular_file(folder / "config.json", error)) return false;
    found.push_back({name, folder.string(), owned.string()});
    return true;
  };
  for (const fs::path& one : folders(fs::path(places.home) / "models")) {
    if (add(one.filename().string(), one, one)) continue;
    for (const fs::path& two : folders(one))
      add(fmt::format("{}/{}", one.filename().string(), two.filename().string()), two, two);
  }
  for (const fs::path& repository : folders(places.cache)) {
    std::string name = repository.filename().string();
    constexpr std::string_view kPrefix = "models--";
    if (!name.starts_with(kPrefix)) continue;
    name.erase(0, kPrefix.size());
    const size_t separator = name.find("--");
    if (separator == std::string::npos) continue;
    name.replace(separator, 2, "/");
    add(name, find_snapshot(places.cache, name), repository);
  }
  std::sort(found.begin(), found.end(), [](const FoundModel& a, const FoundModel& b) { return a.name < b.name; });
  return found;
}

}  // namespace jamsu::hub

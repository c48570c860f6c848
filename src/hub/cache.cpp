#include "hub/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

#include "hub/answers.h"

namespace jamsu::hub {

namespace fs = std::filesystem;

std::string cache_folder(std::string (*variable)(const char* name)) {
  if (const std::string cache = variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const std::string hf_home = variable("HF_HOME"); !hf_home.empty()) return hf_home + "/hub";
  const std::string home = variable("HOME");
  return (home.empty() ? "." : home) + "/.cache/huggingface/hub";
}

CachedRepository::CachedRepository(const std::string& cache, std::string_view name) {
  JAMSU_CHECK(is_repository(name));
  const size_t slash = name.find('/');
  const std::string own = fmt::format("models--{}--{}", name.substr(0, slash), name.substr(slash + 1));
  folder_ = cache + "/" + own;
  locks_ = cache + "/.locks/" + own;
}

std::string CachedRepository::commit(const std::string& revision) const {
  const auto text = read_file(folder_ + "/refs/" + revision, 1024);
  if (!text) return {};
  std::string hash = *text;
  while (!hash.empty() && std::isspace(static_cast<unsigned char>(hash.back()))) hash.pop_back();
  return is_hex(hash) ? hash : std::string();
}

Status CachedRepository::make_folders() const {
  for (const std::string& path : {folder_ + "/blobs", folder_ + "/snapshots", folder_ + "/refs", locks_}) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return Error{fmt::format("{}: cannot be made: {}.", path, error.message())};
  }
  return {};
}

Status CachedRepository::link(const std::string& commit, const std::string& file, const std::string& hash,
                              FileOps& ops) const {
  const std::string path = snapshot(commit) + "/" + file;
  const auto up = std::count(file.begin(), file.end(), '/') + 2;
  std::string target;
  for (auto i = up; i > 0; --i) target += "../";
  target += "blobs/" + hash;
  std::error_code error;
  if (fs::read_symlink(path, error) == target && !error) return {};
  const auto failed = [&](const std::string& why) {
    return Error{fmt::format("{}: cannot be linked: {}.", path, why)};
  };
  fs::create_directories(parent_folder(path), error);
  if (error) return failed(error.message());
  // Made beside it and renamed, so that whoever reads the snapshot meanwhile finds the old link or the new one.
  const std::string temporary = path + ".tmp";
  fs::remove(temporary, error);
  fs::create_symlink(target, temporary, error);
  if (error) return failed(error.message());
  if (const int e = ops.rename(temporary, path)) return failed(std::system_category().message(e));
  if (const int e = ops.sync_folder(parent_folder(path))) return failed(std::system_category().message(e));
  return {};
}

Status CachedRepository::set_commit(const std::string& revision, const std::string& commit, FileOps& ops) const {
  if (revision == commit || this->commit(revision) == commit) return {};
  const std::string path = folder_ + "/refs/" + revision;
  std::error_code error;
  fs::create_directories(parent_folder(path), error);
  if (error) return Error{fmt::format("{}: cannot be made: {}.", parent_folder(path), error.message())};
  return write_file(path, commit, ops);
}

std::string find_snapshot(const std::string& cache, const std::string& name) {
  if (!is_repository(name)) return {};
  const CachedRepository repository(cache, name);
  const std::string commit = repository.commit("main");
  return commit.empty() ? std::string() : repository.snapshot(commit);
}

}  // namespace jamsu::hub

#include "hub/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

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

namespace {

// Names of what lies directly in a folder.
std::set<std::string> entries(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    names.insert(at->path().filename().string());
  return names;
}

// Hashes of the blobs that a snapshot's links name.
std::set<std::string> linked_blobs(const fs::path& snapshot) {
  std::set<std::string> hashes;
  std::error_code error;
  for (fs::recursive_directory_iterator at(snapshot, error), end; !error && at != end; at.increment(error)) {
    std::error_code none;
    const std::string hash = fs::read_symlink(at->path(), none).filename().string();
    if (!none && is_hex(hash)) hashes.insert(hash);
  }
  return hashes;
}

}  // namespace

std::vector<CachedRepository::Revision> CachedRepository::revisions() const {
  constexpr size_t kDigits = 12;
  std::set<std::string> unnamed = entries(folder_ + "/snapshots");
  std::vector<Revision> found;
  const fs::path refs = folder_ + "/refs";
  std::error_code error;
  for (fs::recursive_directory_iterator at(refs, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    const std::string name = at->path().lexically_relative(refs).string();
    const std::string hash = commit(name);
    if (!hash.empty() && fs::is_directory(snapshot(hash), ignored)) found.push_back({name, hash});
  }
  std::sort(found.begin(), found.end(), [](const Revision& a, const Revision& b) {
    return std::pair(a.name != "main", a.name) < std::pair(b.name != "main", b.name);
  });
  for (const Revision& revision : found) unnamed.erase(revision.commit);
  for (const std::string& hash : unnamed)
    if (is_hex(hash)) found.push_back({hash.substr(0, kDigits), hash});
  return found;
}

std::string CachedRepository::find(const std::string& revision) const {
  constexpr size_t kLeastDigits = 7;
  if (!stays_inside(revision)) return {};
  if (const std::string hash = commit(revision); !hash.empty()) return snapshot(hash);
  if (revision.size() < kLeastDigits || !is_hex(revision)) return {};
  std::string found;
  for (const std::string& name : entries(folder_ + "/snapshots")) {
    if (!name.starts_with(revision)) continue;
    if (!found.empty()) return {};
    found = name;
  }
  return found.empty() ? std::string() : snapshot(found);
}

std::vector<std::string> CachedRepository::belongings(const Revision& revision) const {
  const std::vector<Revision> all = revisions();
  if (all.size() <= 1) return {folder_};
  std::vector<std::string> paths;
  std::error_code error;
  if (const std::string ref = folder_ + "/refs/" + revision.name; fs::is_regular_file(ref, error)) paths.push_back(ref);
  std::set<std::string> kept;
  for (const Revision& other : all) {
    if (other.name == revision.name) continue;
    if (other.commit == revision.commit) return paths;
    kept.merge(linked_blobs(snapshot(other.commit)));
  }
  paths.push_back(snapshot(revision.commit));
  for (const std::string& hash : linked_blobs(snapshot(revision.commit)))
    if (!kept.contains(hash)) paths.push_back(blob(hash));
  return paths;
}

std::string find_snapshot(const std::string& cache, const std::string& name) {
  const size_t at = name.find('@');
  const std::string repository = name.substr(0, at);
  if (!is_repository(repository)) return {};
  return CachedRepository(cache, repository).find(at == std::string::npos ? "main" : name.substr(at + 1));
}

}  // namespace jamsu::hub

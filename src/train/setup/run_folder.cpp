#include "train/setup/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/files.h"
#include "formats/strict_json.h"
#include "train/checkpoint.h"
#include "train/metrics.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = ".jamsu.lock";

bool is_events_file(std::string_view name) {
  return name.starts_with("events.out.tfevents.") && name.ends_with(".jamsu");
}

// Export writes a field of its own into config.json.
bool is_our_model(const std::string& folder) {
  const auto text = read_file(folder + "/config.json");
  if (!text) return false;
  const auto config = formats::parse_strict_json(*text, "config.json");
  return config && config->is_object() && config->get_object().contains("jamsu_numerics_version");
}

bool holds_a_model(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name == "config.json" || name.ends_with(".safetensors")) return true;
  }
  return false;
}

// The open file still has its name: another process may have removed it between its open() and its lock.
bool is_the_file(int fd, const std::string& path) {
  struct stat open {
  }, named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

}  // namespace

Result<RunFolder> RunFolder::open(const std::string& path) {
  std::string folder = path;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  std::error_code error;
  const bool made = !fs::exists(folder, error);
  if (auto s = make_folders(folder); !s) return s.error();
  // A process that was killed may have made them and not come to it.
  for (const std::string& name : {folder, parent_folder(folder)})
    if (const int number = system_files().sync_folder(name); number && number != EINVAL && number != EACCES)
      return Error{fmt::format("{}: cannot be written to the disk: {}.", name, std::system_category().message(number))};
  RunFolder run(folder, made);
  if (auto s = run.lock(); !s) return s.error();
  return run;
}

Status RunFolder::lock() {
  const std::string path = path_ + "/" + kLock;
  while (true) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return Error{fmt::format("{}: cannot be written: {}.", path, std::system_category().message(errno))};
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      char text[32] = {};
      const ssize_t read = ::pread(fd, text, sizeof text - 1, 0);
      ::close(fd);
      if (error == EINTR) continue;
      if (error != EWOULDBLOCK) return {};
      const std::string number = read > 0 ? std::string(text, static_cast<size_t>(read)) : "of unknown number";
      return Error{
          fmt::format("{}: another run writes this folder (process {}). Wait for its end or stop it, or choose "
                      "another --folder",
                      path_, number.substr(0, number.find('\n')))};
    }
    if (!is_the_file(fd, path)) {
      ::close(fd);
      continue;
    }
    fd_ = fd;
    const std::string number = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, number.data(), number.size(), 0) < 0)
      return Error{fmt::format("{}: cannot be written: {}.", path, std::system_category().message(errno))};
    return {};
  }
}

RunFolder::~RunFolder() {
  if (path_.empty()) return;
  if (fd_ >= 0) {
    ::unlink((path_ + "/" + kLock).c_str());
    ::close(fd_);
  }
  if (made_) ::rmdir(path_.c_str());  // where it is empty
}

bool RunFolder::holds_a_run() const {
  if (holds_checkpoints(checkpoints())) return true;
  const auto metrics = read_metrics(path_ + "/metrics.jsonl");
  return metrics && !metrics->empty();
}

Status RunFolder::may_begin(bool tokenizer, bool recipe) const {
  std::error_code error;
  const auto others = [&](const std::string& name) {
    return Error{
        fmt::format("{}/{}: is there, and no run of this program wrote it; it is not written over. Choose "
                    "another --folder, or move it away",
                    path_, name)};
  };
  if (holds_a_model(model()) && !is_our_model(model())) return others("model");
  if (holds_a_run()) return {};
  if (tokenizer && fs::exists(path_ + "/tokenizer.json", error)) return others("tokenizer.json");
  if (recipe && fs::exists(path_ + "/recipe.toml", error)) return others("recipe.toml");
  if (fs::exists(path_ + "/metrics.jsonl", error) && !read_metrics(path_ + "/metrics.jsonl"))
    return others("metrics.jsonl");
  return {};
}

Status RunFolder::forget() const {
  if (auto s = remove_checkpoints(checkpoints()); !s) return s;
  std::vector<fs::path> own;
  std::error_code error;
  for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error))
    if (is_events_file(at->path().filename().string())) own.push_back(at->path());
  for (const fs::path& file : own)
    if (fs::remove(file, error); error)
      return Error{fmt::format("{}: cannot be removed: {}.", file.string(), error.message())};
  return {};
}

}  // namespace jamsu::train

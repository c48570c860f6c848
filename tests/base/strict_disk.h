#pragma once
// A disk as POSIX promises it and no more: bytes last when their file was fsynced after they were written, a name when
// its folder was fsynced after the name was made. A call of FileOps that answers success without the system call is seen
// where the test's program counts those.
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"

namespace jamsu::test {

class StrictDisk : public FileOps {
 public:
  // What a power cut now would take of what stands below `folder`: names and contents, a line each.
  std::vector<std::string> lost(const std::string& folder) const {
    namespace fs = std::filesystem;
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string path = entry.path().string();
      if (names_.contains(path)) all.push_back("name " + path);
      if (bytes_.contains(path)) all.push_back("bytes " + path);
    }
    if (names_.contains(folder)) all.push_back("name " + folder);
    return all;
  }

  int create(const std::string& path, int& fd) override {
    const int error = FileOps::create(path, fd);
    if (error == 0) {
      open_[fd] = path;
      bytes_.insert(path);
      names_.insert(path);
    }
    return error;
  }
  int write(int fd, const void* data, size_t bytes) override {
    bytes_.insert(open_[fd]);
    return FileOps::write(fd, data, bytes);
  }
  int sync(int fd) override {
    const int error = counted([&] { return FileOps::sync(fd); });
    if (error == 0) bytes_.erase(open_[fd]);
    return error;
  }
  int close(int fd) override {
    const int error = FileOps::close(fd);
    open_.erase(fd);
    return error;
  }
  int make_folder(const std::string& path) override {
    const int error = FileOps::make_folder(path);
    if (error == 0) names_.insert(path);
    return error;
  }
  int rename(const std::string& from, const std::string& to) override {
    const int error = FileOps::rename(from, to);
    if (error != 0) return error;
    move(names_, from, to);
    move(bytes_, from, to);
    names_.insert(to);
    return error;
  }
  int sync_folder(const std::string& path) override {
    const int error = counted([&] { return FileOps::sync_folder(path); });
    if (error == 0) std::erase_if(names_, [&](const std::string& name) { return parent_folder(name) == path; });
    return error;
  }

  // System calls of fsync so far; empty: nobody counts them.
  std::function<int()> fsync_calls = {};

 private:
  // An answer of success without the system call is a lie.
  template <class F>
  int counted(F&& call) const {
    const int before = fsync_calls ? fsync_calls() : 0;
    const int error = call();
    return error == 0 && fsync_calls && fsync_calls() == before ? EIO : error;
  }
  // What lies below a folder moves with it.
  static void move(std::set<std::string>& paths, const std::string& from, const std::string& to) {
    std::set<std::string> moved;
    for (const std::string& path : paths)
      moved.insert(path == from || path.starts_with(from + "/") ? to + path.substr(from.size()) : path);
    paths = std::move(moved);
  }

  std::map<int, std::string> open_;
  std::set<std::string> names_, bytes_;  // that would not last
};

}  // namespace jamsu::test

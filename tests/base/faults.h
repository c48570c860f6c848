#pragma once
// A folder for one test, and file operations of which one fails.
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include "base/files.h"

namespace jamsu::test {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder()
      : path_(fs::temp_directory_path() /
              ("jamsu-test-" + std::to_string(::getpid()) + "-" + std::to_string(count()++))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  static int& count() {
    static int n = 0;
    return n;
  }
  fs::path path_;
};

// Does not wait for the disk: these tests lose processes, never the machine, and hundreds of fsyncs take minutes.
class QuickFiles : public FileOps {
 public:
  int sync(int) override { return 0; }
  int sync_folder(const std::string&) override { return 0; }
};

// The calls that change the disk, by kind; before() is asked before each.
class WatchedFiles : public QuickFiles {
 public:
  enum class Call { create, write, sync, close, make_folder, rename, sync_folder };
  // An errno that the call fails with, 0: it goes on.
  virtual int before(Call call) = 0;

  int create(const std::string& p, int& fd) override {
    const int error = before(Call::create);
    return error ? error : QuickFiles::create(p, fd);
  }
  int write(int fd, const void* d, size_t n) override {
    const int error = before(Call::write);
    return error ? error : QuickFiles::write(fd, d, n);
  }
  int sync(int fd) override {
    const int error = before(Call::sync);
    return error ? error : QuickFiles::sync(fd);
  }
  int close(int fd) override {
    const int error = before(Call::close), closed = QuickFiles::close(fd);
    return error ? error : closed;
  }
  int make_folder(const std::string& p) override {
    const int error = before(Call::make_folder);
    return error ? error : QuickFiles::make_folder(p);
  }
  int rename(const std::string& a, const std::string& b) override {
    const int error = before(Call::rename);
    return error ? error : QuickFiles::rename(a, b);
  }
  int sync_folder(const std::string& p) override {
    const int error = before(Call::sync_folder);
    return error ? error : QuickFiles::sync_folder(p);
  }
};

// The n-th call that changes the disk fails.
class FailNth : public WatchedFiles {
 public:
  FailNth(int n, int error) : left_(n), error_(error) {}
  bool failed() const { return failed_.has_value(); }
  std::optional<Call> failed_call() const { return failed_; }
  int before(Call call) override {
    if (left_-- != 0) return 0;
    failed_ = call;
    return error_;
  }

 private:
  std::optional<Call> failed_;
  int left_, error_;
};

// Ends the process with SIGKILL in the n-th call of a kind after arm(): a write when half of it is on its way,
// others before they begin.
class KillInside : public WatchedFiles {
 public:
  void arm(Call call, int n) {
    call_ = call;
    left_ = n;
  }
  int before(Call call) override {
    if (call == call_ && left_-- == 0) ::raise(SIGKILL);
    return 0;
  }
  int write(int fd, const void* d, size_t n) override {
    if (call_ == Call::write && left_ == 0) FileOps::write(fd, d, n / 2);
    return WatchedFiles::write(fd, d, n);
  }

 private:
  std::optional<Call> call_;
  int left_ = -1;
};

}  // namespace jamsu::test

#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/input_file.h"

namespace jamsu {

std::string file_reason(int error) {
  if (error == ENOSPC) return "the disk is full";
  return std::system_category().message(error);
}

namespace {

// Closes on every way out.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

int FileOps::create(const std::string& path, int& fd) {
  fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  return fd < 0 ? errno : 0;
}
int FileOps::write(int fd, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(fd, at, std::min<size_t>(bytes, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;
    at += n;
    bytes -= static_cast<size_t>(n);
  }
  return 0;
}
int FileOps::sync(int fd) {
  if (::fsync(fd)) return errno;
  // What was written lies in the page cache in pages of 4 KiB, and is read again in large ones (Linux 6.16 on ext4),
  // from which weights stream up to 1.3 times as fast (docs/LOG.md). So a large file is dropped from it.
  constexpr off_t kLarge = off_t{64} << 20;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && info.st_size >= kLarge) ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  return 0;
}
int FileOps::close(int fd) {
  return ::close(fd) ? errno : 0;
}
int FileOps::make_folder(const std::string& path) {
  return ::mkdir(path.c_str(), 0755) ? errno : 0;
}
int FileOps::rename(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) ? errno : 0;
}
int FileOps::sync_folder(const std::string& path) {
  const Descriptor d{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (d.fd < 0) return errno;
  return ::fsync(d.fd) ? errno : 0;
}
FileOps& system_files() {
  static FileOps ops;
  return ops;
}

Result<std::string> read_file(const std::string& path, int64_t max_bytes) {
  return read_input_file(path, max_bytes, Reads::files);
}

Result<AtomicFile> AtomicFile::create(const std::string& path, FileOps& ops) {
  int fd = -1;
  const std::string temporary = path + ".tmp";
  if (const int error = ops.create(temporary, fd))
    return Error{fmt::format("{}: cannot be written: {}.", temporary, file_reason(error))};
  return AtomicFile(path, fd, ops);
}
AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), ops_(other.ops_) {}
AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink((path_ + ".tmp").c_str());
}

Status AtomicFile::failed(const char* what, int error) {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  ::unlink((path_ + ".tmp").c_str());
  return Error{fmt::format("{}: cannot be {}: {}.", path_, what, file_reason(error))};
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  JAMSU_CHECK(fd_ >= 0);
  if (const int error = ops_->write(fd_, bytes.data(), bytes.size())) return failed("written", error);
  return {};
}
Status AtomicFile::write(std::string_view text) {
  return write(std::as_bytes(std::span(text.data(), text.size())));
}

Status AtomicFile::finish() {
  JAMSU_CHECK(fd_ >= 0);
  if (const int error = ops_->sync(fd_)) return failed("written to the disk", error);
  if (const int error = ops_->close(std::exchange(fd_, -1))) return failed("written", error);
  if (const int error = ops_->rename(path_ + ".tmp", path_)) return failed("put in its place", error);
  if (const int error = ops_->sync_folder(parent_folder(path_)))
    return Error{fmt::format("{}: its folder cannot be written to the disk: {}.", path_, file_reason(error))};
  return {};
}

Status write_file(const std::string& path, std::string_view text, FileOps& ops) {
  auto file = AtomicFile::create(path, ops);
  if (!file) return file.error();
  if (auto s = file->write(text); !s) return s;
  return file->finish();
}

Status replace_folder(const std::string& temporary, const std::string& path, FileOps& ops) {
  namespace fs = std::filesystem;
  const std::string replaced = path + kReplaced;
  const auto failed = [&](int error) {
    return Error{fmt::format("{}: cannot be put in its place: {}.", path, file_reason(error))};
  };
  std::error_code ignored;
  const bool existed = fs::exists(path, ignored);
  if (existed) {
    fs::remove_all(replaced, ignored);
    if (const int error = ops.rename(path, replaced)) return failed(error);
  }
  int error = ops.rename(temporary, path);
  if (!error) {
    error = ops.sync_folder(parent_folder(path));
    if (!error) return {};
    fs::remove_all(path, ignored);
  }
  if (existed) fs::rename(replaced, path, ignored);
  return failed(error);
}

Status make_folders(const std::string& path, FileOps& ops) {
  if (path.size() > 1 && path.ends_with('/')) return make_folders(path.substr(0, path.size() - 1), ops);
  const auto failed = [&](int error) {
    return Error{fmt::format("{}: cannot be made: {}.", path, file_reason(error))};
  };
  const std::string parent = parent_folder(path);
  int error = ops.make_folder(path);
  if (error == ENOENT && parent != path && parent != ".") {
    if (auto s = make_folders(parent, ops); !s) return s;
    error = ops.make_folder(path);
  }
  std::error_code ignored;
  if (error == EEXIST) return std::filesystem::is_directory(path, ignored) ? Status() : failed(ENOTDIR);
  if (!error) error = ops.sync_folder(parent);
  if (error) return failed(error);
  return {};
}

std::string parent_folder(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace jamsu

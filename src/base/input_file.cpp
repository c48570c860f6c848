#include "base/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/lfs_pointer.h"

namespace jamsu {
namespace {

#ifndef PIPEFS_MAGIC
#define PIPEFS_MAGIC 0x50495045
#endif

const char* kind_name(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO (named pipe)";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Error cannot(const std::string& path, int error) {
  return Error{fmt::format("{}: cannot be read: {}.", path, file_reason(error))};
}

Error wrong_kind(const std::string& path, mode_t mode, Reads reads) {
  const char* cure =
      S_ISFIFO(mode) && reads == Reads::pipes_too ? " A shell gives what comes through it as <(cat NAME)." : "";
  return Error{fmt::format("{}: is {}, where a file is read.{}", path, kind_name(mode), cure)};
}

// <(command) and /dev/stdin: pipes that no folder holds have a file system of their own.
bool ends_with_its_writer(int fd, mode_t mode) {
  struct statfs system {};
  if (S_ISFIFO(mode)) return ::fstatfs(fd, &system) == 0 && system.f_type == PIPEFS_MAGIC;
  return S_ISCHR(mode) && ::isatty(fd) == 1;
}

std::string size_name(int64_t bytes) {
  for (const auto& [unit, name] :
       {std::pair(int64_t{1} << 30, "GiB"), std::pair(int64_t{1} << 20, "MiB"), std::pair(int64_t{1} << 10, "KiB")})
    if (bytes >= unit && bytes % unit == 0) return fmt::format("{} {}", bytes / unit, name);
  return fmt::format("{} bytes", bytes);
}

Error too_large(const std::string& name, int64_t max_bytes) {
  return Error{fmt::format("{}: is larger than {}, the most that is read of such a file.", name, size_name(max_bytes))};
}

struct Descriptor {
  int fd;
  ~Descriptor() { ::close(fd); }
};

}  // namespace

bool is_there(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

Result<int> open_to_read(const std::string& path, Reads reads) {
  // O_NONBLOCK: an open for reading of a FIFO waits for its writer; of a regular file it changes nothing.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  const int error = errno;
  struct stat info {};
  if (fd < 0) {
    const bool odd = error == ENXIO && ::stat(path.c_str(), &info) == 0;  // what a socket's open gives
    return odd ? wrong_kind(path, info.st_mode, reads) : cannot(path, error);
  }
  const bool known = ::fstat(fd, &info) == 0;
  if (known && S_ISREG(info.st_mode)) return fd;
  if (known && reads == Reads::pipes_too && ends_with_its_writer(fd, info.st_mode) &&
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0)
    return fd;
  const Error said = known ? wrong_kind(path, info.st_mode, reads) : cannot(path, errno);
  ::close(fd);
  return said;
}

Result<std::string> read_to_end(int fd, const std::string& name, int64_t max_bytes) {
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > max_bytes) return too_large(name, max_bytes);
  std::string text;
  std::string block(size_t{1} << 16, '\0');
  while (true) {
    const ssize_t n = ::read(fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot(name, errno);
    if (n == 0) return text;
    if (static_cast<int64_t>(text.size()) + n > max_bytes) return too_large(name, max_bytes);
    text.append(block, 0, static_cast<size_t>(n));
  }
}

Result<std::string> read_input_file(const std::string& path, int64_t max_bytes, Reads reads) {
  const auto fd = open_to_read(path, reads);
  if (!fd) return fd.error();
  const Descriptor open{*fd};
  auto text = read_to_end(*fd, path, max_bytes);
  if (!text) return text.error();
  if (auto s = check_fetched(*text, path); !s) return s.error();
  return text;
}

Result<std::string> read_stdin_bytes(int64_t max_bytes) {
  struct stat info {
  }, null{};
  const bool device = ::fstat(STDIN_FILENO, &info) == 0 && S_ISCHR(info.st_mode) && ::isatty(STDIN_FILENO) != 1;
  const bool nothing = ::stat("/dev/null", &null) == 0 && null.st_rdev == info.st_rdev;
  if (device && !nothing) return wrong_kind("stdin", info.st_mode, Reads::files);
  return read_to_end(STDIN_FILENO, "stdin", max_bytes);
}

}  // namespace jamsu

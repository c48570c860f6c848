#pragma once
// Files that are whole or not there: read, and write through a temporary name, fsync and rename. Errors name the
// path and the system's reason. Every call that changes the disk goes through FileOps,
// so that tests can let each one fail once.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jamsu {

// The calls a save is made of. Each returns 0, or an errno. The base class calls the system; tests override.
class FileOps {
 public:
  virtual ~FileOps() = default;
  virtual int create(const std::string& path, int& fd);       // new or emptied, for writing
  virtual int write(int fd, const void* data, size_t bytes);  // all of it
  virtual int sync(int fd);
  virtual int close(int fd);
  virtual int make_folder(const std::string& path);  // EEXIST where it is there
  virtual int rename(const std::string& from, const std::string& to);
  virtual int sync_folder(const std::string& path);
};
FileOps& system_files();  // stateless

// A regular file, whole. Errors: cannot be read; is a FIFO, a device ...; more than max_bytes; a pointer of git-lfs.
Result<std::string> read_file(const std::string& path, int64_t max_bytes = int64_t{1} << 30);

// One file being written. Until finish() nothing stands under its name;
// when it is destroyed before, what was written goes.
//   auto f = AtomicFile::create(path);
//   if (!f) return f.error();
//   if (auto s = f->write(bytes); !s) return s;
//   return f->finish();
class AtomicFile {
 public:
  // Writes to `path`.tmp beside it. One writer per path.
  static Result<AtomicFile> create(const std::string& path, FileOps& ops = system_files());
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  // fsync, close, rename, fsync of the folder. After an error the earlier file stands as it was.
  Status finish();

 private:
  AtomicFile(std::string path, int fd, FileOps& ops) : path_(std::move(path)), fd_(fd), ops_(&ops) {}
  Status failed(const char* what, int error);
  std::string path_;
  int fd_;
  FileOps* ops_;
};

// What the system says of an error number; "the disk is full" where it is.
std::string file_reason(int error);

// An atomic file of these bytes.
Status write_file(const std::string& path, std::string_view text, FileOps& ops = system_files());

// The folder `temporary` takes the name `path`, and that lasts. What stood there before is kept as `path`.replaced, for
// the caller to remove once the new one is known to be good; after an error it stands under `path` again. A kill in
// between leaves one of the two, whole, under one of the two names.
inline constexpr const char* kReplaced = ".replaced";
Status replace_folder(const std::string& temporary, const std::string& path, FileOps& ops = system_files());

// The folder, and every parent that is missing. A new folder's name lasts: its parent is fsynced, for an fsync of what
// lies in it need not keep it (POSIX). Nothing is synced of one that is there. Errors name the folder that is not made.
Status make_folders(const std::string& path, FileOps& ops = system_files());

// "/a/b.txt" -> "/a", "b.txt" -> ".".
std::string parent_folder(const std::string& path);

}  // namespace jamsu

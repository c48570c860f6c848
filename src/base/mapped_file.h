#pragma once
// A file's bytes as they lie on the disk, read-only,
// and what becomes of them when somebody cuts the file short meanwhile.
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace jamsu {

struct Mapping;  // mapped_file.cpp

// Reading bytes() never ends the process: where the file has none left, or its disk fails, zeros stand instead, and
// intact() says so. Whoever uses what was computed from bytes() asks intact() first.
//
// The first open() sets a handler for SIGBUS, which is where Linux tells it; other causes of that signal go on to the
// handler that was there before. Unmapped with the last reference.
class MappedFile {
 public:
  // Errors: cannot be opened, is no ordinary file.
  static Result<std::shared_ptr<MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const;

  // Reads all of it into memory, in its order, and maps it: for a file that lies on a disk and is about to be read in
  // another order. Returns when that is done, or cannot go on. Thread-safe.
  void read_ahead() const;

  // An error that names the file when it was cut short or written to since open(). One that took its name by a rename
  // is another file: bytes() stay those of the first. Costs a system call. Thread-safe.
  Status intact() const;

 private:
  explicit MappedFile(std::unique_ptr<Mapping> mapping);
  std::unique_ptr<Mapping> mapping_;
};

// Gives the pages of `bytes` back to the system until somebody reads them again, where they are a MappedFile's (other
// memory stays as it is): for what was copied from, and would else count as this process's memory. Thread-safe.
void forget_pages(std::span<const std::byte> bytes);

}  // namespace jamsu

#pragma once
// A blob on its way into the cache: written to PATH.incomplete, hashed as it comes, and given its name only when the
// hash is the one it is named by. What has come stays when the process ends, for the next one to go on from.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "base/files.h"
#include "base/result.h"
#include "base/sha1.h"
#include "base/sha256.h"

namespace jamsu::hub {

inline constexpr const char* kIncomplete = ".incomplete";

class PartialBlob {
 public:
  struct Place {
    std::string path;  // .../blobs/HASH
    std::string lock;  // held meanwhile (flock, as huggingface_hub does): one writer a blob
    std::string hash;  // 64 hexadecimal digits: SHA-256; 40: SHA-1 of a git blob
    int64_t size;
  };
  // Takes over what an earlier process left, unless that is more than `size`. Errors: another process is at it; the
  // folder cannot be written.
  static Result<std::unique_ptr<PartialBlob>> open(const Place& place, FileOps& ops = system_files());
  ~PartialBlob();
  PartialBlob(const PartialBlob&) = delete;
  PartialBlob& operator=(const PartialBlob&) = delete;

  int64_t bytes() const { return bytes_; }  // that have come
  bool complete() const { return bytes_ == place_.size; }
  // Errors: more than `size`; the disk is full (what has come stays).
  Status append(std::span<const std::byte> bytes);
  Status restart();  // nothing has come
  // REQUIRES: complete(). Errors: the hash is another one; the file is gone then.
  Status finish();

 private:
  PartialBlob(Place place, FileOps& ops);
  void begin_hash();
  void hash(std::span<const std::byte> bytes);
  std::string temporary() const { return place_.path + kIncomplete; }
  Error failed(const char* what, int error) const;

  Place place_;
  FileOps& ops_;
  int fd_ = -1, lock_ = -1;
  int64_t bytes_ = 0;
  std::variant<Sha256, Sha1> hash_;
};

}  // namespace jamsu::hub

#include "hub/blob.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace jamsu::hub {

PartialBlob::PartialBlob(Place place, FileOps& ops) : place_(std::move(place)), ops_(ops) {
  begin_hash();
}

PartialBlob::~PartialBlob() {
  if (fd_ >= 0) ::close(fd_);
  if (lock_ >= 0) ::close(lock_);  // the file stays: removing it would let two processes hold "the" lock
}

Error PartialBlob::failed(const char* what, int error) const {
  return Error{fmt::format("{}: cannot be {}: {}.", temporary(), what, file_reason(error))};
}

void PartialBlob::begin_hash() {
  if (place_.hash.size() == 64) {
    hash_.emplace<Sha256>();
  } else {  // git hashes "blob SIZE\0" and then the content
    hash_.emplace<Sha1>().update(fmt::format("blob {}", place_.size)).update(std::string_view("\0", 1));
  }
}

void PartialBlob::hash(std::span<const std::byte> bytes) {
  std::visit([&](auto& hash) { hash.update(bytes); }, hash_);
}

Result<std::unique_ptr<PartialBlob>> PartialBlob::open(const Place& place, FileOps& ops) {
  JAMSU_CHECK(place.size >= 0 && (place.hash.size() == 64 || place.hash.size() == 40));
  std::unique_ptr<PartialBlob> blob(new PartialBlob(place, ops));
  blob->lock_ = ::open(place.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (blob->lock_ < 0)
    return Error{fmt::format("{}: cannot be written: {}.", place.lock, std::system_category().message(errno))};
  // Other failures: a file system without locks, where one has to do without.
  if (::flock(blob->lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return Error{fmt::format("{}: another program holds it and is fetching this file; wait for it.", place.lock)};
  blob->fd_ = ::open(blob->temporary().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (blob->fd_ < 0) return blob->failed("written", errno);
  std::vector<std::byte> block(size_t{1} << 20);
  while (true) {
    const ssize_t n = ::read(blob->fd_, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return blob->failed("read", errno);
    if (n == 0) break;
    blob->bytes_ += n;
    if (blob->bytes_ > place.size) {
      if (auto s = blob->restart(); !s) return s.error();
      break;
    }
    blob->hash({block.data(), static_cast<size_t>(n)});
  }
  return blob;
}

Status PartialBlob::append(std::span<const std::byte> bytes) {
  if (std::cmp_greater(bytes.size(), place_.size - bytes_))
    return Error{fmt::format("more came than the {} bytes that were announced.", place_.size)};
  if (const int error = ops_.write(fd_, bytes.data(), bytes.size())) {
    // A part of them may have been written; it must not be hashed twice.
    if (::ftruncate(fd_, bytes_) != 0 || ::lseek(fd_, bytes_, SEEK_SET) != bytes_) ::unlink(temporary().c_str());
    return failed("written", error);
  }
  hash(bytes);
  bytes_ += static_cast<int64_t>(bytes.size());
  return {};
}

Status PartialBlob::restart() {
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) return failed("emptied", errno);
  bytes_ = 0;
  begin_hash();
  return {};
}

Status PartialBlob::finish() {
  JAMSU_CHECK(complete());
  const std::string found = std::visit([](auto& hash) { return hash.hex(); }, hash_);
  if (found != place_.hash) {
    ::unlink(temporary().c_str());
    return Error{fmt::format("what came has the hash {}, and {} was announced; it was removed.", found, place_.hash)};
  }
  if (const int error = ops_.sync(fd_)) return failed("written to the disk", error);
  if (const int error = ops_.close(std::exchange(fd_, -1))) return failed("written", error);
  if (const int error = ops_.rename(temporary(), place_.path)) return failed("put in its place", error);
  if (const int error = ops_.sync_folder(parent_folder(place_.path))) return failed("written to the disk", error);
  return {};
}

}  // namespace jamsu::hub

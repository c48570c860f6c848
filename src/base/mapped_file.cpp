#include "base/mapped_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/input_file.h"

namespace jamsu {

struct Mapping {
  std::string path;
  int fd = -1;
  std::byte* begin = nullptr;
  size_t size = 0;
  timespec written{};             // when the file was last written to, at open()
  std::atomic<int64_t> lost{-1};  // offset of a page that could not be read
  std::atomic<Mapping*> next{nullptr};

  ~Mapping() {
    if (begin) ::munmap(begin, size);
    if (fd >= 0) ::close(fd);
  }
};

namespace {

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // Linux 5.14; glibc 2.35
#endif
constexpr size_t kPage = 4096;  // of x86-64; what the kernel rounds a mapping up to

// The process' mappings, for the handler: changed under a mutex, read without one.
std::mutex changing;
std::atomic<Mapping*> first{nullptr};
std::atomic<int> reading{0};  // handlers in the list; what was taken out of it is freed when none is
struct sigaction before {};

// Zeros from the page of `address` to the mapping's end; false: it is not in there.
// In a signal handler: atomics and system calls alone.
bool put_zeros(Mapping& m, const std::byte* address) {
  const size_t end = (m.size + kPage - 1) / kPage * kPage;
  if (address < m.begin || address >= m.begin + end) return false;
  const size_t page = static_cast<size_t>(address - m.begin) / kPage * kPage;
  // Before the zeros can be read by anybody.
  int64_t none = -1;
  m.lost.compare_exchange_strong(none, static_cast<int64_t>(page));
  // The bare call: TSan takes mmap() for a write that races with the readers.
  return ::syscall(SYS_mmap, m.begin + page, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
         -1;
}

void on_bus_error(int signal, siginfo_t* info, void*) {
  const int error = errno;
  const bool fault = info->si_code > 0;  // an instruction's, not a kill()
  bool done = false;
  ++reading;
  for (Mapping* m = fault ? first.load() : nullptr; m && !done; m = m->next)
    done = put_zeros(*m, static_cast<const std::byte*>(info->si_addr));
  --reading;
  if (!done) {
    // The instruction runs again and meets the earlier handler; a kill() is sent again.
    ::sigaction(signal, &before, nullptr);
    if (!fault) ::raise(signal);
  }
  errno = error;
}

void add(Mapping& m) {
  const std::lock_guard lock(changing);
  static const bool handled = [] {
    struct sigaction ours {};
    ours.sa_sigaction = on_bus_error;
    ours.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigemptyset(&ours.sa_mask);
    return ::sigaction(SIGBUS, &ours, &before) == 0;
  }();
  JAMSU_CHECK(handled);
  m.next = first.load();
  first = &m;
}

void remove(Mapping& m) {
  {
    const std::lock_guard lock(changing);
    std::atomic<Mapping*>* at = &first;
    while (*at != &m) at = &at->load()->next;
    *at = m.next.load();
  }
  while (reading != 0) std::this_thread::yield();
}

Error cannot(const std::string& path, const char* what) {
  return Error{fmt::format("{}: cannot be {}: {}.", path, what, std::system_category().message(errno))};
}

}  // namespace

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  auto m = std::make_unique<Mapping>();
  m->path = path;
  const auto fd = open_to_read(path, Reads::files);
  if (!fd) return fd.error();
  m->fd = *fd;
  struct stat info {};
  if (::fstat(m->fd, &info)) return cannot(path, "read");
  m->written = info.st_mtim;
  if (info.st_size > 0) {
    void* data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, m->fd, 0);
    if (data == MAP_FAILED && errno == ENOMEM)
      return Error{fmt::format("{}: its {} bytes are more address space than this program may have (ulimit -v).", path,
                               info.st_size)};
    if (data == MAP_FAILED) return cannot(path, "mapped");
    m->begin = static_cast<std::byte*>(data);
    m->size = static_cast<size_t>(info.st_size);
  }
  return std::shared_ptr<MappedFile>(new MappedFile(std::move(m)));
}

MappedFile::MappedFile(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {
  add(*mapping_);
}
MappedFile::~MappedFile() {
  remove(*mapping_);
}

std::span<const std::byte> MappedFile::bytes() const {
  return {mapping_->begin, mapping_->size};
}

void MappedFile::read_ahead() const {
  // Pieces, so that the mappings of the process are not locked for longer than a read of that size takes. Linux before
  // 5.14 knows only the request to read.
  constexpr size_t kPiece = size_t{16} << 20;
  const Mapping& m = *mapping_;
  for (size_t at = 0; at < m.size; at += kPiece)
    if (::madvise(m.begin + at, std::min(kPiece, m.size - at), MADV_POPULATE_READ)) {
      if (errno == EINVAL) ::madvise(m.begin + at, m.size - at, MADV_WILLNEED);
      return;  // no page there to be read: whoever needs it finds out
    }
}

void forget_pages(std::span<const std::byte> bytes) {
  const std::lock_guard lock(changing);  // it stays mapped
  for (const Mapping* m = first.load(); m; m = m->next) {
    if (bytes.data() < m->begin || bytes.data() >= m->begin + m->size) continue;
    // Pages shared with neighbours too: they would be read again from the file.
    const size_t begin = static_cast<size_t>(bytes.data() - m->begin) / kPage * kPage;
    const size_t end = static_cast<size_t>(bytes.data() - m->begin) + bytes.size();
    ::madvise(m->begin + begin, std::min(end, m->size) - begin, MADV_DONTNEED);
    return;
  }
}

Status MappedFile::intact() const {
  const Mapping& m = *mapping_;
  struct stat now {};
  if (::fstat(m.fd, &now)) return cannot(m.path, "read");
  const auto size = static_cast<size_t>(now.st_size);
  if (size < m.size)
    return Error{fmt::format("{}: was cut short from {} to {} bytes while it was in use.", m.path, m.size, size)};
  if (size > m.size || now.st_mtim.tv_sec != m.written.tv_sec || now.st_mtim.tv_nsec != m.written.tv_nsec)
    return Error{fmt::format("{}: was written to while it was in use.", m.path)};
  // The size is right again, or has always been.
  if (const int64_t lost = m.lost; lost >= 0)
    return Error{
        fmt::format("{}: byte {} could not be read while it was in use: was it cut short, or does its disk "
                    "fail?",
                    m.path, lost)};
  return {};
}

}  // namespace jamsu

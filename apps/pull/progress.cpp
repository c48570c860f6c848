#include "apps/pull/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/printable.h"

namespace jamsu::pull {
namespace {

constexpr double kTerminalSeconds = 0.2, kLogSeconds = 30;  // between two lines about one file

int columns() {
  winsize size{};
  constexpr int kUsual = 80;
  return ::ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

// fmt's own printing throws where writing fails, and libcurl's callbacks pass no exception on. main() looks whether all
// has arrived.
void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

std::string bytes_text(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double n = static_cast<double>(bytes) / 1024;
  for (const char* unit : {"KiB", "MiB", "GiB"}) {
    if (n < 1000) return fmt::format("{:.1f} {}", n, unit);
    n /= 1024;
  }
  return fmt::format("{:.1f} TiB", n);
}

std::string_view fitting(std::string_view text, int columns) {
  size_t at = 0;
  for (int used = 0; at < text.size();) {
    size_t bytes = 1;
    while (at + bytes < text.size() && (static_cast<unsigned char>(text[at + bytes]) & 0xC0) == 0x80) ++bytes;
    used += bytes > 2 ? 2 : 1;  // three bytes and more: for our purpose wide
    if (used > columns) break;
    at += bytes;
  }
  return text.substr(0, at);
}

Rate::Rate(int64_t here) : first_(here), bytes_(here), begun_(monotonic_seconds()) {}

void Rate::at(int64_t bytes) {
  if (bytes < bytes_) first_ = 0, begun_ = monotonic_seconds();
  bytes_ = bytes;
}

int64_t Rate::per_second() const {
  const double seconds = std::max(monotonic_seconds() - begun_, 1e-3);
  return static_cast<int64_t>(static_cast<double>(std::max<int64_t>(came(), 0)) / seconds);
}

Progress::File::File(Progress& progress, std::string name, int64_t size, int64_t here)
    : progress_(progress),
      name_(std::move(name)),
      size_(size),
      bytes_(here),
      rate_(here),
      printed_(monotonic_seconds()) {
  const std::lock_guard lock(progress_.mutex_);
  progress_.files_.push_back(this);
  if (progress_.terminal_) progress_.draw();
}

Progress::File::~File() {
  const std::lock_guard lock(progress_.mutex_);
  progress_.files_.remove(this);
  if (!whole_ && progress_.drawn_ > 0) progress_.draw();
}

std::string Progress::File::text() const {
  return printable(
      fmt::format("{}  {} of {}  {}/s", name_, bytes_text(bytes_), bytes_text(size_), bytes_text(rate_.per_second())));
}

void Progress::File::at(int64_t bytes) {
  const std::lock_guard lock(progress_.mutex_);
  bytes_ = bytes;
  rate_.at(bytes);
  const double now = monotonic_seconds();
  if (progress_.terminal_) {
    if (now - progress_.drawn_at_ >= kTerminalSeconds) progress_.draw();
  } else if (now - printed_ >= kLogSeconds) {
    printed_ = now;
    progress_.print(text() + progress_.sum() + "\n");
  }
}

void Progress::File::end() {
  const std::lock_guard lock(progress_.mutex_);
  progress_.files_.remove(this);
  progress_.whole_ += size_;
  whole_ = true;
  constexpr int64_t kWorthARate = 1 << 20;
  const std::string rate =
      rate_.came() >= kWorthARate ? fmt::format("  {}/s", bytes_text(rate_.per_second())) : std::string();
  progress_.print(printable(fmt::format("{}  {}{}", name_, bytes_text(size_), rate)) + "\n");
}

void Progress::plan(int64_t total, int64_t here) {
  const std::lock_guard lock(mutex_);
  total_ = total;
  rate_ = Rate(here);
}

// "  12 % of all".
std::string Progress::sum() const {
  if (total_ <= 0) return {};
  int64_t here = whole_;
  for (const File* file : files_) here += file->bytes_;
  return fmt::format("  {:.0f} % of all", 100.0 * static_cast<double>(here) / static_cast<double>(total_));
}

void Progress::draw() {
  const int width = columns() - 1;
  int64_t here = whole_;
  std::string text = drawn_ > 0 ? fmt::format("\r\033[{}A", drawn_) : "\r";
  for (const File* file : files_) {
    here += file->bytes_;
    text += fmt::format("\033[K{}\n", fitting(file->text(), width));
  }
  rate_.at(here);
  drawn_ = static_cast<int>(files_.size());
  if (drawn_ > 0) {
    const std::string all = fmt::format("all  {} of {}  {}/s{}", bytes_text(here), bytes_text(total_),
                                        bytes_text(rate_.per_second()), sum());
    text += fmt::format("\033[K{}\n", fitting(all, width));
    ++drawn_;
  }
  put(text + "\033[J");  // what stood below
  drawn_at_ = monotonic_seconds();
}

void Progress::print(const std::string& text) {
  if (drawn_ == 0) return put(text);
  put(fmt::format("\r\033[{}A\033[J{}", drawn_, text));
  drawn_ = 0;
  draw();
}

void Progress::line(const std::string& text) {
  const std::lock_guard lock(mutex_);
  print(printable(text) + "\n");
}

void Progress::line_once(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (said_.insert(text).second) print(printable(text) + "\n");
}

}  // namespace jamsu::pull

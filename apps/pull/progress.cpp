#include "apps/pull/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/printable.h"

namespace jamsu::pull {
namespace {
constexpr double kTerminalSeconds = 0.2, kLogSeconds = 30;  // between two lines about one file
}

std::string bytes_text(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double n = static_cast<double>(bytes) / 1024;
  for (const char* unit : {"KiB", "MiB", "GiB"}) {
    if (n < 1000) return fmt::format("{:.1f} {}", n, unit);
    n /= 1024;
  }
  return fmt::format("{:.1f} TiB", n);
}

void Progress::begin(const std::string& file, int64_t size, int64_t here) {
  file_ = file, size_ = size, first_ = bytes_ = here;
  begun_ = printed_ = monotonic_seconds();
}

double Progress::rate() const {
  return static_cast<double>(std::max<int64_t>(bytes_ - first_, 0)) / std::max(monotonic_seconds() - begun_, 1e-3);
}

void Progress::at(int64_t bytes) {
  if (bytes < bytes_) first_ = 0, begun_ = monotonic_seconds();  // started again
  bytes_ = bytes;
  const double now = monotonic_seconds();
  if (now - printed_ < (terminal_ ? kTerminalSeconds : kLogSeconds)) return;
  printed_ = now;
  std::string text = fmt::format("{}  {} of {}  {}/s", file_, bytes_text(bytes), bytes_text(size_),
                                 bytes_text(static_cast<int64_t>(rate())));
  if (total_ > 0)
    text += fmt::format("  {:.0f} % of all", 100.0 * static_cast<double>(whole_ + bytes) / static_cast<double>(total_));
  if (!terminal_) return line(text);
  fmt::print("\r\033[K{}", printable(text));
  std::fflush(stdout);
}

void Progress::end() {
  const int64_t came = bytes_ - first_;
  whole_ += size_;
  line(fmt::format("{}  {}{}", file_, bytes_text(size_),
                   came >= 1 << 20 ? fmt::format("  {}/s", bytes_text(static_cast<int64_t>(rate()))) : std::string()));
}

void Progress::line(const std::string& text) {
  fmt::print("{}{}\n", terminal_ ? "\r\033[K" : "", printable(text));
  std::fflush(stdout);
}

}  // namespace jamsu::pull

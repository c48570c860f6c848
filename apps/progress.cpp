#include "apps/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "base/printable.h"
#include "unicode/utf8.h"

namespace jamsu::apps {
namespace {

// Blocks whose characters are two columns wide (Unicode's East_Asian_Width W and F, in the large).
int columns_of(char32_t c) {
  struct Block {
    char32_t first, last;
  };
  static constexpr Block kWide[] = {{0x1100, 0x115F},  {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xA960, 0xA97C},
                                    {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},
                                    {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF},
                                    {0x20000, 0x3FFFD}};
  return std::any_of(std::begin(kWide), std::end(kWide), [c](const Block& b) { return b.first <= c && c <= b.last; })
             ? 2
             : 1;
}

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);  // main() looks whether it arrived
}

int columns_of(std::string_view text) {
  int columns = 0;
  for (size_t i = 0; i < text.size();) {
    const unicode::Decoded d = unicode::decode_valid(text.data() + i);
    columns += columns_of(d.c);
    i += d.bytes;
  }
  return columns;
}

}  // namespace

std::string fitted(std::string_view text, int columns) {
  std::string shown = printable(text);  // valid UTF-8
  if (columns_of(shown) <= columns) return shown;
  int used = 1;  // of the mark
  size_t end = 0;
  while (end < shown.size()) {
    const unicode::Decoded d = unicode::decode_valid(shown.data() + end);
    if (used + columns_of(d.c) > columns) break;
    used += columns_of(d.c);
    end += d.bytes;
  }
  shown.resize(end);
  return columns > 0 ? shown + "…" : "";
}

StatusLine::StatusLine(bool codes) : terminal_(codes && ::isatty(STDOUT_FILENO) == 1) {
  if (!terminal_) return;
  // Signals are the main thread's matter.
  sigset_t all{}, before{};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    follower_ = std::thread([this] { follow_size(); });
  } catch (const std::system_error&) {  // no thread to spare: the line is drawn anew with the next step
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

StatusLine::~StatusLine() {
  close();
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  if (follower_.joinable()) follower_.join();
}

int StatusLine::columns() const {
  winsize size{};
  if (!terminal_) return 200;
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void StatusLine::follow_size() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, std::chrono::milliseconds(200), [this] { return end_; }))
    if (open_ && columns() != drawn_at_width_) draw();
}

// A terminal that has become narrower shows what was drawn in several rows.
void StatusLine::erase() {
  if (!open_) return;
  const int width = std::max(columns(), 1), rows = std::max((drawn_columns_ + width - 1) / width, 1);
  std::string codes = "\r";
  for (int row = 1; row < rows; ++row) codes += "\033[A";
  put(codes + "\033[J");
}

void StatusLine::draw() {
  erase();
  const int width = columns();
  std::string text;
  for (const std::string& field : fields_) {
    const std::string more = text.empty() ? field : "  " + field;
    if (columns_of(text) + columns_of(more) < width) text += more;
  }
  if (text.empty() && !fields_.empty()) text = fitted(fields_.front(), width - 1);
  put(text);
  std::fflush(stdout);
  drawn_columns_ = columns_of(text);
  drawn_at_width_ = width;
  open_ = true;
}

void StatusLine::show(std::vector<std::string> fields) {
  const std::lock_guard lock(mutex_);
  fields_ = std::move(fields);
  for (std::string& field : fields_) field = printable(field);
  if (terminal_) {
    draw();
    return;
  }
  std::string text;
  for (const std::string& field : fields_) text += (text.empty() ? "" : "  ") + field;
  put(text + "\n");
  std::fflush(stdout);
}

void StatusLine::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  const bool drawn = open_;
  erase();
  open_ = false;
  put(printable(text) + "\n");
  if (drawn) draw();
  std::fflush(stdout);
}

void StatusLine::close() {
  const std::lock_guard lock(mutex_);
  if (open_) put("\n");
  open_ = false;
  std::fflush(stdout);
}

}  // namespace jamsu::apps

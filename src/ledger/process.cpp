#include "ledger/process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/files.h"

namespace jamsu::ledger {
namespace {

std::string boot_id() {
  Result<std::string> text = read_file("/proc/sys/kernel/random/boot_id", 128);
  if (!text) return {};
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *text;
}

// Field 22 of proc(5)'s stat. The name before it stands in parentheses and may hold anything, ")" too.
int64_t start_ticks(int64_t pid) {
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return 0;
  size_t at = text->rfind(')');
  if (at == std::string::npos) return 0;
  for (int field = 2; field < 22; ++field) {
    at = text->find(' ', at + 1);
    if (at == std::string::npos) return 0;
  }
  int64_t ticks = 0;
  std::from_chars(text->data() + at + 1, text->data() + text->size(), ticks);
  return ticks;
}

std::string pid_namespace() {
  char text[64];
  const ssize_t n = ::readlink("/proc/self/ns/pid", text, sizeof text);
  return n > 0 ? std::string(text, static_cast<size_t>(n)) : std::string();
}

}  // namespace

Process this_process() {
  const int64_t pid = ::getpid();
  return {pid, start_ticks(pid), boot_id(), pid_namespace()};
}

bool may_run(const Process& process) {
  const std::string now = boot_id();
  if (now.empty() || process.boot_id.empty()) return true;
  if (now != process.boot_id) return false;
  if (pid_namespace() != process.space) return true;
  if (::kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH) return false;
  const int64_t ticks = start_ticks(process.pid);
  return ticks == 0 || process.start_ticks == 0 || ticks == process.start_ticks;
}

}  // namespace jamsu::ledger

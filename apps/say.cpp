#include "apps/say.h"

#include <fcntl.h>
#include <unistd.h>

#include <mutex>
#include <set>

namespace jamsu::apps {

void say(const std::string& message) {
  const std::string line = "jamsu: " + printable(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void say_once(const std::string& message) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(message).second) say(message);
}

int fail(const std::string& message) {
  say(message);
  return 1;
}

void print_lines(const std::string& text) {
  const std::string out = isatty(STDOUT_FILENO) == 1 ? printable_lines(text) : text;
  std::fwrite(out.data(), 1, out.size(), stdout);
}

void hold_standard_files() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) == -1 && ::open("/dev/null", O_RDONLY) != fd) return;  // the lowest free number is taken
}

}  // namespace jamsu::apps

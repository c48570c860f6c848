#include "regress/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

namespace jamsu::regress {
namespace {

using Clock = std::chrono::steady_clock;

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// What strace writes, a file a start.
const test::Folder& traces() {
  static const test::Folder folder;
  return folder;
}

// Its arguments before those of the program. The program stays our child (-D), and only calls about sockets stop it.
std::vector<std::string> watched_by_strace() {
  static int starts = 0;
  return {"strace",
          "-D",
          "-f",
          "--seccomp-bpf",
          "-qq",
          "-e",
          "trace=%network",
          "-e",
          "signal=none",
          "-o",
          traces() / std::to_string(starts++)};
}

std::vector<std::string> command_of(const Start& start, bool watched) {
  std::vector<std::string> command = watched ? watched_by_strace() : std::vector<std::string>();
  command.push_back(start.program.empty() ? JAMSU_PROGRAM : start.program);
  command.insert(command.end(), start.arguments.begin(), start.arguments.end());
  return command;
}
std::vector<std::string> command_of(const Start& start) {
  static const bool everything = std::getenv("JAMSU_WATCH") != nullptr;
  const bool fetches = !start.arguments.empty() && start.arguments[0] == "pull";  // jamsu-pull, which may
  return command_of(start,
                    (start.watched || (everything && !fetches)) && start.program.empty() && why_not_watched().empty());
}

// In the child: never returns.
[[noreturn]] void become(const Start& start, std::vector<std::string> command) {
  std::signal(SIGPIPE, SIG_DFL);  // as a shell starts programs; this one may ignore it by now
  ::setenv("JAMSU_HOME", start.home.c_str(), 1);
  ::setenv("HF_HUB_CACHE", (start.home + "/hub").c_str(), 1);
  ::setenv("TERM", "xterm", 1);
  ::setenv("no_proxy", "*", 1);
  for (const char* owners : {"HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"}) ::unsetenv(owners);
  for (const auto& [name, value] : start.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (start.isa.empty())
    ::unsetenv("JAMSU_ISA");
  else
    ::setenv("JAMSU_ISA", start.isa.c_str(), 1);
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  if (::chdir(JAMSU_SOURCE_DIR) == 0) ::execvp(argv[0], argv.data());
  ::_exit(127);
}

void move_to(int fd, int wanted) {
  ::dup2(fd, wanted);
  ::close(fd);
}

int open_or_die(const char* path, int flags) {
  const int fd = ::open(path, flags, 0644);
  if (fd < 0) ::_exit(126);
  return fd;
}

// Reads until every descriptor is at its end or time is over.
void drain(std::map<int, std::string*> open_ones) {
  const auto deadline = Clock::now() + std::chrono::seconds(kTimeoutSeconds);
  while (!open_ones.empty() && Clock::now() < deadline) {
    std::vector<pollfd> waiting;
    for (const auto& [fd, text] : open_ones) waiting.push_back({fd, POLLIN, 0});
    ::poll(waiting.data(), waiting.size(), 100);
    for (const pollfd& p : waiting) {
      if (p.revents == 0) continue;
      char bytes[4096];
      const ssize_t n = ::read(p.fd, bytes, sizeof bytes);
      if (n > 0)
        open_ones[p.fd]->append(bytes, static_cast<size_t>(n));
      else
        open_ones.erase(p.fd);
    }
  }
  if (!open_ones.empty()) ADD_FAILURE() << "the program did not end in " << kTimeoutSeconds << " s";
}

}  // namespace

boost::json::value Ended::json() const {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(out, error);
  if (error) ADD_FAILURE() << "not JSON: " << out << err;
  return value;
}

std::vector<boost::json::object> Ended::lines() const {
  std::vector<boost::json::object> objects;
  for (size_t begin = 0; begin < out.size();) {
    const size_t end = std::min(out.find('\n', begin), out.size());
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(out.substr(begin, end - begin), error);
    if (error || !value.is_object())
      ADD_FAILURE() << "not a JSON object: " << out.substr(begin, end - begin) << "\n" << err;
    else
      objects.push_back(value.as_object());
    begin = end + 1;
  }
  return objects;
}

namespace {

Ended run(const Start& start, const std::vector<std::string>& command) {
  int in[2], out[2], err[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) {
    ADD_FAILURE() << "no pipe";
    return {};
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    move_to(in[0], 0);
    move_to(start.output.empty() ? out[1] : open_or_die(start.output.c_str(), O_WRONLY), 1);
    move_to(err[1], 2);
    become(start, command);
  }
  for (const int fd : {in[0], out[1], err[1]}) ::close(fd);
  std::thread writer([&] {  // SIGPIPE is gtest's default: a program that reads no input must not end the test
    std::signal(SIGPIPE, SIG_IGN);
    if (!start.input.empty() && ::write(in[1], start.input.data(), start.input.size()) < 0) errno = 0;
    ::close(in[1]);
  });
  Ended ended;
  drain({{out[0], &ended.out}, {err[0], &ended.err}});
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) == 0) {
    ::kill(pid, testing::Test::HasFailure() ? SIGKILL : 0);
    ::waitpid(pid, &status, 0);
  }
  writer.join();
  ::close(out[0]);
  ::close(err[0]);
  ended.code = exit_code(status);
  return ended;
}

// The calls in what strace wrote: PID CALL(...) = ...
std::string calls_in(const std::string& path) {
  const Result<std::string> text = read_file(path);
  std::istringstream lines(text ? *text : std::string());
  std::string calls;
  for (std::string line; std::getline(lines, line);)
    if (!contains(line, "+++")) calls += line + "\n";  // +++ killed by SIGKILL +++
  return calls;
}

}  // namespace

Ended run(const Start& start) {
  return run(start, command_of(start));
}

const std::string& why_not_watched() {
  static const std::string reason = []() -> std::string {
#ifdef JAMSU_SANITIZED
    return "sanitizers and strace do not go together";
#else
    // The control: a program that does open a socket is seen doing so.
    const Start control{.arguments = {}, .home = traces() / "home", .program = JAMSU_OPENS_A_SOCKET};
    const Ended ended = run(control, command_of(control, true));
    const std::string calls = network_calls();
    if (ended.code == 0 && contains(calls, "socket(AF_INET")) return {};
    return fmt::format("strace does not see a program open a socket (exit code {}): {}{}", ended.code, ended.err,
                       calls);
#endif
  }();
  return reason;
}

std::string network_calls() {
  std::string calls;
  for (const auto& entry : std::filesystem::directory_iterator(traces().path())) calls += calls_in(entry.path());
  for (const auto& entry : std::filesystem::directory_iterator(traces().path())) std::filesystem::remove(entry.path());
  return calls;
}

Background::Background(const Start& start) {
  const std::vector<std::string> command = command_of(start);
  pid_ = ::fork();
  if (pid_ != 0) return;
  move_to(open_or_die("/dev/null", O_RDONLY), 0);
  move_to(open_or_die(start.output.empty() ? "/dev/null" : start.output.c_str(), O_WRONLY), 1);
  become(start, command);
}
Background::~Background() {
  if (running()) kill(SIGKILL);
}
bool Background::running() const {
  return ::kill(pid_, 0) == 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0;
}
int Background::kill(int signal) const {
  int status = 0;
  ::kill(pid_, signal);
  ::waitpid(pid_, &status, 0);
  return exit_code(status);
}

Terminal::Terminal(const Start& start) {
  const winsize size{.ws_row = 40, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
  const std::vector<std::string> command = command_of(start);
  pid_ = ::forkpty(&master_, nullptr, nullptr, &size);
  if (pid_ == 0) become(start, command);
}
Terminal::~Terminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (master_ >= 0) ::close(master_);
}

void Terminal::type(const std::string& keys) {
  if (::write(master_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) ADD_FAILURE() << "not typed";
}

bool Terminal::read_some() {
  pollfd p{master_, POLLIN, 0};
  if (::poll(&p, 1, 100) <= 0) return true;
  char bytes[4096];
  const ssize_t n = ::read(master_, bytes, sizeof bytes);
  if (n > 0) unread_.append(bytes, static_cast<size_t>(n));
  return n > 0;  // EIO: the program has closed the terminal
}

std::string Terminal::until(const std::string& text) {
  const auto deadline = Clock::now() + std::chrono::seconds(kTimeoutSeconds);
  size_t at = std::string::npos;
  while ((at = unread_.find(text)) == std::string::npos)
    if (!read_some() || Clock::now() > deadline) {
      ADD_FAILURE() << "\"" << text << "\" did not come; instead: " << unread_;
      return std::exchange(unread_, {});
    }
  std::string seen = unread_.substr(0, at + text.size());
  unread_.erase(0, at + text.size());
  return seen;
}

std::string Terminal::rest(int& code) {
  const auto deadline = Clock::now() + std::chrono::seconds(kTimeoutSeconds);
  while (read_some())
    if (Clock::now() > deadline) {
      ADD_FAILURE() << "the program did not end; so far: " << unread_;
      return std::exchange(unread_, {});
    }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  code = exit_code(status);
  return std::exchange(unread_, {});
}

int Terminal::hang_up() {
  ::close(std::exchange(master_, -1));
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return exit_code(status);
}

std::string ProgramTest::file(const std::string& name, const std::string& content) const {
  const std::string path = folder_ / name;
  const Status written = write_file(path, content);
  if (!written) ADD_FAILURE() << written.error().message;
  return path;
}

std::vector<boost::json::object> ProgramTest::runs() const {
  const Ended ended = jamsu({"ledger", "--json", "--last", "1000"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  std::vector<boost::json::object> runs;
  const boost::json::value json = ended.json();
  for (const auto& run : json.at("runs").as_array()) runs.push_back(run.as_object());
  return runs;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace jamsu::regress

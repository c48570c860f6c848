#pragma once
// The built program as a user meets it: its exit code, what it prints, and a terminal to type into.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/faults.h"

namespace jamsu::regress {

inline constexpr int kTimeoutSeconds = 120;  // nothing waits that long but where something is broken

// Arguments and environment of a start. JAMSU_HOME is always set: a test must not write into the owner's ledger.
struct Start {
  std::vector<std::string> arguments;
  std::string home;
  std::string input = {};                               // of stdin; none: the end at once
  std::string output = {};                              // a file instead of the pipe
  std::string isa = {};                                 // JAMSU_ISA
  std::string program = {};                             // instead of jamsu: a path, or a name that PATH knows
  std::map<std::string, std::string> environment = {};  // besides
  bool watched = false;                                 // by strace, where it can be
  // HF_HUB_CACHE is HOME/hub: no test reads the owner's models.
};

struct Ended {
  int code = -1;  // 128 + signal when killed
  std::string out, err;
  boost::json::value json() const;                 // of the whole output
  std::vector<boost::json::object> lines() const;  // one object a line
};
Ended run(const Start& start);

// strace watches a start for system calls about sockets: where the test asks for it, and with JAMSU_WATCH=1 (test.sh
// sets it) every start of the suite, so that each test ends with "it used no network". The reason why nothing can be
// watched; empty: it can. Sanitized programs cannot, LeakSanitizer being a tracer itself.
const std::string& why_not_watched();
// What strace wrote since it was last asked, a line a call.
std::string network_calls();

// A program in the background; its stdout goes to start.output.
class Background {
 public:
  explicit Background(const Start& start);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  bool running() const;
  int kill(int signal) const;  // and waits for its end: the exit code

 private:
  int pid_ = -1;
};

// The program on a terminal of its own (a pseudo-terminal, xterm, 100 columns).
class Terminal {
 public:
  explicit Terminal(const Start& start);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(const std::string& keys);
  // Waits until `text` comes and returns what came before and with it since the last call.
  // Fails the test when it does not come.
  std::string until(const std::string& text);
  // Everything to the end of the program, and its exit code.
  std::string rest(int& code);
  // The window is closed: the exit code.
  int hang_up();

 private:
  bool read_some();
  int pid_ = -1, master_ = -1;
  std::string unread_;
};

// A folder for JAMSU_HOME and the files of one test.
class ProgramTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(network_calls(), "") << "jamsu used the network"; }
  Ended jamsu(std::vector<std::string> arguments, std::string input = {}) const {
    return run({.arguments = std::move(arguments), .home = home(), .input = std::move(input), .watched = watched_});
  }
  std::string home() const { return folder_ / "home"; }
  // Writes a file of the test; its path.
  std::string file(const std::string& name, const std::string& content) const;
  // The runs of `jamsu ledger --json`, newest first.
  std::vector<boost::json::object> runs() const;
  test::Folder folder_;
  bool watched_ = false;
};

bool contains(const std::string& text, const std::string& part);

}  // namespace jamsu::regress

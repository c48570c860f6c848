#include "ledger/ledger.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <ctime>
#include <fstream>
#include <set>
#include <thread>

#include "base/faults.h"
#include "base/files.h"
#include "ledger/process.h"

namespace {

int64_t wall_clock_set_by = 0;  // seconds; the monotonic clock stays
std::set<std::string> synced;   // files

int sync_noted(int fd, int call) {
  char path[4096];
  const ssize_t n = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  if (n > 0) synced.emplace(path, static_cast<size_t>(n));
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

// Of this program and of the libraries that it links.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  if (clock == CLOCK_REALTIME) time->tv_sec += wall_clock_set_by;
  return result;
}
extern "C" int fsync(int fd) {
  return sync_noted(fd, SYS_fsync);
}
extern "C" int fdatasync(int fd) {
  return sync_noted(fd, SYS_fdatasync);
}

namespace jamsu::ledger {
namespace {

using test::Folder;

const Rates kRates{"KRW", 200.0, 36000.0};

Ledger must_open(const std::string& folder, const Rates& rates = kRates) {
  Result<Ledger> ledger = Ledger::open(folder, rates);
  if (!ledger) ADD_FAILURE() << ledger.error().message;
  return std::move(*ledger);
}

TEST(Ledger, KeepsWhatARunWasAndCost) {
  const Folder folder;
  {
    Ledger ledger = must_open(folder / "home/of/mine");
    const RunId id = *ledger.start({.kind = "pretrain", .model = "nano", .note = "recipes/nano.toml"});
    ASSERT_TRUE(ledger.update(id, {.tokens = 1'000, .flops = 2e12, .cpu_seconds = 3.5, .joules = 7.2e6}).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ASSERT_TRUE(ledger.finish(id, Ending::finished).ok());
    ASSERT_TRUE(ledger.finish(id, Ending::failed).ok());  // the first word stays
  }
  const Ledger again = must_open(folder / "home/of/mine", {"USD", 1.0, 1.0});  // later rates price no old run
  const std::vector<ledger::Run> runs = *again.list();
  ASSERT_EQ(runs.size(), 1u);
  const ledger::Run& run = runs[0];
  EXPECT_EQ(run.description.kind, "pretrain");
  EXPECT_EQ(run.description.model, "nano");
  EXPECT_EQ(run.description.note, "recipes/nano.toml");
  EXPECT_EQ(run.ending, Ending::finished);
  EXPECT_EQ(run.counters.tokens, 1000);
  EXPECT_EQ(run.counters.flops, 2e12);
  EXPECT_EQ(run.counters.cpu_seconds, 3.5);
  EXPECT_EQ(run.counters.joules, 7.2e6);
  EXPECT_EQ(run.rates.currency, "KRW");
  EXPECT_GE(run.seconds, 0.05);
  EXPECT_LT(run.seconds, 30);
  // 2 kWh at 200, and hours at 36,000 (10 a second).
  EXPECT_DOUBLE_EQ(run.price(), 400 + 10 * run.seconds);
}

TEST(Ledger, TotalsCountFailedRunsAndKeepCurrenciesApart) {
  const Folder folder;
  Ledger ledger = must_open(folder.path());
  for (const Ending ending : {Ending::finished, Ending::failed, Ending::interrupted}) {
    const RunId id = *ledger.start({.kind = "sft", .model = "nano", .note = ""});
    ASSERT_TRUE(ledger.update(id, {.tokens = 10, .flops = 5, .cpu_seconds = 1, .joules = 3.6e6}).ok());
    ASSERT_TRUE(ledger.finish(id, ending).ok());
  }
  Ledger dollars = must_open(folder.path(), {"USD", 0.3, 0});
  const RunId id = *dollars.start({.kind = "sft", .model = "nano", .note = ""});
  ASSERT_TRUE(dollars.update(id, {.tokens = 1, .flops = 0, .cpu_seconds = 0, .joules = 7.2e6}).ok());
  ASSERT_TRUE(dollars.finish(id, Ending::finished).ok());
  ASSERT_TRUE(dollars.start({.kind = "chat", .model = "nano", .note = ""}).ok());

  const std::vector<Total> totals = *ledger.totals();
  ASSERT_EQ(totals.size(), 3u);
  EXPECT_EQ(totals[0].kind, "chat");
  EXPECT_EQ(totals[0].unfinished, 1);
  EXPECT_EQ(totals[0].joules, 0);
  EXPECT_EQ(totals[1].currency, "KRW");
  EXPECT_EQ(totals[1].runs, 3);
  EXPECT_EQ(totals[1].unfinished, 2);
  EXPECT_EQ(totals[1].tokens, 30);
  EXPECT_EQ(totals[1].flops, 15);
  EXPECT_EQ(totals[1].cpu_seconds, 3);
  EXPECT_NEAR(totals[1].price, 600 + 10 * totals[1].seconds, 1e-9);
  EXPECT_EQ(totals[2].currency, "USD");
  EXPECT_NEAR(totals[2].price, 0.6, 1e-12);
}

TEST(Ledger, NewestFirstUpToTheLimit) {
  const Folder folder;
  Ledger ledger = must_open(folder.path());
  for (const char* model : {"a", "b", "c"})
    ASSERT_TRUE(ledger.start({.kind = "eval", .model = model, .note = ""}).ok());
  const std::vector<ledger::Run> runs = *ledger.list(2);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].description.model, "c");
  EXPECT_EQ(runs[1].description.model, "b");
  EXPECT_FALSE(runs[0].counters.joules.has_value());
  EXPECT_EQ(runs[0].ending, Ending::running);  // this process lives
}

// Starts a run in another process, which then waits or ends without a word. Returns its pid once the run stands.
pid_t run_elsewhere(const std::string& folder, bool wait) {
  int ready[2];
  if (::pipe(ready) != 0) return -1;
  const pid_t pid = ::fork();
  if (pid == 0) {
    Result<Ledger> ledger = Ledger::open(folder, kRates);
    const bool ok = ledger && ledger->start({.kind = "generate", .model = "nano", .note = ""}).ok();
    if (::write(ready[1], ok ? "y" : "n", 1) != 1) ::_exit(2);
    while (wait) ::pause();
    ::_exit(0);
  }
  ::close(ready[1]);
  char answer = 'n';
  EXPECT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  ::close(ready[0]);
  return pid;
}

TEST(Ledger, FindsKilledRunsAtTheNextOpenAndLeavesLivingOnes) {
  const Folder folder;
  const pid_t living = run_elsewhere(folder.path(), true), dead = run_elsewhere(folder.path(), true);
  ASSERT_GT(living, 0);
  ASSERT_GT(dead, 0);
  ::kill(dead, SIGKILL);
  ::waitpid(dead, nullptr, 0);
  {
    Ledger ledger = must_open(folder.path());
    const std::vector<ledger::Run> runs = *ledger.list();
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[0].ending, Ending::killed);
    EXPECT_EQ(runs[1].ending, Ending::running);
    // A process that speaks after all was not killed.
    ASSERT_TRUE(ledger.finish(runs[0].id, Ending::interrupted).ok());
    EXPECT_EQ((*ledger.list())[0].ending, Ending::interrupted);
  }
  ::kill(living, SIGKILL);
  ::waitpid(living, nullptr, 0);
  EXPECT_EQ((*must_open(folder.path()).list())[1].ending, Ending::killed);
}

TEST(Process, IsKnownByItsStartAndBootToo) {
  const Process self = this_process();
  EXPECT_TRUE(may_run(self));
  EXPECT_GT(self.start_ticks, 0);
  Process reused = self;
  reused.start_ticks += 1;
  EXPECT_FALSE(may_run(reused));
  Process earlier_boot = self;
  earlier_boot.boot_id = "00000000-0000-0000-0000-000000000000";
  EXPECT_FALSE(may_run(earlier_boot));
  Process contained = self;
  contained.space = "pid:[1]";
  contained.start_ticks += 1;
  EXPECT_TRUE(may_run(contained));  // nothing is known of another container's processes
}

TEST(Ledger, TwoProcessesWriteAtOnce) {
  const Folder folder;
  constexpr int kProcesses = 4, kRuns = 50;
  std::vector<pid_t> pids;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      Result<Ledger> ledger = Ledger::open(folder.path(), kRates);  // the first to come makes the tables
      if (!ledger) ::_exit(1);
      for (int i = 0; i < kRuns; ++i) {
        const Result<RunId> id = ledger->start({.kind = "generate", .model = "nano", .note = ""});
        if (!id || !ledger->update(*id, {.tokens = 2, .flops = 0, .cpu_seconds = 0, .joules = {}}) ||
            !ledger->finish(*id, Ending::finished))
          ::_exit(2);
      }
      ::_exit(0);
    }
    pids.push_back(pid);
  }
  for (const pid_t pid : pids) {
    int status = -1;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const std::vector<Total> totals = *must_open(folder.path()).totals();
  ASSERT_EQ(totals.size(), 1u);
  EXPECT_EQ(totals[0].runs, kProcesses * kRuns);
  EXPECT_EQ(totals[0].unfinished, 0);
  EXPECT_EQ(totals[0].tokens, 2 * kProcesses * kRuns);
}

TEST(Ledger, IsReadableByItsOwnerAlone) {
  const Folder folder;
  must_open(folder.path());
  struct stat info {};
  ASSERT_EQ(::stat((folder / "ledger.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

TEST(Ledger, DamageIsAnErrorThatNamesTheFile) {
  const Folder folder;
  const std::string path = folder / "ledger.db";
  ASSERT_TRUE(write_file(path, std::string(8192, 'x')).ok());
  const Result<Ledger> ledger = Ledger::open(folder.path(), kRates);
  ASSERT_FALSE(ledger.ok());
  EXPECT_NE(ledger.error().message.find(path), std::string::npos) << ledger.error().message;
  EXPECT_NE(ledger.error().message.find("not a database"), std::string::npos) << ledger.error().message;
}

TEST(Ledger, AnyFlippedRegionGivesAnErrorOrAnAnswerNeverACrash) {
  const Folder folder;
  const std::string path = folder / "ledger.db";
  {
    Ledger ledger = must_open(folder.path());
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(ledger.start({.kind = "eval", .model = "nano", .note = "n"}).ok());
  }
  const std::string whole = *read_file(path);
  ASSERT_GT(whole.size(), 8192u);  // tables beyond the first page: closing wrote the WAL back
  int errors = 0;
  for (size_t at = 0; at < whole.size(); at += 512) {
    std::string damaged = whole;
    for (size_t i = at; i < std::min(at + 64, whole.size()); ++i) damaged[i] = static_cast<char>(~damaged[i]);
    ASSERT_TRUE(write_file(path, damaged).ok());
    Result<Ledger> ledger = Ledger::open(folder.path(), kRates);
    errors += !ledger || !ledger->totals() || !ledger->list();
  }
  EXPECT_GT(errors, 2);
}

TEST(Ledger, AFolderThatCannotBeIsAnError) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder / "file", "").ok());
  const Result<Ledger> under_a_file = Ledger::open(folder / "file/home", kRates);
  ASSERT_FALSE(under_a_file.ok());
  EXPECT_NE(under_a_file.error().message.find("file/home"), std::string::npos);
  std::filesystem::create_directories(folder / "home/ledger.db");
  const Result<Ledger> a_folder_in_its_place = Ledger::open(folder / "home", kRates);
  ASSERT_FALSE(a_folder_in_its_place.ok());
  EXPECT_NE(a_folder_in_its_place.error().message.find("ledger.db: cannot be written"), std::string::npos);
}

TEST(Ledger, ANewerSchemaIsRefused) {
  const Folder folder;
  must_open(folder.path());
  std::string bytes = *read_file(folder / "ledger.db");
  bytes[63] = 9;  // user_version: big-endian at offset 60 of the header (sqlite.org/fileformat2.html)
  ASSERT_TRUE(write_file(folder / "ledger.db", bytes).ok());
  const Result<Ledger> ledger = Ledger::open(folder.path(), kRates);
  ASSERT_FALSE(ledger.ok());
  EXPECT_NE(ledger.error().message.find("newer jamsu"), std::string::npos) << ledger.error().message;
}

// A clock that somebody sets during a run (NTP, a wrong RTC) is no time that the run took.
TEST(Ledger, TimeIsCountedByAClockThatNobodySets) {
  for (const int64_t jump : {86'400'000, -86'400'000}) {
    const Folder folder;
    Ledger ledger = must_open(folder.path());
    const RunId id = *ledger.start({.kind = "sft", .model = "nano", .note = ""});
    wall_clock_set_by = jump;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(ledger.update(id, {.tokens = 1, .flops = 1, .cpu_seconds = 1, .joules = {}}).ok());
    const double then = (*ledger.list())[0].seconds;
    EXPECT_GE(then, 0.01);
    EXPECT_LT(then, 600);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(ledger.finish(id, Ending::finished).ok());
    wall_clock_set_by = 0;
    EXPECT_GT((*ledger.list())[0].seconds, then);
    EXPECT_LT((*ledger.totals())[0].seconds, 600);
  }
}

// Rows as anybody's editor may leave them: no value of one column hides another row, or a sum.
TEST(Ledger, ARowThatCannotBeCountsAsNothingAndHidesNoOther) {
  const char* values[] = {"1e300",    "-1e300",  "9e999", "-9e999", "9223372036854775807", "-9223372036854775808",
                          "'a text'", "x'00ff'", "''",    "-5",     "253402300800"};
  for (const char* column : {"start", "last", "tokens", "flops", "cpu_seconds", "joules", "per_kwh", "per_hour", "pid",
                             "pid_start", "boot", "space", "kind", "model", "note", "currency", "ending"}) {
    for (const char* value : values) {
      const Folder folder;
      {
        Ledger ledger = must_open(folder.path());
        for (int i = 0; i < 3; ++i) {
          const RunId id = *ledger.start({.kind = "sft", .model = "nano", .note = ""});
          ASSERT_TRUE(ledger.update(id, {.tokens = 10, .flops = 5, .cpu_seconds = 1, .joules = 3.6e6}).ok());
          ASSERT_TRUE(ledger.finish(id, Ending::finished).ok());
        }
      }
      sqlite3* db = nullptr;
      ASSERT_EQ(sqlite3_open((folder / "ledger.db").c_str(), &db), SQLITE_OK);
      const std::string change = std::string("UPDATE run SET ") + column + " = " + value + " WHERE id > 1";
      ASSERT_EQ(sqlite3_exec(db, change.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << change;
      sqlite3_close(db);
      const Ledger ledger = must_open(folder.path());
      const auto runs = ledger.list();
      const auto totals = ledger.totals();
      ASSERT_TRUE(runs && totals) << change;
      ASSERT_EQ(runs->size(), 3u) << change;
      int64_t counted = 0;
      for (const ledger::Run& run : *runs) {
        for (const double amount : {run.start, run.seconds, run.counters.flops, run.counters.cpu_seconds,
                                    run.counters.joules.value_or(0), run.price()}) {
          EXPECT_TRUE(std::isfinite(amount)) << change;
          EXPECT_GE(amount, 0) << change;
        }
        EXPECT_GE(run.counters.tokens, 0) << change;
        EXPECT_LT(run.seconds, 1e12) << change;
      }
      for (const Total& total : *totals) {
        counted += total.runs;
        for (const double amount : {total.flops, total.seconds, total.cpu_seconds, total.joules, total.price}) {
          EXPECT_TRUE(std::isfinite(amount)) << change;
          EXPECT_GE(amount, 0) << change;
        }
        EXPECT_GE(total.tokens, 0) << change;
      }
      EXPECT_EQ(counted, 3) << change;
      const bool impossible = std::string_view(value) != "''" && std::string_view(column) == "start";
      if (impossible) {
        EXPECT_FALSE((*runs)[0].dated) << change;
      }
      EXPECT_TRUE((*runs)[2].dated) << change;
    }
  }
}

// The disk is asked for: without that a ledger may be torn when the power goes.
TEST(Ledger, ItsFilesReachTheDisk) {
  const Folder folder;
  synced.clear();
  {
    Ledger ledger = must_open(folder.path());
    ASSERT_TRUE(ledger.finish(*ledger.start({.kind = "sft", .model = "nano", .note = ""}), Ending::finished).ok());
  }
  EXPECT_TRUE(synced.contains(folder / "ledger.db-wal"));
  EXPECT_TRUE(synced.contains(folder / "ledger.db"));
}

}  // namespace
}  // namespace jamsu::ledger

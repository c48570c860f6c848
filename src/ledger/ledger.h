#pragma once
// What was run here and what it cost: one row a run, in SQLite under a folder of the owner's. Runs that failed or were
// killed count as well. Holds names, counts and seconds; never the content of a prompt or an answer.
//
//   auto ledger = Ledger::open(home, rates);
//   if (!ledger) warn(ledger.error());                  // the main work goes on without an account
//   RunId id = *ledger->start({.kind = "generate", .model = "pretrained/nano"});
//   ledger->update(id, {.tokens = 120, .flops = 3e9, .cpu_seconds = 0.4});
//   ledger->finish(id, Ending::finished);
//
// Any number of processes may have one folder open (WAL, a busy timeout). A Ledger is used by one thread at a time.
// Its file may have been written by anybody: a value of a row that can't be (a negative time, energy beyond a double, a
// text for a number) counts as 0, and every other row as ever.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sqlite3;

namespace jamsu::ledger {

// What a kilowatt-hour and an hour of this machine cost.
// Kept with each run, so that a later change prices no old run anew.
struct Rates {
  std::string currency = "USD";
  double per_kwh = 0;
  double per_hour = 0;
  // Of so many seconds and joules (none counted: none paid).
  double price(double seconds, const std::optional<double>& joules) const;
};

// How a run ended. `running`: not yet. `killed`: its process is gone and said nothing; found by the next open().
enum class Ending : uint8_t { running, finished, failed, interrupted, killed };
std::string_view ending_name(Ending ending);

using RunId = int64_t;

struct Description {
  std::string kind;   // the verb: pretrain, sft, eval, generate, chat, ...
  std::string model;  // a name or a folder
  std::string note;   // a recipe's or a run's name; never text of a user
};

// Totals since the start of the run.
struct Counters {
  int64_t tokens = 0;
  double flops = 0;
  double cpu_seconds = 0;
  std::optional<double> joules;  // where the machine tells (machine/energy.h)
};

struct Run {
  RunId id = 0;
  Description description;
  Counters counters;
  Rates rates;
  Ending ending = Ending::running;
  double start = 0;      // wall seconds since 1970
  double seconds = 0;    // until its end, by a clock that nobody sets; of a running or killed one until its last update
  bool dated = true;     // false: the row's start is no date, and `start` is 0
  double price() const;  // in rates.currency: hours and kilowatt-hours by its rates
};

// Sums over runs, apart by kind and currency. Tokens stop at the largest number that there is.
struct Total {
  std::string kind;
  std::string currency;
  int64_t runs = 0, unfinished = 0;  // unfinished: those that ended otherwise than `finished`, of `runs`
  int64_t tokens = 0;
  double flops = 0, seconds = 0, cpu_seconds = 0, joules = 0, price = 0;
};

class Ledger {
 public:
  // Opens or makes folder/ledger.db, and marks runs whose process is gone as killed.
  // Errors: the folder cannot be made or written, the file is no database or damaged, or one of a newer jamsu.
  static Result<Ledger> open(const std::string& folder, const Rates& rates);
  Ledger(Ledger&&) noexcept = default;
  Ledger& operator=(Ledger&&) noexcept = default;
  ~Ledger() = default;

  // Errors of all below: the database cannot be written or read
  // (a full disk, a lock held for more than 5 seconds, damage).
  Result<RunId> start(const Description& description);
  // Of a run that start() of this object began: its time is what a clock that nobody sets has counted since then.
  Status update(RunId id, const Counters& counters);
  // The last word on a run: a second call changes nothing. A run that another object began keeps the time of its last
  // update. REQUIRES: ending is neither running nor killed.
  Status finish(RunId id, Ending ending);
  // Newest first, at most `limit`.
  Result<std::vector<Run>> list(int64_t limit = 50) const;
  // By kind, in alphabetical order.
  Result<std::vector<Total>> totals() const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  Ledger(std::unique_ptr<sqlite3, Close> db, std::string path, Rates rates)
      : db_(std::move(db)), path_(std::move(path)), rates_(std::move(rates)) {}
  Status mark_killed();
  double seconds_of(RunId id) const;

  std::unique_ptr<sqlite3, Close> db_;
  std::string path_;
  Rates rates_;
  std::map<RunId, double> begun_;  // by monotonic_seconds()
};

}  // namespace jamsu::ledger

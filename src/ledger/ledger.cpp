#include "ledger/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "ledger/process.h"
#include "ledger/sqlite.h"

namespace jamsu::ledger {
namespace {

constexpr int kSchema = 1;  // user_version; raised with a step in make_schema when a column is added
constexpr int kBusyMs = 5000;

constexpr const char* kSchemaSql = R"(
  CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, model TEXT NOT NULL, note TEXT NOT NULL,
    start REAL NOT NULL, last REAL NOT NULL, ending TEXT NOT NULL,
    tokens INTEGER NOT NULL DEFAULT 0, flops REAL NOT NULL DEFAULT 0, cpu_seconds REAL NOT NULL DEFAULT 0, joules REAL,
    currency TEXT NOT NULL, per_kwh REAL NOT NULL, per_hour REAL NOT NULL,
    pid INTEGER NOT NULL, pid_start INTEGER NOT NULL, boot TEXT NOT NULL, space TEXT NOT NULL);
  CREATE INDEX run_ending ON run (ending);
  PRAGMA user_version = 1;)";

constexpr double kJoulesPerKwh = 3.6e6;

Status execute(sqlite3* db, std::string_view path, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return sqlite_error(db, path);
  return {};
}

// The switch to WAL takes an exclusive lock without calling SQLite's busy handler:
// wait here when others open the file too.
Status switch_to_wal(sqlite3* db, std::string_view path) {
  const double deadline = monotonic_seconds() + kBusyMs / 1000.0;
  for (;;) {
    const Status s = execute(db, path, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    if (s || (sqlite3_errcode(db) & 0xFF) != SQLITE_BUSY || monotonic_seconds() > deadline) return s;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// In one transaction, so that of two processes that find no table one makes it and the other finds it.
Status make_schema(sqlite3* db, std::string_view path) {
  if (Status s = execute(db, path, "BEGIN IMMEDIATE"); !s) return s;
  Statement version(db, path, "PRAGMA user_version");
  const Result<bool> row = version.step();
  if (!row) return row.error();
  const int64_t found = version.integer(0);
  if (found > kSchema)
    return Error{fmt::format("{}: is of a newer jamsu (schema {}, this one knows {}).", path, found, kSchema)};
  if (found == 0)
    if (Status s = execute(db, path, kSchemaSql); !s) return s;
  if (Status s = version.run(); !s) return s;
  return execute(db, path, "COMMIT");
}

// Readable by its owner alone: it tells what somebody did when.
Status make_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Error{fmt::format("{}: cannot be written: {}.", path, std::generic_category().message(errno))};
  ::close(fd);
  return {};
}

Ending ending_from(std::string_view name) {
  for (const Ending e : {Ending::running, Ending::finished, Ending::failed, Ending::interrupted})
    if (name == ending_name(e)) return e;
  return Ending::killed;
}

}  // namespace

std::string_view ending_name(Ending ending) {
  switch (ending) {
    case Ending::running:
      return "running";
    case Ending::finished:
      return "finished";
    case Ending::failed:
      return "failed";
    case Ending::interrupted:
      return "interrupted";
    case Ending::killed:
      return "killed";
  }
  return "?";
}

double Rates::price(double seconds, const std::optional<double>& joules) const {
  return seconds / 3600.0 * per_hour + joules.value_or(0) / kJoulesPerKwh * per_kwh;
}

double Run::price() const {
  return std::min(rates.price(seconds, counters.joules), std::numeric_limits<double>::max());
}

void Ledger::Close::operator()(sqlite3* db) const {
  sqlite3_close(db);
}

Result<Ledger> Ledger::open(const std::string& folder, const Rates& rates) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Error{fmt::format("{}: cannot be made: {}.", folder, error.message())};
  const std::string path = folder + "/ledger.db";
  if (Status s = make_private_file(path); !s) return s.error();
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<sqlite3, Close> db(raw);
  if (!db) return Error{fmt::format("{}: no memory to open it.", path)};
  if (code != SQLITE_OK) return sqlite_error(db.get(), path);
  sqlite3_busy_timeout(db.get(), kBusyMs);
  // A ledger may sit in a folder that others can write: run nothing it brings along.
  sqlite3_db_config(db.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (Status s = switch_to_wal(db.get(), path); !s) return s.error();
  if (Status s = make_schema(db.get(), path); !s) return s.error();
  Ledger ledger(std::move(db), path, rates);
  if (Status s = ledger.mark_killed(); !s) return s.error();
  return ledger;
}

Status Ledger::mark_killed() {
  std::vector<RunId> gone;
  Statement running(db_.get(), path_, "SELECT id, pid, pid_start, boot, space FROM run WHERE ending = 'running'");
  for (;;) {
    const Result<bool> row = running.step();
    if (!row) return row.error();
    if (!*row) break;
    if (!may_run({running.integer(1), running.integer(2), running.text(3), running.text(4)}))
      gone.push_back(running.integer(0));
  }
  for (const RunId id : gone) {
    Statement mark(db_.get(), path_, "UPDATE run SET ending = 'killed' WHERE id = ? AND ending = 'running'");
    if (Status s = mark.bind(id).run(); !s) return s;
  }
  return {};
}

Result<RunId> Ledger::start(const Description& d) {
  const Process process = this_process();
  const double now = wall_seconds();
  Statement insert(db_.get(), path_,
                   "INSERT INTO run (kind, model, note, start, last, ending, currency, per_kwh, per_hour, pid, "
                   "pid_start, boot, space) VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?) RETURNING id");
  insert.bind(d.kind).bind(d.model).bind(d.note).bind(now).bind(now);
  insert.bind(rates_.currency).bind(rates_.per_kwh).bind(rates_.per_hour);
  insert.bind(process.pid).bind(process.start_ticks).bind(process.boot_id).bind(process.space);
  const Result<bool> row = insert.step();
  if (!row) return row.error();
  const RunId id = insert.integer(0);
  if (Status s = insert.run(); !s) return s.error();
  begun_[id] = monotonic_seconds();
  return id;
}

// Since its start here; 0: it was begun elsewhere.
double Ledger::seconds_of(RunId id) const {
  const auto begun = begun_.find(id);
  return begun == begun_.end() ? 0 : monotonic_seconds() - begun->second;
}

Status Ledger::update(RunId id, const Counters& c) {
  Statement set(db_.get(), path_,
                "UPDATE run SET tokens = ?, flops = ?, cpu_seconds = ?, joules = ?, last = max(last, start + ?) "
                "WHERE id = ?");
  set.bind(c.tokens).bind(c.flops).bind(c.cpu_seconds);
  c.joules ? set.bind(*c.joules) : set.bind_null();
  return set.bind(seconds_of(id)).bind(id).run();
}

Status Ledger::finish(RunId id, Ending ending) {
  JAMSU_CHECK(ending != Ending::running && ending != Ending::killed);
  // `killed` gives way: who still speaks was not.
  Statement set(db_.get(), path_,
                "UPDATE run SET ending = ?, last = max(last, start + ?) WHERE id = ? AND ending IN ('running', "
                "'killed')");
  return set.bind(ending_name(ending)).bind(seconds_of(id)).bind(id).run();
}

namespace {

constexpr const char* kColumns =
    "SELECT id, kind, model, note, start, last, ending, tokens, flops, cpu_seconds, joules, currency, per_kwh, "
    "per_hour "
    "FROM run";
constexpr double kYear10000 = 253402300800.0;  // of seconds since 1970; what dates are written with ends there

// An amount as this program writes it, else 0.
double amount(double value) {
  return std::isfinite(value) && value >= 0 ? value : 0;
}

// Of amounts; what is beyond a double stays at the largest.
double finite_sum(double a, double b) {
  return std::min(a + b, std::numeric_limits<double>::max());
}

Run run_of(const Statement& row) {
  Run run;
  run.id = row.integer(0);
  run.description = {row.text(1), row.text(2), row.text(3)};
  const double start = row.real(4), last = row.real(5);
  run.dated = row.is_number(4) && start >= 0 && start < kYear10000;
  run.start = run.dated ? start : 0;
  run.seconds = run.dated && last < kYear10000 ? amount(last - start) : 0;
  run.ending = ending_from(row.text(6));
  run.counters = {std::max<int64_t>(row.integer(7), 0), amount(row.real(8)), std::min(amount(row.real(9)), kYear10000),
                  std::nullopt};
  if (row.is_number(10)) run.counters.joules = amount(row.real(10));
  run.rates = {row.text(11), amount(row.real(12)), amount(row.real(13))};
  return run;
}

}  // namespace

Result<std::vector<Run>> Ledger::list(int64_t limit) const {
  Statement rows(db_.get(), path_, fmt::format("{} ORDER BY id DESC LIMIT ?", kColumns).c_str());
  rows.bind(limit);
  std::vector<Run> runs;
  for (;;) {
    const Result<bool> row = rows.step();
    if (!row) return row.error();
    if (!*row) return runs;
    runs.push_back(run_of(rows));
  }
}

// Summed here and not by SQLite, whose sum() ends with an error at the first overflow.
Result<std::vector<Total>> Ledger::totals() const {
  Statement rows(db_.get(), path_, kColumns);
  std::map<std::pair<std::string, std::string>, Total> totals;
  for (;;) {
    const Result<bool> row = rows.step();
    if (!row) return row.error();
    if (!*row) break;
    const Run run = run_of(rows);
    Total& t = totals[{run.description.kind, run.rates.currency}];
    t.kind = run.description.kind;
    t.currency = run.rates.currency;
    t.runs += 1;
    t.unfinished += run.ending != Ending::finished;
    if (__builtin_add_overflow(t.tokens, run.counters.tokens, &t.tokens)) t.tokens = INT64_MAX;
    t.flops = finite_sum(t.flops, run.counters.flops);
    t.seconds = finite_sum(t.seconds, run.seconds);
    t.cpu_seconds = finite_sum(t.cpu_seconds, run.counters.cpu_seconds);
    t.joules = finite_sum(t.joules, run.counters.joules.value_or(0));
    t.price = finite_sum(t.price, run.price());
  }
  std::vector<Total> sums;
  for (auto& [key, total] : totals) sums.push_back(std::move(total));
  return sums;
}

}  // namespace jamsu::ledger

#pragma once
// One run of a verb in the ledger. Where the ledger cannot be written that is said once on stderr, and the work goes
// on.
#include <optional>
#include <string>

#include "apps/verbs.h"
#include "ledger/ledger.h"
#include "machine/energy.h"

namespace jamsu::apps {

// What an hour and a kilowatt-hour cost: $JAMSU_HOME/rates.json, written by `jamsu ledger --currency ...`; nothing
// costs anything where there is none. Errors: the file is damaged or holds something else; they name it.
Result<ledger::Rates> read_rates(const std::string& home);
Status write_rates(const std::string& home, const ledger::Rates& rates);

class Account {
 public:
  // Starts the run. The note is a recipe's or a file's name; never text of a user.
  Account(const Globals& globals, const ledger::Description& description);
  // A run that nobody finished has failed.
  ~Account() { finish(ledger::Ending::failed); }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  // What the run has cost so far, as its row in the ledger counts: time, and energy where the machine tells. A text
  // like "0.42 KRW"; empty where no rate applies.
  std::string price();
  // Totals since the start. Written every second or so, so that a killed run keeps its costs.
  void count(int64_t tokens, double flops);
  // Writes the totals now: for who waits long between counts (a chat between two questions).
  void keep() { write(); }
  // The first call counts.
  void finish(ledger::Ending ending);

 private:
  void write();
  void trouble(const Error& error);

  ledger::Rates rates_;
  std::optional<ledger::Ledger> ledger_;
  ledger::RunId id_ = 0;
  machine::EnergyMeter energy_;
  int64_t tokens_ = 0;
  double flops_ = 0, started_ = 0, written_ = 0;
};

}  // namespace jamsu::apps

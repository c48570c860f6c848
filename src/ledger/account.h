#pragma once
// One run in the ledger, from its beginning to however it ends. Where the ledger cannot be written that is said once,
// and the work goes on.
#include <functional>
#include <optional>
#include <string>

#include "ledger/ledger.h"
#include "machine/energy.h"

namespace jamsu::ledger {

// What an hour and a kilowatt-hour cost: HOME/rates.json, written by `jamsu ledger --currency ...`; nothing
// costs anything where there is none. Errors: the file is damaged or holds something else; they name it.
Result<Rates> read_rates(const std::string& home);
Status write_rates(const std::string& home, const Rates& rates);

class Account {
 public:
  // Starts the run in HOME's ledger. The note is a recipe's or a file's name; never text of a user. `say` gets what a
  // person should read: that prices are left out, that this run is not in the ledger; each once.
  using Say = std::function<void(const std::string& message)>;
  Account(const std::string& home, const Description& description, Say say);
  // A run that nobody finished has failed. Where memory has ended its row stays as it was, which the next open() finds.
  ~Account();
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
  void finish(Ending ending);

 private:
  void write();
  void trouble(const Error& error);

  Say say_;
  Rates rates_;
  std::optional<Ledger> ledger_;
  RunId id_ = 0;
  machine::EnergyMeter energy_;
  int64_t tokens_ = 0;
  double flops_ = 0, started_ = 0, written_ = 0;
};

}  // namespace jamsu::ledger

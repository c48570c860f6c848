#include "ledger/account.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <exception>
#include <filesystem>

#include "base/clock.h"
#include "base/files.h"
#include "formats/strict_json.h"

namespace jamsu::ledger {
namespace {

constexpr double kWriteEverySeconds = 1;

std::string rates_path(const std::string& home) {
  return home + "/rates.json";
}

}  // namespace

Result<Rates> read_rates(const std::string& home) {
  const std::string path = rates_path(home);
  std::error_code error;
  Rates rates;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return rates;
  if (!std::filesystem::is_regular_file(status)) return Error{path + ": is no ordinary file."};  // a pipe: no end
  const auto text = read_file(path, 1 << 16);
  if (!text) return text.error();
  const auto value = formats::parse_strict_json(*text, path, 4);
  if (!value) return value.error();
  if (!value->is_object()) return Error{path + ": not an object"};
  for (const auto& [key, member] : value->as_object()) {
    double* number = key == "per_kwh" ? &rates.per_kwh : key == "per_hour" ? &rates.per_hour : nullptr;
    if (key == "currency" && member.is_string() && member.as_string().size() <= 16)
      rates.currency = std::string(member.as_string());
    else if (number && member.is_number() && member.to_number<double>() >= 0)
      *number = member.to_number<double>();
    else
      return Error{fmt::format(
          "{}: \"{}\": expected \"currency\" (a short text), \"per_kwh\" and \"per_hour\" (numbers, not below 0)", path,
          std::string_view(key))};
  }
  return rates;
}

Status write_rates(const std::string& home, const Rates& rates) {
  std::error_code error;
  std::filesystem::create_directories(home, error);
  if (error) return Error{fmt::format("{}: cannot be made: {}.", home, error.message())};
  JAMSU_CHECK(std::isfinite(rates.per_kwh) && std::isfinite(rates.per_hour));
  const boost::json::object object{
      {"currency", rates.currency}, {"per_kwh", rates.per_kwh}, {"per_hour", rates.per_hour}};
  return write_file(rates_path(home), boost::json::serialize(object) + "\n");
}

Account::Account(const std::string& home, const Description& description, Say say)
    : say_(std::move(say)), started_(monotonic_seconds()), written_(started_) {
  auto rates = read_rates(home);
  if (rates)
    rates_ = std::move(*rates);
  else
    say_("prices are left out: " + rates.error().message);
  Result<Ledger> opened = Ledger::open(home, rates_);
  if (!opened) {
    trouble(opened.error());
    return;
  }
  ledger_.emplace(std::move(*opened));
  const auto id = ledger_->start(description);
  if (id)
    id_ = *id;
  else
    trouble(id.error());
  // What price() tells never exceeds the row's: opening the ledger, which may wait for a disk, is no part of the run.
  started_ = written_ = monotonic_seconds();
}

Account::~Account() {
  try {
    finish(Ending::failed);
  } catch (const std::exception&) {  // the exception that ended the run is on its way: it is the one to be told
  }
}

std::string Account::price() {
  const double price = rates_.price(monotonic_seconds() - started_, energy_.joules());
  return price > 0 ? fmt::format("{:.2f} {}", price, rates_.currency) : std::string();
}

void Account::count(int64_t tokens, double flops) {
  tokens_ = tokens;
  flops_ = flops;
  if (monotonic_seconds() - written_ >= kWriteEverySeconds) write();
}

void Account::finish(Ending ending) {
  if (!ledger_) return;
  write();
  if (ledger_)
    if (const auto s = ledger_->finish(id_, ending); !s) trouble(s.error());
  ledger_.reset();
}

void Account::write() {
  written_ = monotonic_seconds();
  if (!ledger_) return;
  const auto s = ledger_->update(
      id_, {.tokens = tokens_, .flops = flops_, .cpu_seconds = cpu_seconds(), .joules = energy_.joules()});
  if (!s) trouble(s.error());
}

void Account::trouble(const Error& error) {
  say_("this run is not in the ledger: " + error.message);
  ledger_.reset();
}

}  // namespace jamsu::ledger

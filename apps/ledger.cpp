// jamsu ledger: what was run here and what it cost, failed runs included.
#include "ledger/ledger.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <iostream>

#include "apps/verbs.h"
#include "ledger/account.h"
#include "unicode/utf8.h"

namespace jamsu::apps {
namespace {

struct Options {
  bool json = false;
  int64_t last = 20;
  std::string currency;
  std::optional<double> per_kwh, per_hour;
};

// "3.2 s", "4:05 min", "2:03:10 h".
std::string duration(double seconds) {
  constexpr double kMost = 9e15;  // of a sum over rows that somebody else wrote
  const auto s = static_cast<int64_t>(std::min(seconds, kMost));
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02} h", s / 3600, s / 60 % 60, s % 60);
}

// Local time; "?" where the row holds no date.
std::string date(const ledger::Run& run) {
  if (!run.dated) return "?";
  const auto seconds = static_cast<std::time_t>(run.start);
  std::tm local{};
  return ::localtime_r(&seconds, &local) ? fmt::format("{:%Y-%m-%d %H:%M}", local) : "?";
}

// A row's text may be any bytes; JSON is UTF-8.
std::string text(std::string_view bytes) {
  return unicode::to_valid_utf8(bytes);
}

boost::json::value joules_of(const std::optional<double>& joules) {
  return joules ? boost::json::value(*joules) : boost::json::value();
}

void print_json(const std::vector<ledger::Run>& runs, const std::vector<ledger::Total>& totals) {
  boost::json::array listed, summed;
  for (const auto& r : runs)
    listed.push_back({{"id", r.id},
                      {"kind", text(r.description.kind)},
                      {"model", text(r.description.model)},
                      {"note", text(r.description.note)},
                      {"start", r.dated ? boost::json::value(r.start) : boost::json::value()},
                      {"seconds", r.seconds},
                      {"ending", ledger::ending_name(r.ending)},
                      {"tokens", r.counters.tokens},
                      {"flops", r.counters.flops},
                      {"cpu_seconds", r.counters.cpu_seconds},
                      {"joules", joules_of(r.counters.joules)},
                      {"price", r.price()},
                      {"currency", text(r.rates.currency)}});
  for (const auto& t : totals)
    summed.push_back({{"kind", text(t.kind)},
                      {"runs", t.runs},
                      {"unfinished", t.unfinished},
                      {"tokens", t.tokens},
                      {"flops", t.flops},
                      {"seconds", t.seconds},
                      {"cpu_seconds", t.cpu_seconds},
                      {"joules", t.joules},
                      {"price", t.price},
                      {"currency", text(t.currency)}});
  std::cout << boost::json::object{{"runs", listed}, {"totals", summed}} << "\n";
}

void print_text(const std::vector<ledger::Run>& runs, const std::vector<ledger::Total>& totals,
                const ledger::Rates& rates) {
  if (runs.empty()) {
    print("No run yet.\n");
    return;
  }
  print("{:>5}  {:<16}  {:<9}  {:<11}  {:>13}  {:>13}  {:>9}  {:>9}  {:>12}  {}\n", "run", "start", "kind", "ended",
        "time", "tokens", "TFLOP", "kJ", "price", "model");
  for (const auto& r : runs)
    print("{:>5}  {:<16}  {:<9}  {:<11}  {:>13}  {:>13}  {:>9.3g}  {:>9}  {:>8.4f} {}  {}{}\n", r.id, date(r),
          r.description.kind, ledger::ending_name(r.ending), duration(r.seconds), r.counters.tokens,
          r.counters.flops / 1e12, r.counters.joules ? fmt::format("{:.1f}", *r.counters.joules / 1e3) : "-", r.price(),
          r.rates.currency, r.description.model, r.description.note.empty() ? "" : " (" + r.description.note + ")");
  print("\nin all\n");
  for (const auto& t : totals)
    print("  {:<9} {:>6} runs, {} not finished; {}, CPU {}; {} tokens, {:.4g} TFLOP, {:.1f} kJ, {:.4f} {}\n", t.kind,
          t.runs, t.unfinished, duration(t.seconds), duration(t.cpu_seconds), t.tokens, t.flops / 1e12, t.joules / 1e3,
          t.price, t.currency);
  if (rates.per_hour == 0 && rates.per_kwh == 0)
    print(
        "\nNo rates are set: jamsu ledger --currency KRW --per-kwh 150 --per-hour 20 prices the runs from then on.\n");
}

int run(const Options& o, const Globals& globals) {
  auto rates = ledger::read_rates(globals.places.home);
  if (!rates) {  // no run is hidden by it, and what is set now replaces it
    say(rates.error().message + "; no prices are known until they are set again");
    rates = ledger::Rates{};
  }
  if (!o.currency.empty() || o.per_kwh || o.per_hour) {
    if (!o.currency.empty()) rates->currency = o.currency;
    rates->per_kwh = o.per_kwh.value_or(rates->per_kwh);
    rates->per_hour = o.per_hour.value_or(rates->per_hour);
    if (auto s = ledger::write_rates(globals.places.home, *rates); !s) return fail(s.error());
    print("From now on: {} {} a kWh, {} {} an hour.\n", rates->per_kwh, rates->currency, rates->per_hour,
          rates->currency);
    return 0;
  }
  const auto ledger = ledger::Ledger::open(globals.places.home, *rates);
  if (!ledger) return fail(ledger.error());
  const auto runs = ledger->list(o.last);
  if (!runs) return fail(runs.error());
  const auto totals = ledger->totals();
  if (!totals) return fail(totals.error());
  if (o.json)
    print_json(*runs, *totals);
  else
    print_text(*runs, *totals, *rates);
  return 0;
}

}  // namespace

void add_ledger(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb =
      app.add_subcommand("ledger", "every run here with its tokens, FLOPs, time, energy and price; and the sums");
  verb->add_option("--last", options->last, "list so many runs, newest first (default 20); the sums are over all")
      ->range(int64_t{1}, int64_t{1} << 40);
  verb->add_flag("--json", options->json, "one JSON object");
  verb->add_option("--currency", options->currency, "set the currency of later runs")
      ->check(
          [](const std::string& s) {
            return s.empty() || s.size() > 16 ? std::string("1 to 16 bytes") : std::string();
          },
          "TEXT");
  verb->add_option("--per-kwh", options->per_kwh, "set the price of a kilowatt-hour")->range(0.0, 1e9);
  verb->add_option("--per-hour", options->per_hour, "set the price of an hour of this machine")->range(0.0, 1e9);
  verb->footer("Example: jamsu ledger --last 5");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps

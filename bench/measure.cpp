#include "bench/measure.h"

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"

namespace jamsu::bench {

machine::Spread spread_of(std::vector<double> values) {
  JAMSU_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) { return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))]; };
  return {at(0.5), at(0.25), at(0.75)};
}

double runs_per_second(const std::function<void()>& once) {
  constexpr double kSliceSeconds = 0.06;
  const double start = monotonic_seconds();
  int64_t runs = 0;
  double seconds = 0;
  do {
    once();
    ++runs;
    seconds = monotonic_seconds() - start;
  } while (seconds < kSliceSeconds);
  return static_cast<double>(runs) / seconds;
}

Line against_peak(std::string name, double flops, const std::function<void()>& once, kernels::Isa isa, ThreadPool& pool,
                  int rounds) {
  std::vector<double> rates, ratios;
  once();  // memory is touched, packs are made
  for (int r = 0; r < rounds; ++r) {
    const double rate = flops * runs_per_second(once);
    ratios.push_back(rate / machine::measure_peak(isa, pool, 1).median);
    rates.push_back(rate);
  }
  return {std::move(name), "FLOP/s", spread_of(std::move(rates)), spread_of(std::move(ratios)), rounds, 0};
}

namespace {

Line between(std::string name, std::string unit, const std::function<Work()>& once,
             const std::function<double()>& reference, int rounds) {
  std::vector<double> rates, ratios;
  once();
  double before = reference();
  for (int r = 0; r < rounds; ++r) {
    const Work work = once();
    const double after = reference();
    rates.push_back(work.amount / work.seconds);
    ratios.push_back(work.cost / work.seconds / ((before + after) / 2));
    before = after;
  }
  return {std::move(name), std::move(unit), spread_of(std::move(rates)), spread_of(std::move(ratios)), rounds, 0};
}

}  // namespace

Line between_peaks(std::string name, std::string unit, const std::function<Work()>& once, kernels::Isa isa,
                   ThreadPool& pool, int rounds) {
  return between(
      std::move(name), std::move(unit), once, [&] { return machine::measure_peak(isa, pool, 1).median; }, rounds);
}

Line between_bandwidths(std::string name, std::string unit, const std::function<Work()>& once, ThreadPool& pool,
                        int rounds) {
  Line line = between(
      std::move(name), std::move(unit), once, [&] { return machine::measure_read_bandwidth(pool, 1).median; }, rounds);
  line.of_bandwidth = true;
  return line;
}

}  // namespace jamsu::bench

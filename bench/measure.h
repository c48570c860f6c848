#pragma once
// The protocol (bench/README.md): kernels in slices, ours and the peak in turn;
// longer work whole, between two slices of the peak.
#include <functional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "bench/bench.h"

namespace jamsu::bench {

// Median and quartiles. REQUIRES: not empty.
machine::Spread spread_of(std::vector<double> values);

// Runs of `once` a second, over a slice of about 60 ms.
double runs_per_second(const std::function<void()>& once);

// A kernel: `flops` a run of `once`.
Line against_peak(std::string name, double flops, const std::function<void()>& once, kernels::Isa isa, ThreadPool& pool,
                  int rounds);

// Longer work: `once` runs it whole and says what came of it, and what it cost of what it is measured against.
struct Work {
  double amount = 0, cost = 0, seconds = 0;  // cost: FLOP, or bytes
};
Line between_peaks(std::string name, std::string unit, const std::function<Work()>& once, kernels::Isa isa,
                   ThreadPool& pool, int rounds);
// The same between two slices of the read bandwidth.
Line between_bandwidths(std::string name, std::string unit, const std::function<Work()>& once, ThreadPool& pool,
                        int rounds);

}  // namespace jamsu::bench

#pragma once
// Joules by RAPL (Linux powercap): what the CPU packages and their memory used. Many systems let only root read it,
// virtual machines have none; then there is no figure, and nobody makes one up.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace jamsu::machine {

class EnergyMeter {
 public:
  // Counts from now on. `root` is replaced by tests.
  explicit EnergyMeter(const std::string& root = "/sys/class/powercap");

  bool readable() const { return !zones_.empty(); }
  // Since construction; empty where nothing can be read. The counters wrap around (a package at 200 W every 20 minutes
  // or so): call it at least once a minute. Not thread-safe.
  std::optional<double> joules();

 private:
  struct Zone {
    std::string path;  // of energy_uj
    int64_t range_uj;  // the counter's largest value
    int64_t last_uj;
  };
  std::vector<Zone> zones_;
  double joules_ = 0;
};

}  // namespace jamsu::machine

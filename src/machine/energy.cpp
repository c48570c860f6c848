#include "machine/energy.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/files.h"

namespace jamsu::machine {
namespace {

namespace fs = std::filesystem;

std::optional<int64_t> read_number(const std::string& path) {
  const Result<std::string> text = read_file(path, 64);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;
  return value;
}

// Packages and the memory beside them.
// "core" and "uncore" lie within a package, "psys" around all: they would count twice.
bool counts(const std::string& name) {
  return name.starts_with("package-") || name == "dram";
}

}  // namespace

EnergyMeter::EnergyMeter(const std::string& root) {
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    const std::string folder = it->path().string();
    // "intel-rapl:0" and below; AMD's have that name too. "intel-rapl-mmio:0" repeats the same counters.
    if (!it->path().filename().string().starts_with("intel-rapl:")) continue;
    Result<std::string> name = read_file(folder + "/name", 64);
    if (!name) continue;
    while (!name->empty() && name->back() == '\n') name->pop_back();
    if (!counts(*name)) continue;
    const std::optional<int64_t> now = read_number(folder + "/energy_uj"),
                                 range = read_number(folder + "/max_energy_range_uj");
    if (now && range) zones_.push_back({folder + "/energy_uj", *range, *now});
  }
}

std::optional<double> EnergyMeter::joules() {
  if (zones_.empty()) return std::nullopt;
  for (Zone& zone : zones_) {
    const std::optional<int64_t> now = read_number(zone.path);
    if (!now) continue;
    const int64_t step =
        *now >= zone.last_uj ? *now - zone.last_uj : *now + std::max<int64_t>(zone.range_uj - zone.last_uj, 0);
    joules_ += static_cast<double>(step) * 1e-6;
    zone.last_uj = *now;
  }
  return joules_;
}

}  // namespace jamsu::machine

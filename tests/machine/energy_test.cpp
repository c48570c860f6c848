#include "machine/energy.h"

#include <gtest/gtest.h>

#include "base/faults.h"
#include "base/files.h"

namespace jamsu::machine {
namespace {

using test::Folder;

void zone(const Folder& root, const std::string& zone, const std::string& name, int64_t energy_uj) {
  std::filesystem::create_directories(root / zone);
  ASSERT_TRUE(write_file(root / zone + "/name", name + "\n").ok());
  ASSERT_TRUE(write_file(root / zone + "/max_energy_range_uj", "1000000000\n").ok());
  ASSERT_TRUE(write_file(root / zone + "/energy_uj", std::to_string(energy_uj) + "\n").ok());
}
void set(const Folder& root, const std::string& zone, int64_t energy_uj) {
  ASSERT_TRUE(write_file(root / zone + "/energy_uj", std::to_string(energy_uj) + "\n").ok());
}

TEST(Energy, AddsPackagesAndMemoryAndNothingTwice) {
  const Folder root;
  zone(root, "intel-rapl:0", "package-0", 5'000'000);
  zone(root, "intel-rapl:0:0", "core", 1'000'000);
  zone(root, "intel-rapl:0:1", "dram", 100);
  zone(root, "intel-rapl:1", "package-1", 0);
  zone(root, "intel-rapl:2", "psys", 0);
  zone(root, "intel-rapl-mmio:0", "package-0", 0);
  EnergyMeter meter(root.path());
  ASSERT_TRUE(meter.readable());
  EXPECT_EQ(meter.joules(), 0.0);
  set(root, "intel-rapl:0", 8'000'000);      // 3 J
  set(root, "intel-rapl:0:0", 900'000'000);  // within the package
  set(root, "intel-rapl:0:1", 500'100);      // 0.5 J
  set(root, "intel-rapl:1", 250'000);        // 0.25 J
  set(root, "intel-rapl:2", 900'000'000);
  set(root, "intel-rapl-mmio:0", 900'000'000);
  EXPECT_DOUBLE_EQ(*meter.joules(), 3.75);
  EXPECT_DOUBLE_EQ(*meter.joules(), 3.75);
}

TEST(Energy, ACounterThatWrapsGoesOn) {
  const Folder root;
  zone(root, "intel-rapl:0", "package-0", 999'000'000);
  EnergyMeter meter(root.path());
  set(root, "intel-rapl:0", 2'000'000);  // 1 J to the end, 2 J after it
  EXPECT_NEAR(*meter.joules(), 3.0, 1e-9);
}

TEST(Energy, WithoutCountersThereIsNoFigure) {
  const Folder root;
  EXPECT_FALSE(EnergyMeter(root / "not-there").joules().has_value());
  zone(root, "intel-rapl:0", "package-0", 1);
  ASSERT_TRUE(write_file(root / "intel-rapl:0/energy_uj", "lots\n").ok());
  EXPECT_FALSE(EnergyMeter(root.path()).readable());
}

}  // namespace
}  // namespace jamsu::machine

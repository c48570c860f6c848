#pragma once
// What this computer is: asked of CPUID and of the system, never measured (machine/measure.h does that).
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cpu_features.h"
#include "kernels/registry.h"

namespace jamsu::machine {

struct Cpu {
  std::string model;              // as the CPU names itself
  int usable_cores = 1;           // of this process (affinity), hardware threads
  int64_t l1d_bytes = 0;          // of one core; 0 where the system does not say, as in the next two
  int64_t l2_bytes = 0;           // of one core
  int64_t l3_bytes = 0;           // of the cores that share it with the first
  int64_t memory_bytes = 0;       // in all
  int64_t memory_free_bytes = 0;  // that could be taken now without swapping; 0: not said
  int numa_nodes = 1;
  std::vector<kernels::Isa> isas;  // for which there are kernels here, ascending; never empty
  kernels::Amx amx = kernels::Amx::no_cpu;
};

Cpu this_cpu();

// "AMX: this CPU has none", ...: one line for a person.
std::string describe_amx(kernels::Amx amx);

// "32K", "1024K", "16M" as sysfs writes sizes; 0 for anything else. Apart for its test.
int64_t parse_size(std::string_view text);

}  // namespace jamsu::machine

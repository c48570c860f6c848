#include "kernels/test_isas.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kernels/amx_emulator.h"
#include "kernels/cpu_features.h"

namespace jamsu::kernels::test {
namespace {

std::vector<Isa> runnable() {
  std::vector<Isa> isas = available_isas();
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::avx512bf16})
    if (std::find(isas.begin(), isas.end(), isa) == isas.end())
      std::printf("%s: not on this CPU, not run\n", std::string(isa_name(isa)).c_str());
  if (isas.back() == Isa::amx) return isas;
  if (isas.back() != Isa::avx512bf16) {
    std::printf("amx: this CPU lacks its tiles and the AVX-512 that runs beside the emulated ones, not run\n");
  } else if (emulate_amx_where_missing()) {
    std::printf("amx: not on this CPU, emulated through SIGILL\n");
    isas.push_back(Isa::amx);
  }
  return isas;
}

std::vector<Isa> chosen() {
  const std::vector<Isa> all = runnable();
  const char* name = std::getenv("JAMSU_ISA");
  if (!name || !*name) return all;
  const auto isa = isa_from_name(name);
  if (!isa) {
    std::printf("JAMSU_ISA=%s: no such instruction set (ref, avx2, avx512, avx512bf16, amx)\n", name);
    std::abort();
  }
  if (std::find(all.begin(), all.end(), *isa) != all.end()) return {*isa};
  std::printf("JAMSU_ISA=%s: absent on this CPU, its cases are not run\n", name);
  return {};
}

}  // namespace

const std::vector<Isa>& test_isas() {
  static const std::vector<Isa> isas = chosen();
  return isas;
}

std::vector<Isa> fast_isas() {
  std::vector<Isa> isas = test_isas();
  std::erase(isas, Isa::ref);
  return isas;
}

Isa test_isa() {
  const char* name = std::getenv("JAMSU_ISA");
  if (!name || !*name) return best_isa();
  return test_isas().empty() ? Isa::ref : test_isas().front();
}

}  // namespace jamsu::kernels::test

// jamsu doctor: what this computer is, and what it can do, measured.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>
#include <set>

#include "apps/verbs.h"
#include "base/thread_pool.h"
#include "machine/cpu.h"
#include "machine/energy.h"
#include "machine/measure.h"

namespace jamsu::apps {
namespace {

struct Options {
  bool json = false;
  int slices = 9;
};

struct Measured {
  int threads;
  machine::Spread peak, bandwidth;
};

std::string bytes_text(int64_t bytes) {
  if (bytes == 0) return "?";
  if (bytes < 1 << 20) return fmt::format("{} KiB", bytes >> 10);
  if (bytes < int64_t{10} << 30) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
}

boost::json::object spread_json(const machine::Spread& s) {
  return {{"median", s.median}, {"lower_quartile", s.lower}, {"upper_quartile", s.upper}};
}

std::vector<std::string> isa_names(const machine::Cpu& cpu) {
  std::vector<std::string> names;
  for (const auto isa : cpu.isas) names.emplace_back(kernels::isa_name(isa));
  return names;
}

// What the bits are computed with there: tiles and VDPBF16PS take bf16, the others widen it and use f32 FMA.
const char* peak_instruction(kernels::Isa isa) {
  switch (isa) {
    case kernels::Isa::amx:
      return "bf16 tile products (tdpbf16ps)";
    case kernels::Isa::avx512bf16:
      return "bf16 products, 512 bits (vdpbf16ps)";
    case kernels::Isa::avx512:
      return "f32 FMA, 512 bits";
    case kernels::Isa::avx2:
      return "f32 FMA, 256 bits";
    default:
      return "no loop for this CPU";
  }
}

int run(const Options& o, const Globals& globals) {
  const machine::Cpu cpu = machine::this_cpu();
  const kernels::Isa isa = globals.chosen_isa();
  const bool energy = machine::EnergyMeter().readable();
  if (!o.json) {
    fmt::print("CPU        {}, {} thread(s) usable; L1d {}, L2 {}, L3 {}\n", cpu.model, cpu.usable_cores,
               bytes_text(cpu.l1d_bytes), bytes_text(cpu.l2_bytes), bytes_text(cpu.l3_bytes));
    fmt::print("memory     {}, {} free, {} NUMA node(s)\n", bytes_text(cpu.memory_bytes),
               bytes_text(cpu.memory_free_bytes), cpu.numa_nodes);
    fmt::print("kernels    {}; in use {} (JAMSU_ISA forces one; results are the same)\n",
               fmt::join(isa_names(cpu), " "), kernels::isa_name(globals.chosen_isa()));
    fmt::print("           {}\n", machine::describe_amx(cpu.amx));
    fmt::print("energy     {}\n", energy ? "RAPL can be read; runs are accounted in joules"
                                         : "RAPL cannot be read here; runs are accounted in hours only");
    std::fflush(stdout);
  }
  std::vector<Measured> measured;
  for (const int threads : std::set<int>{1, globals.thread_count()}) {
    ThreadPool pool(threads);
    if (!pool.shortage().empty()) say(pool.shortage());
    measured.push_back(
        {pool.threads(), machine::measure_peak(isa, pool, o.slices), machine::measure_read_bandwidth(pool, o.slices)});
    const Measured& m = measured.back();
    if (o.json) continue;
    fmt::print("{:>2} thread(s)  peak {:.1f} GFLOP/s (quartiles {:.1f}-{:.1f}), {}\n", threads, m.peak.median / 1e9,
               m.peak.lower / 1e9, m.peak.upper / 1e9, peak_instruction(isa));
    fmt::print("              reads {:.1f} GB/s from memory (quartiles {:.1f}-{:.1f})\n", m.bandwidth.median / 1e9,
               m.bandwidth.lower / 1e9, m.bandwidth.upper / 1e9);
    std::fflush(stdout);
  }
  if (!o.json) return 0;
  boost::json::array isas, points;
  for (const std::string& name : isa_names(cpu)) isas.emplace_back(name);
  for (const Measured& m : measured)
    points.push_back({{"threads", m.threads},
                      {"peak_flops", spread_json(m.peak)},
                      {"read_bytes_per_second", spread_json(m.bandwidth)}});
  std::cout << boost::json::object{{"cpu", cpu.model},
                                   {"usable_threads", cpu.usable_cores},
                                   {"l1d_bytes", cpu.l1d_bytes},
                                   {"l2_bytes", cpu.l2_bytes},
                                   {"l3_bytes", cpu.l3_bytes},
                                   {"memory_bytes", cpu.memory_bytes},
                                   {"numa_nodes", cpu.numa_nodes},
                                   {"isas", isas},
                                   {"isa_in_use", kernels::isa_name(globals.chosen_isa())},
                                   {"amx", machine::describe_amx(cpu.amx)},
                                   {"energy_readable", energy},
                                   {"peak_isa", kernels::isa_name(isa)},
                                   {"measured", points}}
            << "\n";
  return 0;
}

}  // namespace

void add_doctor(Verb& app, Globals& globals) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand(
      "doctor", "what this computer is and can do: instruction sets, measured peak and memory bandwidth");
  verb->add_option("--slices", options->slices, "measurements of 60 ms each figure is the median of (default 9)")
      ->range(1, 1000);
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Example: jamsu doctor");
  verb->callback([options, &globals] { globals.exit_code = run(*options, globals); });
}

}  // namespace jamsu::apps

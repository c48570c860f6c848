#include "machine/cpu.h"

#include <cpuid.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <filesystem>

#include "base/files.h"
#include "base/thread_pool.h"

namespace jamsu::machine {
namespace {

namespace fs = std::filesystem;

std::string first_line(const std::string& path) {
  const Result<std::string> text = read_file(path, 1 << 16);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

// CPUID leaves 0x80000002-4: 48 bytes, padded with blanks by some.
std::string model_name() {
  uint32_t words[12] = {};
  for (uint32_t i = 0; i < 3; ++i)
    if (__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]) == 0)
      return "unknown CPU";
  char text[sizeof words + 1] = {};
  std::memcpy(text, words, sizeof words);
  const std::string_view name(text);
  const size_t begin = name.find_first_not_of(' '), end = name.find_last_not_of(' ');
  return begin == std::string_view::npos ? "unknown CPU" : std::string(name.substr(begin, end - begin + 1));
}

int64_t cache_bytes(char level) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    if (first_line(folder + "level") != std::string(1, level) || first_line(folder + "type") == "Instruction") continue;
    return parse_size(first_line(folder + "size"));
  }
  return 0;
}

int64_t free_memory() {
  const Result<std::string> text = read_file("/proc/meminfo", 1 << 16);
  if (!text) return 0;
  constexpr std::string_view key = "MemAvailable:";
  size_t at = text->find(key);
  if (at == std::string::npos) return 0;
  at = text->find_first_not_of(' ', at + key.size());
  int64_t kib = 0;
  if (at != std::string::npos) std::from_chars(text->data() + at, text->data() + text->size(), kib);
  return kib * 1024;
}

int numa_nodes() {
  int count = 0;
  std::error_code error;
  for (fs::directory_iterator it("/sys/devices/system/node", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    count += name.size() > 4 && name.starts_with("node") && name[4] >= '0' && name[4] <= '9';
  }
  return count > 0 ? count : 1;
}

}  // namespace

int64_t parse_size(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || value >= int64_t{1} << 32) return 0;
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  if (unit.empty()) return value;
  if (unit == "K") return value << 10;
  if (unit == "M") return value << 20;
  if (unit == "G") return value << 30;
  return 0;
}

std::string describe_amx(kernels::Amx amx) {
  switch (amx) {
    case kernels::Amx::no_cpu:
      return "AMX: this CPU has no bf16 tiles";
    case kernels::Amx::no_avx512:
      return "AMX: tiles without AVX-512 beside them; not used";
    case kernels::Amx::no_system:
      return "AMX: in the CPU, but the system does not save its tiles; Linux 5.16 or a newer hypervisor is needed";
    case kernels::Amx::no_consent:
      return "AMX: in the CPU, but the kernel refuses it to this process";
    case kernels::Amx::usable:
      return "AMX: usable (bf16 tiles)";
  }
  return "AMX: unknown";
}

Cpu this_cpu() {
  Cpu cpu;
  cpu.model = model_name();
  cpu.usable_cores = usable_cores();
  cpu.l1d_bytes = cache_bytes('1');
  cpu.l2_bytes = cache_bytes('2');
  cpu.l3_bytes = cache_bytes('3');
  cpu.memory_bytes = int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  cpu.memory_free_bytes = free_memory();
  cpu.numa_nodes = numa_nodes();
  cpu.isas = kernels::available_isas();
  cpu.amx = kernels::request_amx();
  return cpu;
}

}  // namespace jamsu::machine

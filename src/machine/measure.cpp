#include "machine/measure.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/function_ref.h"
#include "kernels/cpu_features.h"
#include "kernels/peak.h"
#include "machine/cpu.h"

namespace jamsu::machine {
namespace {

constexpr double kSliceSeconds = 0.06;

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t last = values.size() - 1;
  return {.median = values[last / 2], .lower = values[last / 4], .upper = values[last - last / 4]};
}

// One slice: every thread of the pool does pieces of work until the time is up, all starting together. Returns work per
// second. piece(worker) does a piece of about a millisecond or less and returns how much work that was.
double run_slice(ThreadPool& pool, FunctionRef<double(int worker)> piece) {
  struct alignas(64) Part {
    double begin = 0, end = 0, work = 0;
  };
  std::vector<Part> parts(static_cast<size_t>(pool.threads()));
  std::atomic<int> arrived{0};
  pool.run(pool.threads(), [&](int64_t, int worker) {
    arrived.fetch_add(1);
    while (arrived.load() < pool.threads()) std::this_thread::yield();  // so that each worker takes exactly one task
    Part part;
    part.begin = part.end = monotonic_seconds();
    while (part.end - part.begin < kSliceSeconds) {
      part.work += piece(worker);
      part.end = monotonic_seconds();
    }
    parts[static_cast<size_t>(worker)] = part;
  });
  double begin = parts[0].begin, end = parts[0].end, work = 0;
  for (const Part& part : parts) {
    begin = std::min(begin, part.begin);
    end = std::max(end, part.end);
    work += part.work;
  }
  return work / (end - begin);
}

Spread run_slices(ThreadPool& pool, int slices, FunctionRef<double(int worker)> piece) {
  JAMSU_CHECK(slices >= 1);
  run_slice(pool, piece);  // clocks and caches settle
  std::vector<double> rates;
  for (int i = 0; i < slices; ++i) rates.push_back(run_slice(pool, piece));
  return spread_of(std::move(rates));
}

// Four independent sums; the compiler makes vectors of them. Returns something that depends on every byte.
uint64_t read_all(const uint64_t* data, size_t count) {
  uint64_t sum[4] = {};
  for (size_t i = 0; i + 4 <= count; i += 4)
    for (size_t j = 0; j < 4; ++j) sum[j] += data[i + j];
  return sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
}

// Eight times the last cache, at least 256 MiB; no more than an eighth of what is free.
size_t buffer_bytes() {
  const Cpu cpu = this_cpu();
  const int64_t wanted = std::max<int64_t>(int64_t{256} << 20, 8 * std::max(cpu.l3_bytes, cpu.l2_bytes));
  return static_cast<size_t>(std::min(wanted, cpu.memory_free_bytes / 8));
}

struct Mapping {
  void* data;
  size_t size;
  ~Mapping() {
    if (data != MAP_FAILED) ::munmap(data, size);
  }
};

}  // namespace

Spread measure_peak(kernels::Isa isa, ThreadPool& pool, int slices) {
  const kernels::PeakLoop loop = kernels::peak_loop(isa);
  if (loop.run == nullptr) return {};
  constexpr int64_t kIterations = 50'000;  // 0.1 to 0.8 ms
  return run_slices(pool, slices, [&](int) {
    loop.run(kIterations);
    return loop.flops_per_iteration * static_cast<double>(kIterations);
  });
}

kernels::Isa peak_isa(kernels::Isa isa, bool f32) {
  return f32 ? std::min(isa, kernels::Isa::avx512) : isa;
}

Spread measure_read_bandwidth(ThreadPool& pool, int slices) {
  constexpr size_t kBlock = size_t{1} << 20;
  const size_t blocks = buffer_bytes() / kBlock / static_cast<size_t>(pool.threads());  // of each thread
  if (blocks == 0) return {};
  const size_t bytes = blocks * kBlock * static_cast<size_t>(pool.threads());
  const Mapping memory{::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), bytes};
  if (memory.data == MAP_FAILED) return {};
  ::madvise(memory.data, bytes, MADV_HUGEPAGE);  // fewer TLB misses; works without
  struct alignas(64) Reader {
    size_t next = 0;
    uint64_t sum = 0;
    bool filled = false;
  };
  std::vector<Reader> readers(static_cast<size_t>(pool.threads()));
  const Spread rates = run_slices(pool, slices, [&](int worker) {
    Reader& reader = readers[static_cast<size_t>(worker)];
    std::byte* part = static_cast<std::byte*>(memory.data) + static_cast<size_t>(worker) * blocks * kBlock;
    if (!reader.filled) {  // by the thread that reads it, so that it lies near; in the slice that is not counted
      std::memset(part, worker + 1, blocks * kBlock);
      reader.filled = true;
    }
    reader.sum += read_all(reinterpret_cast<const uint64_t*>(part + reader.next * kBlock), kBlock / sizeof(uint64_t));
    reader.next = (reader.next + 1) % blocks;
    return static_cast<double>(kBlock);
  });
  uint64_t sum = 0;
  for (const Reader& reader : readers) sum += reader.sum;
  asm volatile("" ::"r"(sum));  // the reads count
  return rates;
}

}  // namespace jamsu::machine

// Every fuzz target over its seeds and over seeded damage to them. Seeds of tests/fuzz/<name>_fuzz.cpp: the files that
// the lines of tests/fuzz/<name>.seeds name, relative to tests/ (shell patterns). Those below 128 KiB share the
// mutations of their target; each larger file has a few of its own, after them.
//   JAMSU_FUZZ_RUNS=N   mutations a target (default 10,000 with sanitizers, 1,000 without)
//   JAMSU_FUZZ_LARGE=N  mutations of each larger file (default 50 with sanitizers, 5 without)
//   JAMSU_FUZZ_ONLY=I   only mutation I, to see a failure again
// A crash prints the target, the seed's file and the number of the mutation before the process ends.
#include <glob.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "fuzz/mutate.h"
#include "fuzz_targets.h"

#ifdef JAMSU_SANITIZED
extern "C" const char* __asan_default_options() {
  return "abort_on_error=1:detect_stack_use_after_return=0";
}
extern "C" const char* __ubsan_default_options() {
  return "print_stacktrace=1";
}
#endif

namespace jamsu::test {
namespace {

constexpr uint64_t kRunSeed = 20240101;
constexpr size_t kLargeBytes = 128 << 10;
#ifdef JAMSU_SANITIZED
constexpr int64_t kDefaultRuns = 10000, kDefaultLarge = 50;
#else
constexpr int64_t kDefaultRuns = 1000, kDefaultLarge = 5;
#endif

char current[512];  // what a crash prints

extern "C" void say_current(int signal_number) {
  // No return value is worth anything here.
  if (::write(STDERR_FILENO, current, std::strlen(current)) < 0) std::_Exit(3);
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

int64_t from_environment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  if (!text) return otherwise;
  int64_t value = otherwise;
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

struct Seed {
  std::string path, bytes;
};

struct Seeds {
  std::vector<Seed> small, large;
};

Seeds seeds_of(const std::string& target) {
  const std::string tests = JAMSU_SOURCE_DIR "/tests/";
  Seeds seeds;
  const Result<std::string> list = read_file(tests + "fuzz/" + target + ".seeds");
  if (!list) {
    ADD_FAILURE() << list.error().message;
    return seeds;
  }
  std::istringstream lines(*list);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    glob_t found{};
    EXPECT_EQ(::glob((tests + line).c_str(), 0, nullptr, &found), 0) << target << ".seeds: nothing matches " << line;
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      Result<std::string> bytes = read_file(found.gl_pathv[i]);
      if (!bytes) {
        ADD_FAILURE() << bytes.error().message;
        continue;
      }
      auto& chosen = bytes->size() < kLargeBytes ? seeds.small : seeds.large;
      chosen.push_back({found.gl_pathv[i], std::move(*bytes)});
    }
    ::globfree(&found);
  }
  EXPECT_FALSE(seeds.small.empty()) << target << ".seeds names no file below " << kLargeBytes << " bytes";
  return seeds;
}

void run(const FuzzTarget& target, const std::string& bytes) {
  // An allocation of exactly this size, so that ASan sees a read one past its end.
  std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  exact.shrink_to_fit();
  target.run(exact.data(), exact.size());
}

class Mutations : public testing::TestWithParam<FuzzTarget> {};

TEST_P(Mutations, NoneCrashes) {
  const FuzzTarget& target = GetParam();
  const Seeds seeds = seeds_of(target.name);
  ASSERT_FALSE(seeds.small.empty());
  for (const int number : {SIGABRT, SIGSEGV, SIGFPE}) std::signal(number, say_current);
  run(target, "");
  for (const auto* list : {&seeds.small, &seeds.large})
    for (const Seed& seed : *list) {
      std::snprintf(current, sizeof current, "fuzz %s: crashed on the seed itself, %s\n", target.name,
                    seed.path.c_str());
      run(target, seed.bytes);
    }
  // The first `runs` mutations are of the small seeds in turn, those that follow of the large ones.
  const int64_t runs = from_environment("JAMSU_FUZZ_RUNS", kDefaultRuns),
                large = from_environment("JAMSU_FUZZ_LARGE", kDefaultLarge) * static_cast<int64_t>(seeds.large.size()),
                only = from_environment("JAMSU_FUZZ_ONLY", -1);
  for (int64_t i = only < 0 ? 0 : only; i < (only < 0 ? runs + large : only + 1); ++i) {
    const auto& list = i < runs ? seeds.small : seeds.large;
    const Seed& seed = list[static_cast<size_t>(i < runs ? i : i - runs) % list.size()];
    std::snprintf(current, sizeof current, "fuzz %s: crashed on mutation %lld of %s; again: JAMSU_FUZZ_ONLY=%lld\n",
                  target.name, static_cast<long long>(i), seed.path.c_str(), static_cast<long long>(i));
    run(target, mutate(seed.bytes, kRunSeed, static_cast<uint64_t>(i)));
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGFPE}) std::signal(number, SIG_DFL);
  std::printf("fuzz %s: %lld mutations of %zu seeds, %lld of %zu larger ones\n", target.name,
              static_cast<long long>(runs), seeds.small.size(), static_cast<long long>(large), seeds.large.size());
}

INSTANTIATE_TEST_SUITE_P(Parsers, Mutations, testing::ValuesIn(kFuzzTargets),
                         [](const auto& target) { return std::string(target.param.name); });

TEST(Mutate, DependsOnSeedAndIndexAlone) {
  const std::string seed = R"({"a": [1, 22, 333], "b": "text"})";
  EXPECT_EQ(mutate(seed, 1, 5), mutate(seed, 1, 5));
  int64_t changed = 0, different = 0, shorter = 0, longer = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const std::string a = mutate(seed, 1, i);
    changed += a != seed;
    different += a != mutate(seed, 2, i);
    shorter += a.size() < seed.size();
    longer += a.size() > seed.size();
  }
  EXPECT_GT(changed, 900);
  EXPECT_GT(different, 900);
  EXPECT_GT(shorter, 150);
  EXPECT_GT(longer, 150);
}

TEST(Mutate, TakesAnEmptySeed) {
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_LE(mutate("", 1, i).size(), size_t{64} << 10);
}

}  // namespace
}  // namespace jamsu::test

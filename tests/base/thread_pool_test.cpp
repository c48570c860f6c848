// Turns on a shared pool: nothing of another comes in between, first come first served.
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace jamsu {
namespace {

TEST(ThreadPool, CallersOnManyThreadsGetTheirOwnTasksDone) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::vector<std::vector<int>> done(4, std::vector<int>(200, 0));
  for (size_t c = 0; c < done.size(); ++c)
    callers.emplace_back([&, c] {
      for (int round = 0; round < 50; ++round)
        pool.run(200, [&](int64_t task, int) { ++done[c][static_cast<size_t>(task)]; });
    });
  for (auto& caller : callers) caller.join();
  for (const auto& counts : done)
    for (const int count : counts) EXPECT_EQ(count, 50);
}

TEST(ThreadPool, WithinATurnNobodyElseRuns) {
  ThreadPool pool(2);
  std::vector<std::thread> callers;
  int inside = 0;  // guarded by the turn
  std::atomic<int> runs = 0;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 30; ++round) {
        const ThreadPool::Turn turn(pool);
        EXPECT_EQ(inside, 0);
        ++inside;
        for (int op = 0; op < 5; ++op) {
          const ThreadPool::Turn again(pool);  // costs nothing, waits for nobody
          pool.run(4, [&](int64_t, int) { ++runs; });
          EXPECT_EQ(inside, 1);
        }
        --inside;
      }
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(runs, 4 * 30 * 5 * 4);
}

TEST(ThreadPool, TurnsComeInTheOrderInWhichTheyWereAskedFor) {
  ThreadPool pool(1);
  std::vector<int> order;
  std::vector<std::thread> threads;
  std::optional<ThreadPool::Turn> first(std::in_place, pool);
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const ThreadPool::Turn turn(pool);
      order.push_back(i);
    });
    while (pool.waiting() != i + 1) std::this_thread::yield();
  }
  first.reset();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

#if !defined(JAMSU_ASAN) && !defined(JAMSU_TSAN)  // whose address space is larger than any limit
// In a process of its own: with room for the stacks of a few threads out of 200, those compute, and the pool says so.
TEST(ThreadPool, FewerThreadsComputeWhereTheSystemStartsNoMore) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::FILE* sizes = std::fopen("/proc/self/statm", "r");
    long pages = 0;
    if (!sizes || std::fscanf(sizes, "%ld", &pages) != 1) ::_exit(2);
    std::fclose(sizes);
    const rlim_t room = static_cast<rlim_t>(pages) * 4096 + (rlim_t{200} << 20);
    const rlimit limit{room, room};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(3);
    {
      ThreadPool pool(200);
      if (pool.threads() >= 200 || pool.shortage().find("200 threads cannot be started (") != 0) ::_exit(4);
      if (pool.shortage().find(std::to_string(pool.threads()) + " compute") == std::string::npos) ::_exit(5);
      std::atomic<int64_t> sum = 0;
      for (int round = 0; round < 100; ++round) pool.run(1000, [&](int64_t task, int) { sum += task; });
      if (sum != 100 * 499500) ::_exit(6);
      std::thread other([] {});  // there is room for those of others
      other.join();
    }
    ThreadPool all(2);
    ::_exit(all.shortage().empty() && all.threads() == 2 ? 0 : 7);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}
#endif

}  // namespace
}  // namespace jamsu

// Turns on a shared pool: nothing of another comes in between, first come first served.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
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

}  // namespace
}  // namespace jamsu

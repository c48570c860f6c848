#pragma once
// A persistent pool: the calling thread and `threads - 1` others share out numbered tasks. No result may depend on
// which thread runs a task (docs/numerics.md), so tasks are taken from a counter. Several models and a trainer share one
// pool of cores by turns: a step (Turn) has the whole pool, and nobody's work comes between its operations.
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace jamsu {

// Sets flush-to-zero and denormals-are-zero for its lifetime on this thread (docs/numerics.md section 1).
class FlushScope {
 public:
  FlushScope();
  ~FlushScope();
  FlushScope(const FlushScope&) = delete;
  FlushScope& operator=(const FlushScope&) = delete;

 private:
  unsigned saved_;
};

class ThreadPool {
 public:
  // REQUIRES: threads >= 1. threads == 1 starts none. Where the system starts fewer, those compute: see shortage().
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  // Why there are fewer than were asked for, as a sentence for a person; empty: there are all.
  const std::string& shortage() const { return shortage_; }
  // Calls body(task, worker) for every task in [0, tasks), worker in [0, threads()); returns when all are done.
  // The body runs with FTZ and DAZ on. Not reentrant. The body must not throw. Several threads may call: a caller without
  // a turn has one for this call.
  void run(int64_t tasks, FunctionRef<void(int64_t task, int worker)> body);

  // The pool belongs to the calling thread while this lives. Turns come in the order in which they were asked for (first
  // in, first out); the constructor waits for it. Within a turn the same thread may take further ones, which cost
  // nothing. Ends on the thread that began it.
  class Turn {
   public:
    explicit Turn(ThreadPool& pool);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    ThreadPool* pool_;  // null: within another turn of this thread
  };
  // Threads that wait for a turn.
  int64_t waiting() const;

 private:
  void work(int worker);
  void take_tasks(int worker);
  std::error_code start(int count);
  void stop();
  void do_with_fewer(int asked, const std::error_code& why);

  std::vector<std::thread> workers_;
  std::string shortage_;
  std::mutex mutex_;
  std::condition_variable wake_;
  const FunctionRef<void(int64_t, int)>* body_ = nullptr;
  int64_t tasks_ = 0;
  bool stop_ = false;
  // A cache line each: one thread writes what another spins on.
  static constexpr size_t kLine = 64;
  alignas(kLine) std::atomic<int64_t> next_{0};
  alignas(kLine) std::atomic<int> active_{0};
  alignas(kLine) std::atomic<uint64_t> generation_{0};

  // Turns: a ticket each.
  alignas(kLine) mutable std::mutex turns_;
  std::condition_variable turn_comes_;
  uint64_t next_ticket_ = 0, serving_ = 0;
  std::atomic<std::thread::id> holder_{};  // none: std::thread::id()
};

// The cores this process may run on (its affinity mask), at least 1.
int usable_cores();

}  // namespace jamsu

#include "base/thread_pool.h"

#include <fmt/format.h>
#include <sched.h>
#include <xmmintrin.h>

#include <system_error>

#include "base/check.h"

namespace jamsu {

FlushScope::FlushScope() : saved_(_mm_getcsr()) {
  _mm_setcsr(saved_ | 0x8040u);
}
FlushScope::~FlushScope() {
  _mm_setcsr(saved_);
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

ThreadPool::ThreadPool(int threads) {
  JAMSU_CHECK(threads >= 1);
  workers_.reserve(static_cast<size_t>(threads - 1));
  // The destructor of an object half made does not run: threads that wait for work would find it gone.
  try {
    if (const std::error_code refused = start(threads - 1)) do_with_fewer(threads, refused);
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
  workers_.clear();
}

// Up to `count`; why there are no more.
std::error_code ThreadPool::start(int count) {
  try {
    for (int worker = 1; worker <= count; ++worker) workers_.emplace_back([this, worker] { work(worker); });
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

// Some of those that could be started are given back: an engine has threads of its own, and memory is short for their
// stacks when it is short for ours.
void ThreadPool::do_with_fewer(int asked, const std::error_code& why) {
  constexpr int kForOthers = 4;
  // What allocates memory may have taken the room meanwhile: refused again, some more are given back.
  for (bool refused = true; refused;) {
    const int kept = threads() - 1 - kForOthers;
    stop();
    stop_ = false;
    generation_.store(0, std::memory_order_relaxed);
    refused = kept > 0 && start(kept);
  }
  shortage_ = fmt::format("{} threads cannot be started ({}); {} compute, with the same results", asked, why.message(),
                          threads());
}

void ThreadPool::take_tasks(int worker) {
  for (;;) {
    const int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks_) return;
    (*body_)(task, worker);
  }
}

ThreadPool::Turn::Turn(ThreadPool& pool) : pool_(&pool) {
  const auto self = std::this_thread::get_id();
  // Only this thread can have written its own id, so an old value of another's does not matter.
  if (pool.holder_.load(std::memory_order_relaxed) == self) {
    pool_ = nullptr;
    return;
  }
  std::unique_lock lock(pool.turns_);
  const uint64_t ticket = pool.next_ticket_++;
  pool.turn_comes_.wait(lock, [&] { return pool.serving_ == ticket; });
  pool.holder_.store(self, std::memory_order_relaxed);
}

ThreadPool::Turn::~Turn() {
  if (!pool_) return;
  std::lock_guard lock(pool_->turns_);
  pool_->holder_.store({}, std::memory_order_relaxed);
  if (++pool_->serving_ != pool_->next_ticket_) pool_->turn_comes_.notify_all();  // who waits knows its ticket
}

int64_t ThreadPool::waiting() const {
  std::lock_guard lock(turns_);
  return next_ticket_ == serving_ ? 0 : static_cast<int64_t>(next_ticket_ - serving_) - 1;
}

void ThreadPool::run(int64_t tasks, FunctionRef<void(int64_t, int)> body) {
  const FlushScope flush;
  if (tasks <= 1 || workers_.empty()) {
    for (int64_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  const Turn turn(*this);
  {
    std::lock_guard lock(mutex_);
    body_ = &body;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    active_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  take_tasks(0);
  // The others are in their last task: spin, then yield (a machine may have fewer cores free than threads).
  for (int spins = 0; active_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < 2000)
      _mm_pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::work(int worker) {
  const FlushScope flush;
  uint64_t seen = 0;
  for (;;) {
    // Between two ops of a step there are microseconds: spin shortly before sleeping.
    for (int spins = 0; spins < 4000 && generation_.load(std::memory_order_acquire) == seen; ++spins) _mm_pause();
    // What the generation stands for was written before it. No worker misses one: run() waits for all.
    if (generation_.load(std::memory_order_acquire) == seen) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
    }
    ++seen;
    if (stop_) return;
    take_tasks(worker);
    active_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace jamsu

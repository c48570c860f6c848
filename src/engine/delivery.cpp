#include "engine/delivery.h"

#include <chrono>
#include <exception>
#include <system_error>

namespace jamsu::engine {
namespace {

// A worker that takes nothing for so long is held up by a sink.
constexpr std::chrono::milliseconds kPatience{2};
// A worker that has delivered looks again after so long, without being woken: a small model has a token every hundred
// microseconds, and waking a thread for each would cost the engine's cores some of that. An end is not slept through.
constexpr std::chrono::microseconds kNap{1000};

}  // namespace

DeliveryLine::DeliveryLine(EventSink sink, int64_t samples, int64_t most_behind)
    : sink_(std::move(sink)), most_behind_(most_behind), samples_(static_cast<size_t>(samples)) {}

DeliveryLine::Sample& DeliveryLine::sample_of(const Event& event) {
  return samples_[std::visit([](const auto& e) { return e.sample; }, event)];
}

SinkAnswer DeliveryLine::give(const Event& event, Sample& sample) {
  try {
    return sink_(event);
  } catch (const std::exception& e) {
    sample.error = e.what();
    if (sample.error.empty()) sample.error = "the sink failed";
    return SinkAnswer::stop;
  }
}

bool DeliveryLine::deliver(Event& event) {
  Sample& sample = sample_of(event);
  const bool stopped = sample.stopped.load(std::memory_order_relaxed);
  bool stops = false;
  if (auto* finished = std::get_if<Finished>(&event)) {
    if (stopped) {  // it ended there, whatever the engine had come to since
      finished->reason = sample.error.empty() ? FinishReason::cancelled : FinishReason::error;
      finished->error = sample.error;
      finished->dropped_tokens = finished->output_tokens - sample.delivered;
      finished->output_tokens = sample.delivered;
    }
    give(event, sample);
  } else if (!stopped) {
    ++sample.delivered;
    stops = give(event, sample) == SinkAnswer::stop;
    if (stops) sample.stopped.store(true, std::memory_order_release);
  }
  const bool lagged = sample.behind.fetch_sub(1, std::memory_order_acq_rel) == most_behind_;
  return stops || lagged;
}

Delivery::Delivery(std::function<void()> news) : news_(std::move(news)) {
  std::lock_guard lock(mutex_);
  add_worker();
}

Delivery::~Delivery() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  nap_over_.notify_all();
  // A worker may add another while it ends.
  for (size_t i = 0;; ++i) {
    std::thread thread;
    {
      std::lock_guard lock(mutex_);
      if (i == workers_.size()) return;
      thread = std::move(workers_[i].thread);
    }
    thread.join();
  }
}

void Delivery::send() {
  if (pushed_.empty()) return;
  bool wake = false, ended = false;
  {
    std::lock_guard lock(mutex_);
    for (auto& [line, event] : pushed_) {
      if (std::holds_alternative<Finished>(event)) ended_ = true;
      line->sample_of(event).behind.fetch_add(1, std::memory_order_relaxed);
      line->events_.push_back(std::move(event));
      if (!std::exchange(line->queued_, true)) ready_.push_back(std::move(line));
    }
    wake = see_to_it();
    ended = ended_ && naps_;
  }
  if (wake) wake_.notify_one();
  if (ended) nap_over_.notify_one();
  pushed_.clear();
}

// Lines are ready: somebody takes them, will look soon, or watches that those who deliver come back for them. True: one
// that is idle is to be woken. mutex_ is held.
bool Delivery::see_to_it() {
  if (ready_.empty() || naps_ || (active_ > 0 && watched_)) return false;
  if (idle_ == 0 && !watched_) add_worker();
  return idle_ > 0;
}

// mutex_ is held.
void Delivery::add_worker() {
  Worker& worker = workers_.emplace_back();
  try {
    worker.thread = std::thread([this, &worker] { work(worker); });
  } catch (const std::system_error& error) {  // no more threads: those that are there come to it
    workers_.pop_back();
    if (workers_.empty()) throw std::system_error(error.code(), "a thread for replies cannot be started");
  }
}

void Delivery::work(Worker& self) {
  std::unique_lock lock(mutex_);
  for (bool delivered = false;;) {
    if (ready_.empty()) {
      if (closing_) return;
      if (std::exchange(delivered, false) && !naps_) {
        nap(lock);
        continue;
      }
    } else if (active_ == 0) {
      deliver_one(self, lock);
      delivered = true;
      continue;
    } else if (!watched_) {
      if (watch(lock)) {
        deliver_one(self, lock);
        delivered = true;
      }
      continue;
    }
    ++idle_;
    wake_.wait(lock);
    --idle_;
  }
}

// mutex_ is held, but while it sleeps.
void Delivery::nap(std::unique_lock<std::mutex>& lock) {
  naps_ = true;
  nap_over_.wait_for(lock, kNap, [&] { return ended_ || closing_; });
  naps_ = ended_ = false;
}

// Waits whether the others get on. True: they do not, and a line is ready. mutex_ is held, but while it waits.
bool Delivery::watch(std::unique_lock<std::mutex>& lock) {
  watched_ = true;
  const uint64_t taken = taken_;
  lock.unlock();
  std::this_thread::sleep_for(kPatience);
  lock.lock();
  watched_ = false;
  if (ready_.empty() || taken_ != taken) return false;
  for (Worker& worker : workers_)
    if (worker.delivers) worker.held_up = true;
  active_ = 0;
  return true;
}

// mutex_ is held, but while the sink runs. REQUIRES: a line is ready.
void Delivery::deliver_one(Worker& self, std::unique_lock<std::mutex>& lock) {
  std::shared_ptr<DeliveryLine> line = std::move(ready_.front());
  ready_.pop_front();
  ++taken_;
  ++active_;
  self.delivers = true;
  self.events.swap(line->events_);
  const bool wake = see_to_it();
  lock.unlock();
  if (wake) wake_.notify_one();
  for (Event& event : self.events)
    if (line->deliver(event)) news_();
  self.events.clear();
  lock.lock();
  self.delivers = false;
  if (!std::exchange(self.held_up, false)) --active_;
  if (!line->events_.empty()) {
    ready_.push_back(std::move(line));
    return;
  }
  line->queued_ = false;
  if (line.use_count() > 1) return;
  lock.unlock();  // what the sink holds ends with it, and may call back
  line.reset();
  lock.lock();
}

}  // namespace jamsu::engine

#pragma once
// Carries events to sinks on threads of its own, so that decoding, parsing and printing never hold up the engine. Events
// of one request stay in order; requests do not wait for each other: when a sink does not return for some milliseconds,
// another thread delivers what waits behind it.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace jamsu::engine {

// What one request has still to be told.
class DeliveryLine {
 public:
  DeliveryLine(EventSink sink, int64_t samples, int64_t most_behind);
  // The sink has not returned from `most_behind` events of this sample: it should pause. Thread-safe.
  bool lags(uint32_t sample) const { return samples_[sample].behind.load(std::memory_order_acquire) >= most_behind_; }
  // The sink wants no more tokens of this sample. Thread-safe.
  bool stopped(uint32_t sample) const { return samples_[sample].stopped.load(std::memory_order_acquire); }

 private:
  friend class Delivery;
  struct Sample {
    std::atomic<bool> stopped = false;
    std::atomic<int64_t> behind = 0;
    // Of the thread that delivers:
    int64_t delivered = 0;
    std::string error;  // what the sink threw
  };
  Sample& sample_of(const Event& event);
  SinkAnswer give(const Event& event, Sample& sample);
  // True: the engine should look at this line again.
  bool deliver(Event& event);

  const EventSink sink_;
  const int64_t most_behind_;
  std::vector<Sample> samples_;
  // Guarded by Delivery::mutex_:
  std::vector<Event> events_;
  bool queued_ = false;  // in `ready_`, or with a thread that delivers
};

class Delivery {
 public:
  // `news` is called from a delivering thread when a line no longer lags or a sink has answered stop.
  explicit Delivery(std::function<void()> news);
  // Returns when all has been delivered.
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Both from the engine's thread alone; neither blocks. What was pushed is on its way after send().
  void push(std::shared_ptr<DeliveryLine> line, Event event) {
    pushed_.emplace_back(std::move(line), std::move(event));
  }
  void send();

 private:
  struct Worker {
    std::thread thread;
    bool delivers = false, held_up = false;
    std::vector<Event> events = {};  // what it delivers
  };
  void work(Worker& self);
  void deliver_one(Worker& self, std::unique_lock<std::mutex>& lock);
  void nap(std::unique_lock<std::mutex>& lock);
  bool watch(std::unique_lock<std::mutex>& lock);
  bool see_to_it();
  void add_worker();

  const std::function<void()> news_;
  std::vector<std::pair<std::shared_ptr<DeliveryLine>, Event>> pushed_;  // of the engine's thread

  std::mutex mutex_;
  std::condition_variable wake_, nap_over_;
  std::deque<std::shared_ptr<DeliveryLine>> ready_;  // lines with events that no thread delivers
  std::deque<Worker> workers_;
  int64_t idle_ = 0;                                                       // workers that wait for work
  int64_t active_ = 0;                                                     // workers that deliver and are not held up
  uint64_t taken_ = 0;                                                     // lines taken so far
  bool watched_ = false, naps_ = false, ended_ = false, closing_ = false;  // ended_: an event that is not slept through
};

}  // namespace jamsu::engine

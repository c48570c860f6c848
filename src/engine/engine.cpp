#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>

#include "engine/delivery.h"
#include "engine/prefix_cache.h"
#include "engine/scheduler.h"
#include "engine/step.h"
#include "ops/rows.h"

namespace jamsu::engine {
namespace {

using Sequences = std::vector<std::unique_ptr<Sequence>>;

class EngineImpl final : public Engine {
 public:
  EngineImpl(std::shared_ptr<const models::Model> model, ops::Runtime& runtime, const EngineOptions& options)
      : model_(std::move(model)),
        runtime_(runtime),
        options_(options),
        layout_(model_->state_layout(options.policy)),
        scheduler_(layout_, options_),
        cache_(static_cast<size_t>(options.cached_prefixes), model_->info().same_up_to),
        delivery_(std::make_unique<Delivery>([this] { news(); })),
        thread_(started()) {}

  ~EngineImpl() override {
    {
      std::lock_guard lock(mutex_);
      inbox_.stopping = true;
    }
    news();
    thread_.join();
    delivery_.reset();  // what it still delivers may call back
  }

  Result<RequestId> submit(Request request, EventSink sink) override {
    if (auto s = check(request, model_->info().context, model_->info().vocab); !s) return s.error();
    if (auto s = fits(request); !s) return s.error();
    auto line = std::make_shared<DeliveryLine>(std::move(sink), request.samples,
                                               std::max<int64_t>(options_.most_undelivered, 1));
    Sequences samples = make_samples(std::move(request), line);
    RequestId id = 0;
    {
      std::lock_guard lock(mutex_);
      if (inbox_.stopping) return Error{"the engine is ending"};
      id = ++last_id_;
      for (auto& s : samples) s->id = id;
      stats_.waiting += static_cast<int64_t>(samples.size());
      inbox_.requests.push_back(std::move(samples));
    }
    news();
    return id;
  }

  void cancel(RequestId id) override {
    {
      std::lock_guard lock(mutex_);
      if (id <= last_id_) inbox_.cancelled.insert(id);
    }
    news();
  }

  void weights_changed() override {
    {
      std::lock_guard lock(mutex_);
      inbox_.weights_changed = true;
    }
    news();
  }

  EngineStats stats() const override {
    std::lock_guard lock(mutex_);
    return stats_;
  }
  const models::Model& model() const override { return *model_; }

 private:
  // What other threads have left for the engine's.
  struct Inbox {
    std::vector<Sequences> requests;
    std::unordered_set<RequestId> cancelled;
    bool weights_changed = false, stopping = false;
  };

  Status fits(const Request& request) const {
    if (request.samples > options_.max_sequences)
      return Error{fmt::format("samples = {} are more than the engine's {} sequences at once", request.samples,
                               options_.max_sequences)};
    const int64_t bytes = most_bytes(layout_, request, request.samples);
    if (bytes <= options_.state_bytes) return {};
    return Error{fmt::format("prompt: {} bytes of state for up to {} tokens exceed the engine's {}", bytes,
                             static_cast<int64_t>(request.tokens.size()) + request.max_tokens - 1,
                             options_.state_bytes)};
  }

  std::thread started() {
    try {
      return std::thread([this] { loop(); });
    } catch (const std::system_error& error) {
      throw std::system_error(error.code(), "the engine's thread cannot be started");
    }
  }

  // The engine's thread looks again.
  void news() {
    {
      std::lock_guard lock(mutex_);
      news_ = true;
    }
    wake_.notify_all();
  }

  void loop() {
    for (bool idle = true;;) {
      {
        std::unique_lock lock(mutex_);
        if (idle) wake_.wait(lock, [&] { return news_; });
        news_ = false;
      }
      const ThreadPool::Turn turn = runtime_.turn();
      if (!take_inbox()) return;
      try {
        admit();
        idle = !step();
      } catch (const std::exception& e) {
        // Out of memory, a weight file cut short: what ends the requests of this step.
        for (const auto& s : scheduler_.running())
          if (!s->over) finish(*s, FinishReason::error, e.what());
        idle = false;
      }
      retire();
      delivery_->send();
    }
  }

  // False: the engine ends, and all requests have.
  bool take_inbox() {
    Inbox inbox;
    {
      std::lock_guard lock(mutex_);
      const bool stopping = inbox_.stopping;
      inbox = std::exchange(inbox_, {});
      inbox_.stopping = stopping;
    }
    for (auto& samples : inbox.requests) scheduler_.add(std::move(samples));
    if (inbox.weights_changed) forget_states();
    for (auto& s : scheduler_.take([&](const Sequence& q) {
           return inbox.stopping || inbox.cancelled.contains(q.id) || q.line->stopped(q.sample);
         }))
      finish(*s, FinishReason::cancelled, {});
    if (inbox.stopping) delivery_->send();
    return !inbox.stopping;
  }

  // Nothing that old weights have computed is read again.
  void forget_states() {
    cache_ = PrefixCache(static_cast<size_t>(options_.cached_prefixes), model_->info().same_up_to);
    for (const auto& s : scheduler_.running()) {
      s->state.reset();
      s->done = 0;
      if (s->output.empty()) s->finished.prompt_logprobs.clear();
    }
  }

  void admit() {
    int64_t cached = 0;
    while (scheduler_.waiting() > 0) {
      const auto [lead, wants_memory] = scheduler_.admit(cache_.bytes());
      if (!lead) {
        if (wants_memory && cache_.evict_one()) continue;
        break;
      }
      if (!lead->request->prompt_logprobs) lead->state = cache_.fork_longest(lead->request->tokens, lead->done);
      lead->finished.cached_tokens = lead->done;
      cached += lead->done;
    }
    std::lock_guard lock(mutex_);
    stats_.cached_tokens += cached;
    stats_.running = static_cast<int64_t>(scheduler_.running().size());
    stats_.waiting = scheduler_.waiting();
    for (const auto& samples : inbox_.requests) stats_.waiting += static_cast<int64_t>(samples.size());
  }

  void finish(Sequence& s, FinishReason reason, std::string error) {
    s.over = true;
    s.finished.reason = reason;
    s.finished.error = std::move(error);
    s.finished.output_tokens = static_cast<int64_t>(s.output.size());
    delivery_->push(s.line, s.finished);
    if (!s.state) return;  // it has not begun
    std::lock_guard lock(mutex_);
    stats_.output_tokens += s.finished.output_tokens;
    stats_.prompt_tokens += s.prompt();
  }

  // One forward over what the scheduler plans; false when that is nothing.
  bool step() {
    for (const auto& s : scheduler_.running()) s->paused = s->line->lags(s->sample);
    std::vector<Piece> plan = scheduler_.plan();
    if (plan.empty()) return false;
    Step step(std::move(plan), layout_, runtime_.memory());
    const FlushScope flush;
    models::ForwardContext c(runtime_.context());
    const autograd::Value h = model_->hidden(step.batch(), c);
    Tensor logits;
    if (!step.wanted().empty())
      logits = model_->logits({ops::gather_rows(h.tensor, step.wanted(), c.ops), -1}, c).tensor;
    if (auto s = model_->intact(); !s) throw std::runtime_error(s.error().message);
    if (!step.wanted().empty()) step.draw(logits, c.ops);
    step.advance();
    for (const Step::Draw& draw : step.draws()) take(draw);
    count(step);
    return true;
  }

  void take(const Step::Draw& draw) {
    Sequence& s = *draw.sequence;
    if (!draw.token) {
      finish(s, FinishReason::error, draw.error);
      return;
    }
    s.output.push_back(*draw.token);
    delivery_->push(s.line, TokenEvent{*draw.token, draw.logprob, s.sample});
    const std::vector<int32_t>& stops = s.request->stop_tokens;
    if (std::find(stops.begin(), stops.end(), *draw.token) != stops.end())
      finish(s, FinishReason::stop_token, {});
    else if (static_cast<int64_t>(s.output.size()) >= s.request->max_tokens)
      finish(s, FinishReason::length, {});
  }

  void count(const Step& step) {
    const int64_t bytes = cache_.bytes() + running_bytes();
    std::lock_guard lock(mutex_);
    ++stats_.steps;
    stats_.rows += step.rows();
    stats_.prompt_rows += step.prompt_rows();
    stats_.cached_tokens += step.forked_tokens();
    stats_.state_bytes = bytes;
    stats_.peak_state_bytes = std::max(stats_.peak_state_bytes, bytes);
  }

  // Of running sequences; the whole blocks of a prompt that samples share count once.
  int64_t running_bytes() const {
    int64_t bytes = 0;
    const Sequence* holder = nullptr;
    for (const auto& s : scheduler_.running()) {
      if (!s->state) continue;
      bytes += s->state->bytes();
      if (s->done < s->prompt()) continue;
      if (holder && holder->id == s->id) bytes -= shared_bytes(layout_, *s->request);
      holder = s.get();
    }
    return bytes;
  }

  // Removes what is over; its state may serve later prompts.
  void retire() {
    const Sequences over = scheduler_.take([](const Sequence& s) { return s.over; });
    if (over.empty()) return;
    for (const auto& s : over) {
      if (s->finished.reason == FinishReason::error) continue;
      std::vector<int32_t> tokens;
      tokens.reserve(static_cast<size_t>(s->done));
      for (int64_t i = 0; i < s->done; ++i) tokens.push_back(s->token(i));
      cache_.add(std::move(tokens), std::move(s->state), s->prompt());
    }
    // Cached prefixes of samples that ended before others count what they share again.
    while (cache_.bytes() + scheduler_.reserved() > options_.state_bytes && cache_.evict_one()) {
    }
    std::lock_guard lock(mutex_);
    stats_.running = static_cast<int64_t>(scheduler_.running().size());
  }

  std::shared_ptr<const models::Model> model_;
  ops::Runtime& runtime_;
  const EngineOptions options_;
  const models::StateLayout& layout_;

  // Of the engine's thread alone.
  Scheduler scheduler_;
  PrefixCache cache_;

  mutable std::mutex mutex_;  // guards these
  std::condition_variable wake_;
  Inbox inbox_;
  RequestId last_id_ = 0;
  EngineStats stats_;
  bool news_ = false;

  std::unique_ptr<Delivery> delivery_;
  std::thread thread_;  // last: starts when everything else is there
};

}  // namespace

std::unique_ptr<Engine> Engine::open(std::shared_ptr<const models::Model> model, ops::Runtime& runtime,
                                     const EngineOptions& options) {
  return std::make_unique<EngineImpl>(std::move(model), runtime, options);
}

}  // namespace jamsu::engine

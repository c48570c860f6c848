#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_set>

#include "engine/prefix_cache.h"
#include "ops/loss.h"
#include "ops/rows.h"

namespace jamsu::engine {
namespace {

using models::SequenceState;

struct Sequence {
  RequestId id = 0;
  Request request;
  EventSink sink;
  std::vector<int32_t> output;
  std::unique_ptr<SequenceState> state;
  int64_t done = 0;  // tokens of prompt + output that are in the state
  Finished finished;
  bool over = false;

  int64_t length() const { return static_cast<int64_t>(request.tokens.size() + output.size()); }
  int32_t token(int64_t i) const {
    const auto prompt = static_cast<int64_t>(request.tokens.size());
    return i < prompt ? request.tokens[static_cast<size_t>(i)] : output[static_cast<size_t>(i - prompt)];
  }
  // The most positions it can come to hold: the last token is sampled, never fed.
  int64_t most_positions() const { return static_cast<int64_t>(request.tokens.size()) + request.max_tokens - 1; }
};

Status check(const SamplingParams& s) {
  const auto bad = [](const char* name, double value, const char* expected) {
    return Error{fmt::format("sampling: {} = {} is not {}", name, value, expected)};
  };
  if (!(s.temperature >= 0) || std::isinf(s.temperature)) return bad("temperature", s.temperature, "0 or more");
  if (s.top_k < 0) return bad("top_k", static_cast<double>(s.top_k), "0 or more");
  if (!(s.top_p > 0 && s.top_p <= 1)) return bad("top_p", s.top_p, "in (0, 1]");
  if (!(s.min_p >= 0 && s.min_p <= 1)) return bad("min_p", s.min_p, "in [0, 1]");
  if (!(s.repetition_penalty > 0)) return bad("repetition_penalty", s.repetition_penalty, "above 0");
  if (!std::isfinite(s.presence_penalty)) return bad("presence_penalty", s.presence_penalty, "finite");
  if (!std::isfinite(s.frequency_penalty)) return bad("frequency_penalty", s.frequency_penalty, "finite");
  return {};
}

class EngineImpl final : public Engine {
 public:
  EngineImpl(std::shared_ptr<const models::Model> model, ops::Runtime& runtime, const EngineOptions& options)
      : model_(std::move(model)),
        runtime_(runtime),
        options_(options),
        layout_(model_->state_layout(options.policy)),
        cache_(static_cast<size_t>(options.cached_prefixes)),
        thread_([this] { loop(); }) {}

  ~EngineImpl() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  Result<RequestId> submit(Request request, EventSink sink) override {
    const auto& info = model_->info();
    const auto prompt = static_cast<int64_t>(request.tokens.size());
    if (prompt == 0) return Error{"prompt: no tokens"};
    if (prompt >= info.context)
      return Error{fmt::format("prompt: {} tokens leave no room in the context of {}", prompt, info.context)};
    if (request.max_tokens < 1) return Error{fmt::format("max_tokens = {} is not 1 or more", request.max_tokens)};
    for (const int32_t t : request.tokens)
      if (t < 0 || t >= info.vocab)
        return Error{fmt::format("prompt: token {} is outside the vocabulary of {}", t, info.vocab)};
    if (auto s = check(request.sampling); !s) return s.error();
    request.max_tokens = std::min(request.max_tokens, info.context - prompt);
    auto sequence = std::make_unique<Sequence>();
    sequence->request = std::move(request);
    sequence->sink = std::move(sink);
    sequence->finished.prompt_tokens = prompt;
    const int64_t bytes = layout_.bytes_for(sequence->most_positions());
    if (bytes > options_.state_bytes)
      return Error{fmt::format("prompt: {} bytes of state for up to {} tokens exceed the engine's {}", bytes,
                               sequence->most_positions(), options_.state_bytes)};
    std::lock_guard lock(mutex_);
    const RequestId id = sequence->id = ++last_id_;
    waiting_.push_back(std::move(sequence));
    wake_.notify_all();
    return id;
  }

  void cancel(RequestId id) override {
    std::lock_guard lock(mutex_);
    if (id <= last_id_) cancelled_.insert(id);
    wake_.notify_all();
  }

  EngineStats stats() const override {
    std::lock_guard lock(mutex_);
    return stats_;
  }
  const models::Model& model() const override { return *model_; }

 private:
  void loop() {
    for (;;) {
      bool stopping = false;
      std::vector<std::unique_ptr<Sequence>> cancelled;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || !waiting_.empty() || !running_.empty(); });
        stopping = stopping_;
        if (!stopping) admit();
        take_cancelled(stopping, cancelled);
        stats_.running = static_cast<int64_t>(running_.size());
        stats_.waiting = static_cast<int64_t>(waiting_.size());
      }
      // Sinks run without the lock: they may call back.
      for (auto& s : cancelled) finish(*s, FinishReason::cancelled, {});
      if (stopping) return;
      try {
        step();
      } catch (
          const std::exception& e) {  // out of memory, a weight file cut short: what ends the requests of this step
        for (auto& s : running_)
          if (!s->over) finish(*s, FinishReason::error, e.what());
      }
      retire();
    }
  }

  // Moves waiting requests to running while their whole future fits into the memory budget. mutex_ is held.
  void admit() {
    while (!waiting_.empty() && static_cast<int64_t>(running_.size()) < options_.max_sequences) {
      Sequence& s = *waiting_.front();
      const int64_t bytes = layout_.bytes_for(s.most_positions());
      int64_t reserved = cache_.bytes();
      for (const auto& r : running_) reserved += layout_.bytes_for(r->most_positions());
      if (reserved + bytes > options_.state_bytes) {
        if (!cache_.evict_one()) return;  // wait until a running one ends
        continue;
      }
      if (!s.request.prompt_logprobs) s.state = cache_.fork_longest(s.request.tokens, s.done);
      if (!s.state) s.state = std::make_unique<SequenceState>(layout_, runtime_.memory());
      s.finished.cached_tokens = s.done;
      stats_.cached_tokens += s.done;
      running_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }

  // Moves what was cancelled (or everything) out of both queues. mutex_ is held.
  void take_cancelled(bool everything, std::vector<std::unique_ptr<Sequence>>& out) {
    const auto take = [&](auto& queue) {
      for (auto& s : queue)
        if (everything || cancelled_.contains(s->id)) out.push_back(std::move(s));
      std::erase_if(queue, [](const auto& s) { return s == nullptr; });
    };
    if (!everything && cancelled_.empty()) return;
    take(running_);
    take(waiting_);
    cancelled_.clear();
  }

  void finish(Sequence& s, FinishReason reason, std::string error) {
    s.over = true;
    s.finished.reason = reason;
    s.finished.error = std::move(error);
    s.finished.output_tokens = static_cast<int64_t>(s.output.size());
    s.sink(s.finished);
  }

  // One forward: a row for each decoding sequence, then pieces of prompts up to max_step_rows.
  void step() {
    if (running_.empty()) return;
    std::vector<int32_t> tokens, wanted;
    std::vector<models::Segment> segments;
    struct Part {
      Sequence* sequence;
      int64_t first_wanted, wanted;  // rows of logits
      bool samples;
    };
    std::vector<Part> parts;
    int64_t room = std::max<int64_t>(options_.max_step_rows, static_cast<int64_t>(running_.size()));
    std::vector<Sequence*> order;  // decoding first
    for (auto& s : running_)
      if (s->length() - s->done == 1) order.push_back(s.get());
    for (auto& s : running_)
      if (s->length() - s->done != 1) order.push_back(s.get());
    for (Sequence* s : order) {
      const int64_t rows = std::min(s->length() - s->done, room);
      if (rows <= 0) break;
      room -= rows;
      s->state->reserve(rows);
      const auto first = static_cast<int64_t>(tokens.size());
      segments.push_back({.first_row = first, .rows = rows, .position = s->done, .state = s->state.get()});
      for (int64_t i = 0; i < rows; ++i) tokens.push_back(s->token(s->done + i));
      const bool samples = s->done + rows == s->length();
      Part part{s, static_cast<int64_t>(wanted.size()), 0, samples};
      if (s->request.prompt_logprobs && s->output.empty()) {
        for (int64_t i = 0; i < rows; ++i) wanted.push_back(static_cast<int32_t>(first + i));
      } else if (samples) {
        wanted.push_back(static_cast<int32_t>(first + rows - 1));
      }
      part.wanted = static_cast<int64_t>(wanted.size()) - part.first_wanted;
      parts.push_back(part);
    }

    const FlushScope flush;
    models::ForwardContext c(runtime_.context());
    const autograd::Value h = model_->hidden({tokens, segments, wanted}, c);
    Tensor logits, logprobs;
    if (!wanted.empty()) {
      logits = model_->logits({ops::gather_rows(h.tensor, wanted, c.ops), -1}, c).tensor;
      logprobs = ops::log_softmax(logits, c.ops);
    }
    if (auto s = model_->intact(); !s) throw std::runtime_error(s.error().message);
    // Sampling sorts the vocabulary: shared out, for its result depends on the sequence alone.
    std::vector<std::optional<int32_t>> next(parts.size());
    c.ops.pool.run(static_cast<int64_t>(parts.size()), [&](int64_t i, int) {
      const Part& part = parts[static_cast<size_t>(i)];
      if (part.samples)
        next[static_cast<size_t>(i)] = sample(*part.sequence, logits, part.first_wanted + part.wanted - 1);
    });
    for (size_t i = 0; i < parts.size(); ++i) {
      Sequence& s = *parts[i].sequence;
      const int64_t before = s.done;
      s.state->advance(segments[i].rows);
      s.done += segments[i].rows;
      keep_prompt_logprobs(s, parts[i].first_wanted, parts[i].wanted, before, logprobs);
      if (parts[i].samples) take(s, next[i], logprobs, parts[i].first_wanted + parts[i].wanted - 1);
    }
    std::lock_guard lock(mutex_);
    ++stats_.steps;
    stats_.rows += static_cast<int64_t>(tokens.size());
    int64_t bytes = cache_.bytes();
    for (const auto& s : running_) bytes += s->state->bytes();
    stats_.state_bytes = bytes;
    stats_.peak_state_bytes = std::max(stats_.peak_state_bytes, bytes);
  }

  std::optional<int32_t> sample(const Sequence& s, const Tensor& logits, int64_t row) const {
    const int64_t vocab = model_->info().vocab;
    const auto d = distribution({logits.f32() + row * vocab, static_cast<size_t>(vocab)}, s.request.sampling,
                                s.request.tokens, s.output);
    if (!d) return std::nullopt;
    return draw(*d, s.request.sampling.seed, static_cast<uint64_t>(s.length()), s.request.sample);
  }

  void keep_prompt_logprobs(Sequence& s, int64_t first, int64_t count, int64_t position, const Tensor& logprobs) {
    if (!s.request.prompt_logprobs || !s.output.empty()) return;
    for (int64_t i = 0; i < count && position + i + 1 < s.finished.prompt_tokens; ++i)
      s.finished.prompt_logprobs.push_back(
          logprobs.f32()[(first + i) * model_->info().vocab + s.token(position + i + 1)]);
  }

  void take(Sequence& s, std::optional<int32_t> next, const Tensor& logprobs, int64_t row) {
    if (!next) {
      finish(s, FinishReason::error, "logits: NaN, or no token is allowed");
      return;
    }
    s.output.push_back(*next);
    s.sink(TokenEvent{*next, logprobs.f32()[row * model_->info().vocab + *next]});
    if (std::find(s.request.stop_tokens.begin(), s.request.stop_tokens.end(), *next) != s.request.stop_tokens.end())
      finish(s, FinishReason::stop_token, {});
    else if (static_cast<int64_t>(s.output.size()) >= s.request.max_tokens)
      finish(s, FinishReason::length, {});
  }

  // Removes what is over; its state may serve later prompts.
  void retire() {
    std::lock_guard lock(mutex_);
    for (auto& s : running_) {
      if (!s->over) continue;
      stats_.output_tokens += static_cast<int64_t>(s->output.size());
      stats_.prompt_tokens += s->finished.prompt_tokens;
      if (s->finished.reason != FinishReason::error) {
        std::vector<int32_t> tokens;
        for (int64_t i = 0; i < s->done; ++i) tokens.push_back(s->token(i));
        cache_.add(std::move(tokens), std::move(s->state));
      }
    }
    std::erase_if(running_, [](const auto& s) { return s->over; });
    stats_.running = static_cast<int64_t>(running_.size());
  }

  std::shared_ptr<const models::Model> model_;
  ops::Runtime& runtime_;
  const EngineOptions options_;
  const models::StateLayout& layout_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // changed by the engine's thread alone
  std::unordered_set<RequestId> cancelled_;
  PrefixCache cache_;
  RequestId last_id_ = 0;
  EngineStats stats_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when everything else is there
};

}  // namespace

std::unique_ptr<Engine> Engine::open(std::shared_ptr<const models::Model> model, ops::Runtime& runtime,
                                     const EngineOptions& options) {
  return std::make_unique<EngineImpl>(std::move(model), runtime, options);
}

}  // namespace jamsu::engine

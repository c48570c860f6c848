#include "session/session.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "session/loop_watch.h"
#include "session/reply_parser.h"
#include "session/text_ends.h"
#include "unicode/utf8.h"

namespace jamsu::session {
namespace {

std::optional<bool> thinking_switch(Thinking thinking) {
  if (thinking == Thinking::automatic) return std::nullopt;
  return thinking == Thinking::on;
}

// One sample of a request: its tokens on their way to its sink.
class Sample {
 public:
  Sample(const tokenizer::Tokenizer& tokenizer, const std::vector<int32_t>& end_tokens, const ReplyOptions& options,
         bool end_loops, EventSink sink)
      : sink_(std::move(sink)),
        parser_(tokenizer, end_tokens, options, [this](const Event& event) { return tell(event); }) {
    if (end_loops) loops_.emplace();
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

  SinkAnswer push(const engine::TokenEvent& token) {
    if (parser_.push(token) == SinkAnswer::stop) return SinkAnswer::stop;
    looped_ = loops_ && loops_->push(token.token);
    return looped_ ? SinkAnswer::stop : SinkAnswer::keep;
  }
  void finish(engine::Finished finished) {
    looped_ = looped_ && finished.reason == engine::FinishReason::cancelled;
    if (looped_) finished.reason = engine::FinishReason::length;
    parser_.finish(finished);
  }

 private:
  SinkAnswer tell(const Event& event) {
    const auto* done = std::get_if<Done>(&event);
    if (!done || !looped_) return sink_(event);
    Done said = *done;
    said.looped = true;
    return sink_(said);
  }

  EventSink sink_;
  ReplyParser parser_;
  std::optional<LoopWatch> loops_;
  bool looped_ = false;
};

}  // namespace

void Reply::add(const Event& event) {
  if (const auto* r = std::get_if<ReasoningPiece>(&event)) reasoning += r->text;
  if (const auto* c = std::get_if<ContentPiece>(&event)) content += c->text;
  if (std::holds_alternative<ContentWasReasoning>(event)) reasoning += std::exchange(content, {});
  if (const auto* t = std::get_if<TokenPiece>(&event)) tokens.push_back(*t);
  if (const auto* c = std::get_if<CallBegin>(&event)) calls.push_back({c->call});
  if (const auto* c = std::get_if<CallArguments>(&event)) calls.back().arguments += c->text;
  if (const auto* c = std::get_if<CallEnd>(&event)) {
    calls.back().complete = c->complete;
    calls.back().valid = c->valid;
  }
  if (const auto* d = std::get_if<Done>(&event)) done = *d;
}

Session::Session(std::shared_ptr<const models::Model> model, tokenizer::Tokenizer tokenizer,
                 Result<text::PromptBuilder> prompts, ops::Runtime& runtime, const engine::EngineOptions& options,
                 const std::vector<int32_t>& further_ends)
    : tokenizer_(std::move(tokenizer)), prompts_(std::move(prompts)), begin_(text_begin(tokenizer_)) {
  const auto ends = [this](int64_t id) {
    if (std::find(stop_tokens_.begin(), stop_tokens_.end(), id) == stop_tokens_.end())
      stop_tokens_.push_back(static_cast<int32_t>(id));
  };
  if (prompts_ && prompts_->end_of_text() >= 0) ends(prompts_->end_of_text());
  for (const int64_t id : model->info().eos) ends(id);
  for (const int32_t id : further_ends) ends(id);
  engine_ = engine::Engine::open(std::move(model), runtime, options);
}

Session::~Session() = default;

Result<text::Prompt> Session::prompt(const ChatRequest& request) const {
  if (request.continued) {
    text::Prompt p;
    p.ids = begin_;
    if (request.special)
      tokenizer_.encode_to(*request.continued, {}, p.ids);
    else
      tokenizer_.encode_plain_to(*request.continued, p.ids);
    return p;
  }
  if (!prompts_) return prompts_.error();
  return prompts_->build(request.messages, {.add_generation_prompt = true,
                                            .enable_thinking = thinking_switch(request.thinking),
                                            .find_learned = false,
                                            .now = request.now,
                                            .tools = request.tools,
                                            .variables = request.variables,
                                            .adapt = request.adapt_messages});
}

Result<engine::RequestId> Session::submit(const ChatRequest& request, EventSink sink) {
  return submit_samples(request, {std::move(sink)});
}

Result<engine::RequestId> Session::submit_samples(const ChatRequest& request, std::vector<EventSink> sinks) {
  for (const std::string& text : request.stop) {
    if (text.empty()) return Error{"stop: an empty text"};
    if (unicode::to_valid_utf8(text) != text) return Error{"stop: a text that is not UTF-8"};
  }
  auto built = prompt(request);
  if (!built) return built.error();
  engine::Request r;
  r.tokens = std::move(built->ids);
  r.sampling = request.sampling;
  r.sample = request.sample;
  r.samples = static_cast<int64_t>(sinks.size());
  r.max_tokens = request.max_tokens;
  r.stop_tokens = stop_tokens_;
  ReplyOptions options{.format = {},
                       .in_reasoning = built->opens_thinking,
                       .tools = text::ToolSchemas(request.tools),
                       .stop = request.stop,
                       .tokens = request.tokens,
                       .warnings = std::move(built->warnings)};
  if (!request.continued) options.format = stream_format();
  auto samples = std::make_shared<std::deque<Sample>>();
  for (EventSink& sink : sinks)
    samples->emplace_back(tokenizer_, stop_tokens_, options, request.end_loops, std::move(sink));
  return engine_->submit(std::move(r), [samples](const engine::Event& event) {
    if (const auto* token = std::get_if<engine::TokenEvent>(&event)) return (*samples)[token->sample].push(*token);
    const auto& finished = std::get<engine::Finished>(event);
    (*samples)[finished.sample].finish(finished);
    return SinkAnswer::keep;
  });
}

void Session::cancel(engine::RequestId id) {
  engine_->cancel(id);
}

Reply Session::chat(const ChatRequest& request) {
  return chat_all({request}).front();
}

std::vector<Reply> Session::chat_all(const std::vector<ChatRequest>& requests, const OnReply& on_reply,
                                     const Stop& stop) {
  return follow_all(
      requests,
      [&](size_t i, const Event& event, const Reply& reply) {
        if (on_reply && std::holds_alternative<Done>(event)) on_reply(i, reply);
        return SinkAnswer::keep;
      },
      stop);
}

Reply Session::follow(const ChatRequest& request, const EventSink& sink, const Stop& stop) {
  const auto tell = [&](size_t, const Event& event, const Reply&) { return sink(event); };
  return std::move(follow_all({request}, tell, stop).front());
}

std::vector<Reply> Session::follow_all(const std::vector<ChatRequest>& requests, const OnEvent& on_event,
                                       const Stop& stop) {
  constexpr std::chrono::milliseconds kBetweenLooks{20};
  std::vector<Reply> replies(requests.size());
  std::vector<engine::RequestId> running;
  std::mutex mutex;
  std::condition_variable changed;
  size_t finished = 0;
  const auto take = [&](size_t i, const Event& event) {
    std::lock_guard lock(mutex);
    replies[i].add(event);
    const SinkAnswer answer = on_event(i, event, replies[i]);
    if (std::holds_alternative<Done>(event)) {
      ++finished;
      changed.notify_all();
    }
    return answer;
  };
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto id = submit(requests[i], [&take, i](const Event& event) { return take(i, event); });
    if (id)
      running.push_back(*id);
    else
      take(i, Done{.reason = engine::FinishReason::error, .stop = {}, .error = id.error().message});
  }
  std::unique_lock lock(mutex);
  const auto over = [&] { return finished == requests.size(); };
  while (stop && !changed.wait_for(lock, kBetweenLooks, over)) {
    if (!stop()) continue;
    lock.unlock();
    for (const engine::RequestId id : running) cancel(id);
    lock.lock();
    break;
  }
  changed.wait(lock, over);
  return replies;
}

}  // namespace jamsu::session

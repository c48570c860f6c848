#include "session/session.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "session/reply_parser.h"
#include "unicode/utf8.h"

namespace jamsu::session {
namespace {

std::optional<bool> thinking_switch(Thinking thinking) {
  if (thinking == Thinking::automatic) return std::nullopt;
  return thinking == Thinking::on;
}

}  // namespace

Session::Session(std::shared_ptr<const models::Model> model, tokenizer::Tokenizer tokenizer,
                 Result<text::PromptBuilder> prompts, ops::Runtime& runtime, const engine::EngineOptions& options,
                 const std::vector<int64_t>& further_ends)
    : tokenizer_(std::move(tokenizer)), prompts_(std::move(prompts)), begin_(static_cast<int32_t>(model->info().bos)) {
  if (prompts_ && prompts_->end_of_text() >= 0) stop_tokens_.push_back(prompts_->end_of_text());
  for (const auto& ids : {model->info().eos, further_ends})
    for (const int64_t id : ids)
      if (std::find(stop_tokens_.begin(), stop_tokens_.end(), id) == stop_tokens_.end())
        stop_tokens_.push_back(static_cast<int32_t>(id));
  engine_ = engine::Engine::open(std::move(model), runtime, options);
}

Session::~Session() = default;

Result<text::Prompt> Session::prompt(const ChatRequest& request) const {
  if (request.continued) {
    text::Prompt p;
    if (begin_ >= 0) p.ids.push_back(begin_);
    tokenizer_.encode_plain_to(*request.continued, p.ids);
    return p;
  }
  if (!prompts_) return prompts_.error();
  return prompts_->build(request.messages, {.add_generation_prompt = true,
                                            .enable_thinking = thinking_switch(request.thinking),
                                            .find_learned = false,
                                            .now = request.now,
                                            .tools = request.tools,
                                            .variables = request.variables});
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
  ReplyOptions options{
      .format = {}, .in_reasoning = built->opens_thinking, .stop = request.stop, .tokens = request.tokens};
  if (!request.continued) options.format = stream_format();
  auto parsers = std::make_shared<std::deque<ReplyParser>>();
  for (EventSink& sink : sinks) parsers->emplace_back(tokenizer_, stop_tokens_, options, std::move(sink));
  return engine_->submit(std::move(r), [parsers](const engine::Event& event) {
    if (const auto* token = std::get_if<engine::TokenEvent>(&event)) return (*parsers)[token->sample].push(*token);
    const auto& finished = std::get<engine::Finished>(event);
    (*parsers)[finished.sample].finish(finished);
    return SinkAnswer::keep;
  });
}

void Session::cancel(engine::RequestId id) {
  engine_->cancel(id);
}

Reply Session::chat(const ChatRequest& request) {
  return chat_all({request}).front();
}

std::vector<Reply> Session::chat_all(const std::vector<ChatRequest>& requests, const OnReply& on_reply) {
  std::vector<Reply> replies(requests.size());
  std::mutex mutex;
  std::condition_variable changed;
  size_t finished = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto id = submit(requests[i], [&, i](const Event& event) {
      std::lock_guard lock(mutex);
      Reply& reply = replies[i];
      if (const auto* r = std::get_if<ReasoningPiece>(&event)) reply.reasoning += r->text;
      if (const auto* c = std::get_if<ContentPiece>(&event)) reply.content += c->text;
      if (const auto* t = std::get_if<TokenPiece>(&event)) reply.tokens.push_back(*t);
      if (const auto* c = std::get_if<CallBegin>(&event)) reply.calls.push_back({c->call});
      if (const auto* c = std::get_if<CallArguments>(&event)) reply.calls.back().arguments += c->text;
      if (const auto* c = std::get_if<CallEnd>(&event)) {
        reply.calls.back().complete = c->complete;
        reply.calls.back().valid = c->valid;
      }
      if (const auto* d = std::get_if<Done>(&event)) {
        reply.done = *d;
        if (on_reply) on_reply(i, reply);
        ++finished;
        changed.notify_all();
      }
    });
    if (!id) {
      std::lock_guard lock(mutex);
      replies[i].done.reason = engine::FinishReason::error;
      replies[i].done.error = id.error().message;
      if (on_reply) on_reply(i, replies[i]);
      ++finished;
    }
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return finished == requests.size(); });
  return replies;
}

}  // namespace jamsu::session

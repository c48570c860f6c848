#include "session/session.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "unicode/utf8.h"

namespace jamsu::session {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Where content ends early: passes text on, but for what may be the beginning of a stop text.
class StopTexts {
 public:
  explicit StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  // What of the text so far is certain to be content. Both ends are character boundaries where the texts are UTF-8.
  std::string push(std::string piece) {
    if (texts_.empty()) return piece;
    held_ += piece;
    size_t first = std::string::npos;
    for (const std::string& text : texts_)
      if (const size_t at = held_.find(text); at < first) {
        first = at;
        met_ = text;
      }
    const size_t sure = first != std::string::npos ? first : held_.size() - longest_beginning();
    std::string out = held_.substr(0, sure);
    held_.erase(0, sure);
    return out;
  }
  // The end came first: what was held back is content after all.
  std::string flush() { return met_.empty() ? std::exchange(held_, {}) : std::string(); }
  const std::string& met() const { return met_; }

 private:
  // Bytes at the end that begin a stop text.
  size_t longest_beginning() const {
    size_t longest = 0;
    for (const std::string& text : texts_)
      for (size_t n = std::min(text.size() - 1, held_.size()); n > longest; --n)
        if (held_.compare(held_.size() - n, n, text, 0, n) == 0) longest = n;
    return longest;
  }
  std::vector<std::string> texts_;
  std::string held_, met_;
};

struct ParserOptions {
  std::optional<text::StreamFormat> format;  // empty: all is content
  bool in_reasoning = false;                 // the prompt has opened it
  std::vector<std::string> stop;
};

// Turns a request's tokens into events.
class Parser final : public text::StreamSink {
 public:
  Parser(const tokenizer::Tokenizer& tokenizer, const std::vector<int32_t>& stop_tokens, ParserOptions options,
         EventSink sink)
      : decoder_(tokenizer, false), stop_tokens_(stop_tokens), stop_(std::move(options.stop)), sink_(std::move(sink)) {
    if (options.format) stream_.emplace(*options.format, options.in_reasoning, *this);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // False: a stop text has come, nothing more is wanted.
  bool push(int32_t id) {
    if (!stop_.met().empty()) return false;
    if (stream_ && stream_->in_reasoning()) {
      ++done_.reasoning_tokens;
      done_.reasoning_seconds = since(start_);
    }
    if (std::find(stop_tokens_.begin(), stop_tokens_.end(), id) != stop_tokens_.end()) return true;
    take(decoder_.push(id));
    return stop_.met().empty();
  }
  void finish(const engine::Finished& f) {
    if (stop_.met().empty()) {
      take(decoder_.flush());
      if (stream_) stream_->finish();
    }
    send(stop_.flush());
    done_.reason = stop_.met().empty() ? f.reason : engine::FinishReason::stop_token;
    done_.stop = stop_.met();
    done_.error = f.error;
    done_.prompt_tokens = f.prompt_tokens;
    done_.cached_tokens = f.cached_tokens;
    done_.output_tokens = f.output_tokens;
    done_.seconds = since(start_);
    sink_(done_);
  }

 private:
  void take(const std::string& text) {
    if (text.empty()) return;
    if (stream_)
      stream_->push(text);
    else
      content(text);
  }
  void reasoning(std::string_view text) override { sink_(ReasoningPiece{std::string(text)}); }
  void content(std::string_view text) override { send(stop_.push(std::string(text))); }
  void call_begin(const text::StreamCall& call) override { tell(CallBegin{call}); }
  void call_arguments(std::string_view text) override { tell(CallArguments{std::string(text)}); }
  void call_end(bool complete, bool valid) override { tell(CallEnd{complete, valid}); }
  void tell(const Event& event) {
    if (stop_.met().empty()) sink_(event);
  }
  void send(std::string content) {
    if (!content.empty()) sink_(ContentPiece{std::move(content)});
  }
  tokenizer::StreamDecoder decoder_;
  const std::vector<int32_t>& stop_tokens_;
  std::optional<text::StreamParser> stream_;
  StopTexts stop_;
  EventSink sink_;
  Done done_;
  Clock::time_point start_ = Clock::now();
};

std::optional<bool> thinking_switch(Thinking thinking) {
  if (thinking == Thinking::automatic) return std::nullopt;
  return thinking == Thinking::on;
}

}  // namespace

Session::Session(std::shared_ptr<const models::Model> model, tokenizer::Tokenizer tokenizer,
                 Result<text::PromptBuilder> prompts, ops::Runtime& runtime, const engine::EngineOptions& options,
                 const std::vector<int64_t>& further_ends)
    : tokenizer_(std::move(tokenizer)), prompts_(std::move(prompts)), begin_(static_cast<int32_t>(model->info().bos)) {
  if (prompts_) stop_tokens_.push_back(prompts_->end_of_text());
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
                                            .tools = request.tools});
}

Result<engine::RequestId> Session::submit(const ChatRequest& request, EventSink sink) {
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
  r.max_tokens = request.max_tokens;
  r.stop_tokens = stop_tokens_;
  // A stop text may come before submit has told the id: the engine's thread waits for it then.
  struct Running {
    Running(const tokenizer::Tokenizer& tokenizer, const std::vector<int32_t>& stop_tokens, ParserOptions options,
            EventSink sink)
        : parser(tokenizer, stop_tokens, std::move(options), std::move(sink)) {}
    Parser parser;
    std::atomic<engine::RequestId> id = 0;
  };
  ParserOptions options{.format = {}, .in_reasoning = built->opens_thinking, .stop = request.stop};
  if (!request.continued) options.format = stream_format();
  auto running = std::make_shared<Running>(tokenizer_, stop_tokens_, std::move(options), std::move(sink));
  auto id = engine_->submit(std::move(r), [this, running](const engine::Event& event) {
    if (const auto* token = std::get_if<engine::TokenEvent>(&event)) {
      if (running->parser.push(token->token)) return;
      running->id.wait(0);
      engine_->cancel(running->id);
    } else {
      running->parser.finish(std::get<engine::Finished>(event));
    }
  });
  if (id) {
    running->id = *id;
    running->id.notify_one();
  }
  return id;
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

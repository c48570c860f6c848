#pragma once
// Engine + text: messages in, typed events out.
// Chat, evaluation and rollouts use this, so a prompt is built in one place.
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "session/events.h"
#include "text/prompt.h"
#include "text/stream/parser.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::session {

enum class Thinking : uint8_t { automatic, on, off };

struct ChatRequest {
  std::vector<text::Message> messages;
  boost::json::array tools = {};       // functions the model may call
  boost::json::object variables = {};  // what the chat template sees besides (text::Conversation)
  bool adapt_messages = false;         // text::PromptOptions::adapt
  // Instead of messages: this text behind what its tokenizer begins a text with (text_begin), continued as it stands.
  // No chat format, and
  // thinking marks stay in the content.
  std::optional<std::string> continued = {};
  bool special = false;  // of `continued`: added tokens spelled in it are tokens; else it is plain text
  Thinking thinking = Thinking::automatic;  // the template's switch; automatic leaves it to the model
  engine::SamplingParams sampling;
  uint32_t sample = 0;  // number of this sample of the same prompt
  int64_t max_tokens = 512;
  std::vector<std::string> stop = {};  // texts that end the content; they are not part of it
  std::optional<std::tm> now;          // for templates that write the date
  bool tokens = false;                 // TokenPieces beside the text: ids and log-probabilities
  bool end_loops = false;              // a reply that says the same again and again is ended (session/loop_watch.h)
};

// A whole reply.
struct Reply {
  std::string reasoning, content;
  std::vector<text::StreamResult::Call> calls;
  std::vector<TokenPiece> tokens;  // where they were asked for
  Done done;
  void add(const Event& event);  // the next of its events
};

class Session {
 public:
  // The runtime is the engine's (Engine::open). `prompts`: an error is what requests with messages end in.
  // `further_ends`: tokens that end a reply beside those of the model's config (text_ends).
  Session(std::shared_ptr<const models::Model> model, tokenizer::Tokenizer tokenizer,
          Result<text::PromptBuilder> prompts, ops::Runtime& runtime, const engine::EngineOptions& options,
          const std::vector<int32_t>& further_ends = {});
  ~Session();

  // Events come from a thread that delivers (session/events.h), Done last. Errors: the template's, the engine's, a stop
  // text that is empty or not UTF-8.
  Result<engine::RequestId> submit(const ChatRequest& request, EventSink sink);
  // As many samples of the prompt as sinks, from one prefill: what requests with `sample`, `sample` + 1, ... are told.
  Result<engine::RequestId> submit_samples(const ChatRequest& request, std::vector<EventSink> sinks);
  void cancel(engine::RequestId id);
  Reply chat(const ChatRequest& request);  // waits; an error is in done.error
  // All at once, in the order asked. `on_reply` sees each as it ends: one at a time, while the caller waits. `stop` is
  // asked again and again meanwhile: once it says true, what has not ended is cancelled.
  using OnReply = std::function<void(size_t index, const Reply& reply)>;
  using Stop = std::function<bool()>;
  std::vector<Reply> chat_all(const std::vector<ChatRequest>& requests, const OnReply& on_reply = {},
                              const Stop& stop = {});
  // chat, with each event told to `sink` as it comes.
  Reply follow(const ChatRequest& request, const EventSink& sink, const Stop& stop = {});

  // How replies are split; `think` where there is no chat template.
  text::StreamFormat stream_format() const { return prompts_ ? prompts_->stream_format() : text::StreamFormat::think; }
  Result<text::Prompt> prompt(const ChatRequest& request) const;
  // Errors: members of the messages that nobody reads (PromptBuilder::check).
  Status check(const ChatRequest& request) const { return prompts_ ? prompts_->check(request.messages) : Status(); }
  const tokenizer::Tokenizer& tokenizer() const { return tokenizer_; }
  engine::Engine& engine() { return *engine_; }

 private:
  using OnEvent = std::function<SinkAnswer(size_t index, const Event& event, const Reply& so_far)>;
  std::vector<Reply> follow_all(const std::vector<ChatRequest>& requests, const OnEvent& on_event, const Stop& stop);

  tokenizer::Tokenizer tokenizer_;
  Result<text::PromptBuilder> prompts_;
  std::vector<int32_t> stop_tokens_;
  std::vector<int32_t> begin_;  // of running text
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace jamsu::session

#pragma once
// Turns a request's tokens into events: decodes, splits reasoning, content and tool calls, and ends at a stop text.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "session/events.h"
#include "text/stream/parser.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::session {

// Where content ends early: passes text on, but for what may be the beginning of a stop text.
class StopTexts {
 public:
  // REQUIRES: none is empty.
  explicit StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  // What of the text so far is certain to be content. Both ends are character boundaries where the texts are UTF-8.
  std::string push(std::string piece);
  // The end came first: what was held back is content after all.
  std::string flush();
  // The one that came first; empty: none yet.
  const std::string& met() const { return met_; }

 private:
  size_t longest_beginning() const;
  std::vector<std::string> texts_;
  std::string held_, met_;
};

struct ReplyOptions {
  std::optional<text::StreamFormat> format = {};  // empty: all is content
  bool in_reasoning = false;                      // the prompt has opened it
  text::ToolSchemas tools = {};                   // of the request
  std::vector<std::string> stop = {};
  bool tokens = false;                     // TokenPieces are asked
  std::vector<std::string> warnings = {};  // of the prompt, for Done
};

// One reply; not thread-safe. The tokenizer and the end tokens outlive it.
class ReplyParser final : public text::StreamSink {
 public:
  ReplyParser(const tokenizer::Tokenizer& tokenizer, const std::vector<int32_t>& end_tokens, ReplyOptions options,
              EventSink sink);
  ReplyParser(const ReplyParser&) = delete;
  ReplyParser& operator=(const ReplyParser&) = delete;

  // Stop: a stop text has come, or the sink wants no more.
  SinkAnswer push(const engine::TokenEvent& token);
  void finish(const engine::Finished& f);

 private:
  bool over() const { return stopped_ || !stop_.met().empty(); }
  void take(const std::string& text);
  void tell(const Event& event);
  void send(std::string content);
  void warn(const text::StreamEnd& end);
  void reasoning(std::string_view text) override { tell(ReasoningPiece{std::string(text)}); }
  void content(std::string_view text) override { send(stop_.push(std::string(text))); }
  void content_was_reasoning() override;
  void call_begin(const text::StreamCall& call) override;
  void call_arguments(std::string_view text) override;
  void call_end(bool complete, bool valid) override;

  tokenizer::StreamDecoder decoder_;
  const std::vector<int32_t>& end_tokens_;
  std::optional<text::StreamParser> stream_;
  text::StreamFormat format_;
  bool has_tools_;
  StopTexts stop_;
  EventSink sink_;
  bool tokens_, stopped_ = false;
  int64_t pushed_ = 0;  // tokens
  Done done_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace jamsu::session

#pragma once
// Model text -> reasoning, content and tool calls, while it is being written. Each family of models has its own format;
// the markers of a chat template say which. The rules stand in tests/golden/text/README.md, section streams.
//
// Text may come in any pieces, cut inside characters too: every cut gives the same reasoning, content and calls (pieces
// of one kind that follow each other may be cut differently). Nothing is trimmed in reasoning and content. Of plain
// text at most a marker is held back, or white space that may belong to a call (kMostWhiteSpace), or what may be the
// header of Harmony's first message (` to=`, kMostHeader).
// A Hermes block waits until it is a call or cannot become one.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::text {

enum class StreamFormat : uint8_t {
  think,         // <think>...</think> and content; no calls
  hermes,        // Qwen, QwQ: <tool_call>{"name": ..., "arguments": ...}</tool_call>
  deepseek_v3,   // V3, R1 and what was distilled from it: type, name, arguments in a code fence
  deepseek_v31,  // name, arguments
  dsml_v32,      // <|DSML|function_calls> (with full-width bars), invoke, parameter
  dsml_v4,       // the same within <|DSML|tool_calls>
  kimi_k2,       // <|tool_calls_section_begin|>
  harmony,       // gpt-oss: channels
};
inline constexpr int kStreamFormats = 8;

// As golden/text/streams.jsonl calls it: "deepseek_v31".
std::string_view stream_format_name(StreamFormat format);
// By the markers in the template's text; `think` where there are none that are known.
StreamFormat stream_format_of_template(std::string_view chat_template);

// What is longer is treated as said: deterministic, whatever the cuts.
inline constexpr size_t kMostWhiteSpace = 4096;  // white space before a call beyond this is content
inline constexpr size_t kMostHeader = 64 << 10;  // a call with a longer name or id is dropped
inline constexpr size_t kMostBody = 4 << 20;  // a longer parameter (DSML) is dropped, a longer block is text (Hermes)
inline constexpr uint32_t kMostJsonDepth = 256;  // deeper arguments are not valid

struct StreamCall {
  std::string name = {};
  std::string id = {};         // Kimi
  std::string type = {};       // DeepSeek-V3
  std::string recipient = {};  // Harmony, as is channel
  std::string channel = {};

  friend bool operator==(const StreamCall&, const StreamCall&) = default;
};

// begin, arguments (any number of times), end; never two calls at once.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual void reasoning(std::string_view text) = 0;
  virtual void content(std::string_view text) = 0;
  virtual void call_begin(const StreamCall& call) = 0;
  // The text that was sampled, trimmed at both ends; DSML's parameters as JSON.
  virtual void call_arguments(std::string_view text) = 0;
  // complete: its end was seen. valid: the arguments are JSON.
  virtual void call_end(bool complete, bool valid) = 0;
};

struct StreamEnd {
  bool truncated = false;  // the text ended inside a block
  uint32_t dropped = 0;    // calls or parameters that could not be read

  friend bool operator==(const StreamEnd&, const StreamEnd&) = default;
};

class StreamFamily;

class StreamParser {
 public:
  // in_reasoning: the prompt ended inside <think>. `sink` must outlive the parser.
  StreamParser(StreamFormat format, bool in_reasoning, StreamSink& sink);
  StreamParser(StreamParser&&) noexcept;
  StreamParser& operator=(StreamParser&&) noexcept;
  ~StreamParser();

  // Bytes that are not UTF-8 become U+FFFD. What follows an end-of-sequence token is ignored.
  void push(std::string_view piece);
  // No more text: what was held back is passed on. REQUIRES: once, and no push after it.
  StreamEnd finish();
  // What comes next is reasoning, unless a marker says otherwise.
  bool in_reasoning() const;

 private:
  std::unique_ptr<StreamFamily> family_;
  std::string incomplete_;  // the start of a character, up to three bytes
};

// All of it, put together.
struct StreamResult : StreamSink {
  struct Call : StreamCall {
    std::string arguments = {};
    bool complete = false, valid = false;

    friend bool operator==(const Call&, const Call&) = default;
  };
  std::string reasoning_text, content_text;
  std::vector<Call> calls;
  StreamEnd end;

  void reasoning(std::string_view text) override { reasoning_text += text; }
  void content(std::string_view text) override { content_text += text; }
  void call_begin(const StreamCall& call) override { calls.push_back({call, {}}); }
  void call_arguments(std::string_view text) override { calls.back().arguments += text; }
  void call_end(bool complete, bool valid) override { calls.back().complete = complete, calls.back().valid = valid; }
};

}  // namespace jamsu::text

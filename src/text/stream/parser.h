#pragma once
// Model text -> reasoning, content and tool calls, while it is being written. Each family of models has its own format;
// the markers of a chat template say which. The rules stand in tests/golden/text/README.md, section streams.
//
// Text may come in any pieces, cut inside characters too: every cut gives the same reasoning, content and calls (pieces
// of one kind that follow each other may be cut differently). Nothing is trimmed in reasoning and content. Of plain
// text at most a marker is held back, or white space that may belong to a call (kMostWhiteSpace), or what may be the
// header of Harmony's first message (` to=`, kMostHeader) or a function's name on a line (Functionary).
// A block (Hermes and the formats of block.cpp) waits until it is a call or cannot become one, a parameter in tags until
// it is whole.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/stream/schema.h"

namespace jamsu::text {

// The order is that of the fuzz target's first byte: new ones come last.
enum class StreamFormat : uint8_t {
  think,         // <think>...</think> and content; no calls
  hermes,        // Qwen, QwQ: <tool_call>{"name": ..., "arguments": ...}</tool_call>
  deepseek_v3,   // V3, R1 and what was distilled from it: type, name, arguments in a code fence
  deepseek_v31,  // name, arguments
  dsml_v32,      // <|DSML|function_calls> (with full-width bars), invoke, parameter
  dsml_v4,       // the same within <|DSML|tool_calls>
  kimi_k2,       // <|tool_calls_section_begin|>
  harmony,       // gpt-oss: channels
  function_xml,  // Qwen3-Coder: <tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>
  glm,           // GLM-4.5: <tool_call>NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value></tool_call>
  minimax_m2,    // <minimax:tool_call><invoke name="NAME"><parameter name="KEY">VALUE</parameter></invoke>...
  seed_oss,      // <seed:tool_call> around the tags of function_xml, <seed:think>
  gemma4,        // <|tool_call>call:NAME{KEY:<|"|>VALUE<|"|>}<tool_call|>, <|channel>thought
  lfm2,          // <|tool_call_start|>[NAME(KEY=VALUE)]<|tool_call_end|>
  mistral,       // [TOOL_CALLS]NAME[ARGS]{...} or [TOOL_CALLS][{...}], [THINK]
  nemotron_v2,   // <TOOLCALL>[{...}]</TOOLCALL>
  apriel,        // <tool_calls>[{...}]</tool_calls>, [BEGIN FINAL RESPONSE]
  command_r7b,   // <|START_ACTION|>[{"tool_name": ..., "parameters": ...}]<|END_ACTION|>, <|START_THINKING|>
  command_r,     // Action: and a JSON list in a code fence
  apertus,       // <|tools_prefix|>[{NAME: {...}}]<|tools_suffix|>, <|inner_prefix|>
  granite,       // <|tool_call|>[{...}] to the reply's end
  functools,     // functools[{...}]
  gigachat,      // <|function_call|>{...} or a message of the role "function call"
  llama3,        // the reply is {"name": ..., "parameters": ...}, or follows <|python_tag|>
  minicpm5,      // <function name="NAME"><param name="KEY">VALUE</param></function>
  hy3,           // Hunyuan 3: <tool_call:opensource>NAME<tool_sep:opensource> and the tags of glm, so marked
  unknown,       // as think: the template writes calls in marks that no format here has, and they stay in the content
  minimax_m3,    // <tool_call><invoke name="NAME"><KEY>VALUE</KEY></invoke>, each tag behind ]<]minimax[>[
  kimi_k3,  // <|open|>call tool="NAME"<|sep|><|open|>argument key="KEY" type="string"<|sep|>VALUE<|close|>argument...
  muse,     // Muse Glimmer: messages " to=NAME<|message|>" with <atem:invoke name="NAME"> inside
  solar_open,   // <|tool_calls|><|tool_call:begin|>ID<|tool_call:name|>NAME<|tool_call:args|>{...}<|tool_call:end|>
  functionary,  // Functionary 3.2: >>>NAME and a line feed, then {...}
};
inline constexpr int kStreamFormats = 32;

// As golden/text/streams.jsonl calls it: "deepseek_v31".
std::string_view stream_format_name(StreamFormat format);

// By the markers in the template's text (the table in formats.cpp); `think` where it has no calls.
StreamFormat stream_format_of_template(std::string_view chat_template);
// Whether a rendered prompt ends inside the format's reasoning: its mark has been opened last and not closed.
bool prompt_opens_reasoning(StreamFormat format, std::string_view prompt);

// What is longer is treated as said: deterministic, whatever the cuts.
inline constexpr size_t kMostWhiteSpace = 4096;  // white space before a call beyond this is content
inline constexpr size_t kMostHeader = 64 << 10;  // a call with a longer name or id is dropped
// A longer parameter in tags is dropped; a longer block is text; reasoning with a call in it is not held back further.
inline constexpr size_t kMostBody = 4 << 20;
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
  // An end of reasoning has come that nothing began: all content so far was reasoning. At most once, before any call.
  virtual void content_was_reasoning() = 0;
  virtual void call_begin(const StreamCall& call) = 0;
  // JSON: the text that was sampled, trimmed at both ends, or what was made of parameters in tags (ToolSchemas).
  virtual void call_arguments(std::string_view text) = 0;
  // complete: its end was seen, or it is whole JSON in a format that leaves its end out. valid: the arguments are JSON.
  virtual void call_end(bool complete, bool valid) = 0;
};

struct StreamEnd {
  bool truncated = false;  // the text ended inside a block
  uint32_t dropped = 0;    // calls or parameters that could not be read

  friend bool operator==(const StreamEnd&, const StreamEnd&) = default;
};

struct StreamOptions {
  bool in_reasoning = false;  // the prompt ended inside <think>
  // How sessions read what models really write. false: the rules of golden/text/streams.jsonl, which differ in that
  // - an end of reasoning that nothing began is content. Lenient: all before it was reasoning (content_was_reasoning);
  // - a call inside reasoning ends it, or never counts (Hermes). Lenient: it is reasoning if an end of reasoning
  //   follows, else a call; until that is decided, at the latest at the reply's end, it is held back;
  // - a mark that is cut off by the reply's end is text. Lenient: arguments get no piece of a mark;
  // - Kimi's and DeepSeek's calls need their section's mark.
  bool lenient = true;
  ToolSchemas tools = {};  // of the request: the types of parameters without quotes
};

class StreamFamily;

class StreamParser {
 public:
  // `sink` must outlive the parser.
  StreamParser(StreamFormat format, const StreamOptions& options, StreamSink& sink);
  // By the rules of golden/text/streams.jsonl.
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
  void content_was_reasoning() override { reasoning_text += std::exchange(content_text, {}); }
  void call_begin(const StreamCall& call) override { calls.push_back({call, {}}); }
  void call_arguments(std::string_view text) override { calls.back().arguments += text; }
  void call_end(bool complete, bool valid) override { calls.back().complete = complete, calls.back().valid = valid; }
};

}  // namespace jamsu::text

#pragma once
// Messages -> token ids and which of them are learned: the one place where a prompt is built, for chat, evaluation and
// training. The model's chat template writes the text; of that text only what the template wrote and what the model said
// is searched for special tokens (typed_text.h): what a person typed is encoded as plain text, whatever it says.
#include <boost/json.hpp>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/chat_format.h"
#include "text/typed_text.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::text {

struct Message {
  std::string role;          // "user", "assistant", "system"; others where the template knows them ("tool")
  std::string content = {};  // of parts: their texts, joined
  // assistant: the thinking, without its marks. Templates tell an empty one from none.
  std::optional<std::string> reasoning_content = {};
  bool ours = false;  // text that we wrote: special tokens in it are meant (the retry mark of generated tasks)
  boost::json::object fields = {};  // what else the template may read of it ("tool_calls", "tool_call_id", "name")
  // Content that was given as a list of {"type": "text", "text": ...}: the list goes to templates that read one.
  boost::json::array parts = {};
  bool no_content = false;         // beside tool calls: the template sees no such member
  std::optional<bool> learn = {};  // false: an assistant's message that is read and not learned
};

struct PromptOptions {
  bool add_generation_prompt = true;
  std::optional<bool> enable_thinking = {};  // empty: the model decides
  bool find_learned = false;                 // fills Prompt::learned
  std::optional<std::tm> now = {};           // for templates that write the date
  boost::json::array tools = {};             // functions the model may call, as chat APIs describe them
  boost::json::object variables = {};        // what the template sees besides (Conversation::variables)
  // Messages that the template would leave out or write as a list in Python's or JSON's letters are given to it in a
  // form that it writes: a developer's as the system's, a function's as a tool's, parts as one text. Without it they go
  // as they are, as transformers gives them, and Prompt::warnings names them.
  bool adapt = false;
};

struct Prompt {
  std::vector<int32_t> ids;
  // [ids] or empty: 1 on what the assistant says, its thinking and end mark included, but for Message::learn = false.
  std::vector<uint8_t> learned;
  bool opens_thinking = false;        // the prompt ends inside <think>
  std::vector<std::string> warnings;  // what the template leaves out or writes as a list (PromptOptions::adapt)
};

// Thread-safe; copies share the format and the tokenizer.
class PromptBuilder {
 public:
  // Errors: an eos_token that the tokenizer lacks; with the built-in format any of its tokens.
  static Result<PromptBuilder> create(tokenizer::Tokenizer tokenizer, ChatFormat format);
  static Result<PromptBuilder> create(tokenizer::Tokenizer tokenizer);  // the built-in format
  // What the template writes of the messages as they are is the prompt, to the byte what transformers' apply_chat_template
  // gives. Where it raises, it is asked again with the messages adapted (PromptOptions::adapt), then with tools, calls and
  // arguments in the forms of chat APIs (api_shape.h).
  // Errors: no messages, what the template raises (a role it does not know), its limits, those of check. For find_learned
  // also what would go lost without a word: a last reply that does not begin as the template asks for one; reasoning,
  // tools, calls or a message that the template leaves out; parts that it writes as a list.
  Result<Prompt> build(const std::vector<Message>& messages, const PromptOptions& options = {}) const;
  // Members of messages that are not known here and that the template does not read are an error that names them, and so
  // are roles that it leaves out.
  Status check(const std::vector<Message>& messages) const;
  bool reads(std::string_view member) const { return format_.mentions(member); }

  int32_t end_of_text() const { return end_; }  // -1: the tokenizer's files name none
  StreamFormat stream_format() const { return format_.stream_format(); }

 private:
  struct Span {
    size_t begin, end;
  };
  struct Written;  // the messages as a template sees them, and what it made of them
  PromptBuilder(tokenizer::Tokenizer tokenizer, ChatFormat format);
  std::string adapted_role(const Message& message) const;  // as the template knows it
  jinja::Value value_of(const Message& message, bool adapt, TypedText& typed) const;
  Result<Written> write(const std::vector<Message>& messages, const PromptOptions& options, TypedText& typed) const;
  // In the first form that the template writes.
  Result<Written> write_somehow(const std::vector<Message>& messages, PromptOptions options, TypedText& typed) const;
  // Why the template does not write the message as it is, and what would help; empty: it does, or raises.
  std::string unwritten(size_t i, const Message& message) const;
  std::vector<std::string> warnings_of(const std::vector<Message>& messages, const Written& written) const;
  // Bytes of the rendered messages that the assistant says and that are learned.
  Result<std::vector<Span>> learned_spans(const std::vector<Message>& messages, const Written& written) const;
  // `last_reply`: the text of the last one that is learned.
  Status check_learned(const std::vector<Message>& messages, const PromptOptions& options,
                       const std::string& last_reply, const TypedText& typed) const;

  tokenizer::Tokenizer tokenizer_;
  ChatFormat format_;
  std::shared_ptr<const Marks> marks_;
  int32_t end_ = -1, think_ = -1, end_think_ = -1;
};

}  // namespace jamsu::text

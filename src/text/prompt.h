#pragma once
// Messages -> token ids and which of them are learned: the one place where a prompt is built, for chat, evaluation and
// training. The model's chat template writes the text; of that text only what the template itself wrote is searched for
// special tokens: what a person typed is encoded as plain text, whatever it says.
#include <boost/json.hpp>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/chat_format.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer.h"

namespace jamsu::text {

struct Message {
  std::string role;  // "user", "assistant", "system"; others where the template knows them ("tool")
  std::string content = {};
  std::string reasoning_content = {};  // assistant: the thinking, without its marks
  bool ours = false;  // text that we wrote: special tokens in it are meant (the retry mark of generated tasks)
  // What else the template may read of it ("tool_calls", "tool_call_id", "name"); what stands here replaces a member
  // from above ("content": null).
  boost::json::object fields = {};
};

struct PromptOptions {
  bool add_generation_prompt = true;
  std::optional<bool> enable_thinking = {};  // empty: the model decides
  bool find_learned = false;                 // fills Prompt::learned
  std::optional<std::tm> now = {};           // for templates that write the date
  boost::json::array tools = {};             // functions the model may call, as chat APIs describe them
};

struct Prompt {
  std::vector<int32_t> ids;
  std::vector<uint8_t> learned;  // [ids] or empty: 1 on what the assistant says, its thinking and end mark included
  bool opens_thinking = false;   // the prompt ends inside <think>
};

// Thread-safe; copies share the format and the tokenizer.
class PromptBuilder {
 public:
  // Errors: an eos_token that the tokenizer lacks; with the built-in format any of its tokens.
  static Result<PromptBuilder> create(tokenizer::Tokenizer tokenizer, ChatFormat format);
  static Result<PromptBuilder> create(tokenizer::Tokenizer tokenizer);  // the built-in format
  // Errors: no messages, what the template raises (a role it does not know), its limits; for find_learned: a last reply
  // that does not begin as the template asks for one.
  Result<Prompt> build(const std::vector<Message>& messages, const PromptOptions& options = {}) const;

  int32_t end_of_text() const { return end_; }
  StreamFormat stream_format() const { return format_.stream_format(); }

 private:
  struct Span {
    size_t begin, end;
  };
  PromptBuilder(tokenizer::Tokenizer tokenizer, ChatFormat format);
  // Bytes of `whole`, the rendered messages, that the assistant says.
  Result<std::vector<Span>> learned_spans(const std::vector<Message>& messages, const std::vector<jinja::Value>& values,
                                          const std::string& whole, const ChatVariables& variables) const;

  tokenizer::Tokenizer tokenizer_;
  ChatFormat format_;
  std::shared_ptr<const tokenizer::AddedTokenMatcher> marks_;  // every added token, wherever it stands
  int32_t end_ = -1, think_ = -1, end_think_ = -1;
};

}  // namespace jamsu::text

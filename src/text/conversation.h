#pragma once
// Conversations as chat APIs and data sets write them, read in one place for chat, prompts, questions and training data:
//   {"messages": [{"role": ..., "content": ...}], "tools": [...]}
//   {"conversations": [{"from": "human", "value": ...}, {"from": "gpt", ...}], "system": ..., "tools": ...}   (ShareGPT)
//   {"instruction": ..., "input": ..., "output": ..., "system": ..., "history": [[question, answer]]}         (Alpaca)
//   the same as {"instruction", "context", "response"}, {"query", "response"}, {"question", "answer"}, {"prompt",
//   "response"}, {"problem", "solution"} and others (conversation.cpp has the table)
//   {"conversation": [{"system": ..., "input": ..., "output": ...}, {"input": ...}]}                          (XTuner)
//   {"prompt": [messages], "completion": [messages]}
//   {"messages": [...], "choices": [{"message": {...}}]}, {"request": {...}, "response": {...}}               (logs)
// A member that is null is as if it were not there.
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/prompt.h"

namespace jamsu::text {

struct Conversation {
  std::vector<Message> messages;
  // How many of them are the prompt; what follows is an answer that the line gives to it ("output", "completion").
  // Of "messages" and "conversations" all.
  size_t asked = 0;
  boost::json::array tools;
  boost::json::object variables;  // for PromptOptions: "chat_template_kwargs", "documents", "enable_thinking" ...
  std::string_view form;          // "messages", "conversations (ShareGPT)" ...
  // Members beside the conversation that change nothing of it: "id", "source".
  std::vector<std::string> passed_over;
  std::string cut = {};  // why the answer ended before its own end, as a log says: "length", "content_filter"
};

// Whether `object` is to be read by read_conversation. {"prompt": text}, {"text": ...} and {"prompt": text,
// "completion": text} are not: they are plain text.
bool is_conversation(const boost::json::object& object);

// Errors, `where` and the message's number first: a list or text that is none; more than one form in an object; members
// that would change what is written or learned and are not obeyed ("images", "rejected", a weight of 0.5).
Result<Conversation> read_conversation(const boost::json::object& object, const std::string& where);

// Errors: members beside a text or a conversation ("messages" ...) that are not obeyed here, as above.
Status check_beside(const boost::json::object& object, const std::string& where, std::string_view form);

// {"type": "function", "function": {...}} or the function alone, as the list or as its JSON text.
Result<boost::json::array> read_tools(const boost::json::value& value, const std::string& where);

// One message. "role" or "from", "content" or "value" (a text, or parts of text), reasoning as "reasoning_content",
// "reasoning" or "thinking", "tool_calls" or "function_call"; whether it is learned as "weight" 0 or 1 (OpenAI,
// Mistral), "train" (axolotl), "loss" (ms-swift), "masked" (torchtune), "mask": true. Members that are not known here are
// kept for the template; PromptBuilder::check says which it does not read.
// Errors: no role; content that is no text (null beside tool calls is none); parts that are no text; names of reasoning
// that disagree; weights other than 0 and 1; reasoning, calls or a weight of 1 of somebody else than the assistant.
Result<Message> read_message(const boost::json::value& value, const std::string& where);

// Null, [] or {}: nothing goes lost without it.
bool is_nothing(const boost::json::value& value);
bool has_calls(const Message& message);

}  // namespace jamsu::text

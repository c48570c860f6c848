// Conversations as chat APIs write them: what templates get of them, and what is none.
#include "text/conversation.h"

#include <gtest/gtest.h>

#include "tokenizer/bpe_train.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

Result<Conversation> read(std::string_view text) {
  return read_conversation(json::parse(text).as_object(), "x.jsonl:3");
}

TEST(Conversation, KeepsWhatTheTemplateMayRead) {
  const auto c = read(R"({"messages": [
      {"role": "system", "content": "Short."},
      {"role": "user", "content": "weather?"},
      {"role": "assistant", "content": null, "reasoning_content": "look it up",
       "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"city": "서울"}}}]},
      {"role": "tool", "content": "19", "tool_call_id": "a"}],
     "tools": [{"type": "function", "function": {"name": "weather"}}]})");
  ASSERT_TRUE(c.ok()) << c.error().message;
  ASSERT_EQ(c->messages.size(), 4u);
  EXPECT_EQ(c->messages[0].content, "Short.");
  EXPECT_TRUE(c->messages[0].fields.empty());
  EXPECT_EQ(c->messages[2].reasoning_content, "look it up");
  EXPECT_TRUE(c->messages[2].fields.at("content").is_null());
  EXPECT_TRUE(c->messages[2].fields.contains("tool_calls"));
  EXPECT_EQ(c->messages[3].fields.at("tool_call_id").as_string(), "a");
  EXPECT_EQ(c->tools.size(), 1u);
}

TEST(Conversation, WhatIsNoneNamesTheMessage) {
  const struct {
    const char *text, *part;
  } cases[] = {
      {"{}", "x.jsonl:3: \"messages\""},
      {R"({"messages": []})", "\"messages\""},
      {R"({"messages": {"role": "user"}})", "\"messages\""},
      {R"({"messages": ["hi"]})", "messages[0] is a string"},
      {R"({"messages": [{"content": "hi"}]})", "messages[0]: \"role\""},
      {R"({"messages": [{"role": "user", "content": "a"}, {"role": "user"}]})", "messages[1]: \"content\" is missing"},
      {R"({"messages": [{"role": "user", "content": ["a"]}]})", "messages[0]: \"content\" is "},
      {R"({"messages": [{"role": "assistant", "content": 3, "tool_calls": []}]})", "messages[0]: \"content\" is "},
      {R"({"messages": [{"role": "user", "content": "a", "reasoning_content": 1}]})", "\"reasoning_content\""},
      {R"({"messages": [{"role": "user", "content": "a"}], "tools": {}})", "tools is an object"},
      {R"({"messages": [{"role": "user", "content": "a"}], "tools": [1]})", "tools[0] is a number"}};
  for (const auto& c : cases) {
    const auto got = read(c.text);
    ASSERT_FALSE(got.ok()) << c.text;
    EXPECT_NE(got.error().message.find(c.part), std::string::npos) << got.error().message;
    EXPECT_TRUE(got.error().message.starts_with("x.jsonl:3")) << got.error().message;
  }
}

// A template that writes tools and calls as JSON; marks that a tool's answer spells stay text.
TEST(Conversation, ToolsAndCallsReachTheTemplateAndTypedMarksStayText) {
  int next = 0;
  const auto tokenizer = tokenizer::train_bpe(
      [&](std::string& document) {
        document = "weather city name function 서울 " + std::to_string(next);
        return ++next < 40;
      },
      {.vocab_size = 285});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const auto format = ChatFormat::from_text(
      "{{ bos_token }}{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}<|user|>{{ m.role }}:"
      "{% if m.content is not none %}{{ m.content }}{% endif %}"
      "{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}"
      "{% endfor %}",
      "test.jinja");
  ASSERT_TRUE(format.ok()) << format.error().message;
  const auto prompts = PromptBuilder::create(*tokenizer, *format);
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  const auto c = read(R"({"messages": [
      {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "w<|user|>", "arguments": {"city": "서울"}}}]},
      {"role": "tool", "content": "<|end_of_text|>"}],
     "tools": [{"name": "w", "description": "<think>"}]})");
  ASSERT_TRUE(c.ok()) << c.error().message;
  const auto prompt = prompts->build(c->messages, {.add_generation_prompt = false, .tools = c->tools});
  ASSERT_TRUE(prompt.ok()) << prompt.error().message;
  const std::string expected =
      R"([{"name": "w", "description": "<think>"}]<|user|>assistant:w<|user|>{"city": "서울"}<|user|>tool:<|end_of_text|>)";
  std::string shown;
  int marks = 0;
  for (const int32_t id : prompt->ids) {
    const std::string piece = tokenizer->decode(std::vector<int32_t>{id}, false);
    shown += piece;
    marks += id == *tokenizer->token_id("<|user|>") ? 1 : 0;
    for (const char* typed : {"<think>", "<|end_of_text|>"}) EXPECT_NE(id, *tokenizer->token_id(typed));
  }
  EXPECT_EQ(tokenizer->decode(prompt->ids, false), "<|begin_of_text|>" + expected) << shown;
  EXPECT_EQ(marks, 2);  // the template's, not the one in the function's name
}

}  // namespace
}  // namespace jamsu::text

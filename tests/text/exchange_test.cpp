// Logs of chat APIs: what was asked, and the one answer.
#include "text/exchange.h"

#include <gtest/gtest.h>

#include "text/conversation.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

Result<Conversation> read(std::string_view text) {
  const json::object line = json::parse(text).as_object();
  EXPECT_TRUE(is_conversation(line)) << text;
  return read_conversation(line, "x.jsonl:3");
}

// OpenAI's response as its reference prints it, around `choices`.
std::string response(const std::string& choices) {
  return R"({"id": "chatcmpl-B9", "object": "chat.completion", "created": 1741569952, "model": "gpt-4.1",
    "choices": )" +
         choices + R"(, "usage": {"prompt_tokens": 19, "completion_tokens": 10}, "service_tier": "default"})";
}
const std::string kChoice =
    R"([{"index": 0, "message": {"role": "assistant", "content": "105", "refusal": null, "annotations": []},
      "logprobs": null, "finish_reason": "stop"}])";
const std::string kAsked =
    R"("messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "1+1"},
      {"role": "assistant", "content": "2"}, {"role": "user", "content": "48+57"}])";

TEST(Exchange, TheChoiceIsTheAnswerWhereverBothStand) {
  const std::string lines[] = {
      "{" + kAsked + R"(, "choices": )" + kChoice + "}",
      R"({"request": {)" + kAsked + R"(, "temperature": 0.7}, "response": )" + response(kChoice) + "}",
      "{" + kAsked + R"(, "response": )" + response(kChoice) + "}",
      R"({"request": {)" + kAsked + R"(}, "choices": )" + kChoice + "}",
      R"({"custom_id": "1", "request": {"method": "POST", "url": "/v1/chat/completions", "body": {)" + kAsked +
          R"(}}, "response": {"status_code": 200, "request_id": "r", "body": )" + response(kChoice) + "}}"};
  for (const std::string& line : lines) {
    const auto c = read(line);
    ASSERT_TRUE(c.ok()) << line << c.error().message;
    ASSERT_EQ(c->messages.size(), 5u) << line;
    EXPECT_EQ(c->asked, 4u);
    EXPECT_EQ(c->messages[4].role, "assistant");
    EXPECT_EQ(c->messages[4].content, "105");
    EXPECT_TRUE(c->messages[4].learn.value_or(true));
    EXPECT_FALSE(c->messages[2].learn.value_or(true)) << "an earlier reply";
    EXPECT_EQ(c->cut, "");
    for (const std::string& name : c->passed_over)
      EXPECT_TRUE(name != "choices" && name != "response" && name != "request") << name;
  }
}

TEST(Exchange, ToolsOfTheRequestAndCallsOfTheAnswer) {
  const auto c = read(R"({"request": {"messages": [{"role": "user", "content": "weather?"}],
      "tools": [{"type": "function", "function": {"name": "weather"}}]},
    "response": {"choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "content": null,
      "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]}}]}})");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->tools.size(), 1u);
  EXPECT_TRUE(has_calls(c->messages[1]));
}

TEST(Exchange, ARequestAloneIsAPrompt) {
  const auto c = read(R"({"request": {"messages": [{"role": "user", "content": "q"}]}, "response": null})");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->messages.size(), 1u);
  EXPECT_EQ(c->asked, 1u);
}

TEST(Exchange, WhatCannotBeTheAnswerIsNamed) {
  const std::string one = R"({"message": {"role": "assistant", "content": "a"}})";
  const std::pair<std::string, const char*> cases[] = {
      {"[" + one + ", " + one + "]", "x.jsonl:3: \"choices\" has 2 answers"},
      {"[]", "x.jsonl:3: \"choices\" is empty"},
      {"3", "x.jsonl:3: \"choices\" is a number"},
      {R"([{"text": "a"}])", "x.jsonl:3: choices[0] has no \"message\""},
      {R"(["a"])", "x.jsonl:3: choices[0] has no \"message\""},
      {R"([{"message": {"role": "user", "content": "a"}}])", "choices[0].message is of \"user\""},
      {R"([{"message": {"role": "assistant"}}])", "x.jsonl:3: choices[0].message: \"content\" is missing"},
      {R"([{"message": {"role": "assistant", "content": null, "refusal": "no"}}])", "\"refusal\""}};
  for (const auto& [choices, said] : cases) {
    const auto c = read("{" + kAsked + R"(, "response": )" + response(choices) + "}");
    ASSERT_FALSE(c.ok()) << choices;
    EXPECT_NE(c.error().message.find(said), std::string::npos) << c.error().message;
  }
  const auto failed = read(R"({"request": {"messages": [{"role": "user", "content": "q"}]},
                               "response": {"status_code": 429, "body": {"error": {"message": "slow down"}}}})");
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("\"response\" has no \"choices\""), std::string::npos);
  const auto where = read(R"({"request": {"messages": [{"role": "user"}]}, "response": null})");
  ASSERT_FALSE(where.ok());
  EXPECT_TRUE(where.error().message.starts_with("x.jsonl:3: request: messages[0]")) << where.error().message;
}

TEST(Exchange, ChoicesOfAProblemAreNone) {
  for (const char* choices : {R"(["A", "B"])", "[]", "null", "3"}) {
    const auto c = read("{" + kAsked + R"(, "choices": )" + choices + "}");
    ASSERT_TRUE(c.ok()) << c.error().message;
    EXPECT_EQ(c->messages.size(), 4u) << choices;
    EXPECT_EQ(c->form, "messages");
  }
}

TEST(Exchange, AnAnswerThatWasCutIsSaid) {
  const auto c = read("{" + kAsked +
                      R"(, "choices": [{"finish_reason": "length",
                          "message": {"role": "assistant", "content": "10"}}]})");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->cut, "length");
}

}  // namespace
}  // namespace jamsu::text

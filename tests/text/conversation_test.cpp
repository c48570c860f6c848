// Conversations as chat APIs and data sets write them: what is read, and what is none.
#include "text/conversation.h"

#include <gtest/gtest.h>

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
  EXPECT_TRUE(c->messages[2].no_content);
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

// "role: content (reasoning) [calls]" of each message; "!" where it has no content, "-" and "+" as it is learned.
std::string shown(const Conversation& c) {
  std::string out;
  for (const Message& m : c.messages) {
    out += m.role + (m.no_content ? "!" : "") + (m.learn ? *m.learn ? "+" : "-" : "") + ": " + m.content;
    if (m.reasoning_content) out += " (" + *m.reasoning_content + ")";
    if (m.fields.contains("tool_calls")) out += " " + json::serialize(m.fields.at("tool_calls"));
    out += "; ";
  }
  return out + std::to_string(c.asked);
}

TEST(Conversation, EveryForm) {
  const std::pair<const char*, const char*> cases[] = {
      // Chat APIs: nulls and empty lists are nothing; content in parts; three names of reasoning, an empty one kept.
      {R"({"messages": [{"role": "user", "content": "q", "name": null},
        {"role": "assistant", "content": "a", "refusal": null, "audio": null, "function_call": null, "tool_calls": null,
         "annotations": [], "reasoning_content": null}]})",
       "user: q; assistant: a; 2"},
      {R"({"messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": [{"type": "text", "text": "a"},
        {"type": "input_text", "text": "b", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, {"type": "output_text", "text": "c"}]}]})",
       "developer: d; user: ab; assistant: c (t); 3"},
      {R"({"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "a", "reasoning": ""},
        {"role": "user", "content": []}, {"role": "assistant", "content": "b", "thinking": "t", "reasoning": "t"}]})",
       "user: ; assistant: a (); user: ; assistant: b (t); 4"},
      {R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": {}}}]}]})",
       R"(user: q; assistant!:  [{"id":"a","type":"function","function":{"name":"f","arguments":{}}}]; 2)"},
      {R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null,
        "function_call": {"name": "f", "arguments": "{}"}}], "functions": [{"name": "f"}]})",
       R"(user: q; assistant!:  [{"type":"function","function":{"name":"f","arguments":"{}"}}]; 2)"},
      // Which messages are learned, as OpenAI and Mistral, axolotl, ms-swift and torchtune say it.
      {R"({"messages": [{"role": "user", "content": "q", "weight": 0}, {"role": "assistant", "content": "a", "weight": 0},
        {"role": "assistant", "content": "b", "weight": 1.0}, {"role": "assistant", "content": "c", "train": false},
        {"role": "assistant", "content": "d", "loss": true}, {"role": "assistant", "content": "e", "masked": true},
        {"role": "assistant", "content": "f", "mask": false, "weight": null}]})",
       "user-: q; assistant-: a; assistant+: b; assistant-: c; assistant+: d; assistant-: e; assistant+: f; 7"},
      // ShareGPT.
      {R"({"id": "x", "system": "s", "conversations": [{"from": "human", "value": "q", "weight": 0},
        {"from": "gpt", "value": "a"}], "tools": ""})",
       "system: s; user-: q; assistant: a; 3"},
      {R"({"conversations": [{"from": "user", "value": "q"}, {"from": "function_call",
        "value": "{\"name\": \"f\", \"arguments\": {\"x\": 1}}"}, {"from": "observation", "value": "7"},
        {"from": "assistant", "value": "a"}], "tools": "[{\"name\": \"f\", \"parameters\": {}}]"})",
       R"(user: q; assistant!:  [{"type":"function","function":{"name":"f","arguments":{"x":1}}}]; tool: 7; assistant: a; 4)"},
      {R"({"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})",
       "user: q; assistant: a; 2"},
      // Alpaca and its like: what follows the question is an answer to it.
      {R"({"instruction": "Add.", "input": "1 2", "output": "3", "text": "as a prompt"})",
       "user: Add.\n1 2; assistant: 3; 1"},
      {R"({"instruction": "Add.", "input": "", "output": "3", "system": "s",
        "history": [["a", "b"]], "reasoning": "t"})",
       "system: s; user: a; assistant: b; user: Add.; assistant: 3 (t); 4"},
      {R"({"instruction": "Add.", "context": "1 2", "response": "3", "category": "open_qa"})",
       "user: Add.\n1 2; assistant: 3; 1"},
      {R"({"instruction": "Add."})", "user: Add.; 1"},
      {R"({"query": "q", "response": "r"})", "user: q; assistant: r; 1"},
      {R"({"question": "9*2?", "answer": 18})", "user: 9*2?; assistant: 18; 1"},
      {R"({"instruction": "Add.", "input": "1 2", "response": "3"})", "user: Add.\n1 2; assistant: 3; 1"},
      {R"({"question": "Who?", "context": "Kim came.", "answer": "Kim"})", "user: Who?\nKim came.; assistant: Kim; 1"},
      {R"({"id": "x", "system_prompt": "s", "question": "q", "response": "r"})",  // Orca
       "system: s; user: q; assistant: r; 2"},
      {R"({"prompt": "q", "response": "r", "system_prompt": null})", "user: q; assistant: r; 1"},
      {R"({"source": "x", "problem": "q", "solution": "r", "answer": "3"})", "user: q; assistant: r; 1"},
      {R"({"input": "q", "output": "r"})", "user: q; assistant: r; 1"},
      {R"({"user": "q", "assistant": "r"})", "user: q; assistant: r; 1"},
      // XTuner's and Capybara's turns; the vicuna set's other speakers.
      {R"({"conversation": [{"system": "s", "input": "q", "output": "r"}, {"input": "t", "output": "u"}]})",
       "system: s; user: q; assistant: r; user: t; assistant: u; 5"},
      {R"({"conversations": [{"from": "human", "value": "q"}, {"from": "bing", "value": "a"}]})",
       "user: q; assistant: a; 2"},
      {R"({"system_prompt": "s", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]})",
       "system: s; user: q; 2"},
      // TRL: what stands in the prompt is not learned.
      {R"({"prompt": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
        {"role": "user", "content": "r"}], "completion": [{"role": "assistant", "content": "b"}]})",
       "user: q; assistant-: a; user: r; assistant: b; 3"},
      // UltraChat has its first question once more.
      {R"({"prompt": "q", "prompt_id": "7", "messages": [{"role": "user", "content": "q"}]})", "user: q; 1"},
  };
  for (const auto& [text, want] : cases) {
    EXPECT_TRUE(is_conversation(json::parse(text).as_object())) << text;
    const auto c = read(text);
    ASSERT_TRUE(c.ok()) << c.error().message << "\n" << text;
    EXPECT_EQ(shown(*c), want) << text;
  }
  for (const char* plain : {R"({"prompt": "a"})", R"({"text": "a"})", R"({"prompt": "a", "completion": "b"})", "{}",
                            R"({"text": "a", "question": "b"})", R"({"text": "a", "user": "kim"})"})
    EXPECT_FALSE(is_conversation(json::parse(plain).as_object())) << plain;
}

TEST(Conversation, WhatStandsBesideTheMessages) {
  const auto c = read(R"({"messages": [{"role": "user", "content": "q"}], "id": 7, "source": "web", "score": null,
     "chat_template_kwargs": {"enable_thinking": false, "budget": 3}, "documents": [{"title": "t"}], "weight": 1,
     "functions": [{"name": "f"}]})");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->passed_over, (std::vector<std::string>{"id", "source", "weight"}));
  EXPECT_EQ(json::serialize(c->variables), R"({"documents":[{"title":"t"}],"enable_thinking":false,"budget":3})");
  EXPECT_EQ(json::serialize(c->tools), R"([{"type":"function","function":{"name":"f"}}])");
}

TEST(Conversation, MembersThatAreNotObeyedAreNamed) {
  const std::string user = R"({"role": "user", "content": "q"})";
  const auto of = [&](const std::string& reply) { return R"({"messages": [)" + user + ", " + reply + "]}"; };
  const auto with = [&](const std::string& members) { return R"({"messages": [)" + user + "], " + members + "}"; };
  const std::pair<std::string, const char*> cases[] = {
      {of(R"({"role": "assistant", "content": "a", "weight": 0.5})"), "messages[1]: \"weight\" is 0.5, where 0"},
      {of(R"({"role": "assistant", "content": "a", "mask": 1})"),
       "messages[1]: \"mask\" is 1, where true (not learned)"},
      {of(R"({"role": "assistant", "content": "a", "weight": 1, "train": false})"),
       "\"weight\" and \"train\" disagree"},
      {of(R"({"role": "assistant", "content": "a", "thinking": "x", "reasoning": "y"})"), "two reasonings that differ"},
      {of(R"({"role": "assistant", "content": "a", "value": "b"})"), "\"content\" and \"value\" both stand there"},
      {of(R"({"role": "assistant", "content": null, "refusal": "no"})"), "messages[1]: \"refusal\""},
      {of(R"({"role": "assistant", "content": null})"), "messages[1]: \"content\" is null"},
      {of(R"({"role": "assistant", "content": "a", "tool_calls": {}})"), "\"tool_calls\" is an object, not a list"},
      {of(R"({"role": "assistant", "content": "a", "tool_calls": [{"id": 1}]})"), "tool_calls[0] is no call"},
      {of(R"({"role": "user", "content": "a", "weight": 1})"), "messages[1]: \"weight\" asks to learn what \"user\""},
      {of(R"({"role": "user", "content": "a", "reasoning": "r"})"), "\"reasoning\" stands in the assistant's"},
      {of(R"({"role": "tool", "content": "a", "tool_calls": [{"name": "f"}]})"),
       "\"tool_calls\" stands in the assistant's"},
      {of(R"({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]})"),
       "messages[1]: content[0]: a part of type \"image_url\""},
      {of(R"({"role": "user", "content": [{"type": "text"}]})"), "content[0]: \"text\" is missing"},
      {of(R"({"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]})"), "content[0]: \"x\""},
      {of(R"({"role": "user", "content": {"a": 1}})"), "\"content\" is an object, not a text"},
      {R"({"conversations": [{"from": "narrator", "value": "x"}]})", "conversations[0]: \"from\" is \"narrator\""},
      {R"({"conversations": [{"from": "function_call", "value": "x"}]})",
       "conversations[0]: the text of a function_call"},
      {R"({"conversations": [{"value": "x"}]})", "conversations[0]: \"role\" is missing"},
      {R"({"messages": [{"role": "user", "content": "q"}], "conversations": []})", "more than one of messages, conv"},
      {with(R"("prompt": "other")"), "more than one of messages and \"prompt\""},
      {with(R"("images": ["a.png"])"), "\"images\" beside messages is not obeyed here: this program reads text alone"},
      {with(R"("rejected": "x")"), "\"rejected\""},
      {with(R"("weight": 0.5)"), "\"weight\" beside messages"},
      {with(R"("thinking": "x")"), "\"thinking\" stands beside messages and not in a message"},
      {with(R"("chat_template_kwargs": 1)"), "\"chat_template_kwargs\" is a number"},
      {with(R"("chat_template_kwargs": {"tools": []})"), "\"tools\" is set by the program"},
      {with(R"("tools": [], "functions": [])"), "\"tools\" and \"functions\""},
      {with(R"("tools": "[")"), "tools is a text that is no JSON"},
      {with(R"("system": 1)"), "\"system\" is no string"},
      {R"({"messages": [{"role": "system", "content": "a"}], "system": "b"})", "\"system\" and a system message"},
      {R"({"instruction": 1.5, "output": "a"})", "\"instruction\" is no string"},
      {R"({"question": "q", "context": 1.5, "answer": "a"})", "\"context\" is no string"},
      {R"({"conversation": [{"input": 1.5, "output": "a"}]})", "conversation[0]: \"input\" is no string"},
      {R"({"conversation": [{"input": "a", "output": "b", "weight": 0.5}]})",
       "conversation[0]: \"weight\" is a member that is not read"},
      {R"({"system": "s", "system_prompt": "t", "question": "q", "answer": "a"})",
       "\"system\" and \"system_prompt\" both stand there"},
      {R"({"messages": [{"role": "system", "content": "a"}], "system_prompt": "b"})",
       "\"system_prompt\" and a system message"},
      {R"({"instruction": "a", "output": "b", "history": [["a"]]})", "\"history\" holds something else"},
      {R"({"prompt": [{"role": "user", "content": "a"}], "completion": "b"})", "\"completion\" is no list of messages"},
      {R"({"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}],
        "label": false})",
       "\"label\""},
  };
  for (const auto& [text, says] : cases) {
    const auto got = read(text);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_NE(got.error().message.find(says), std::string::npos) << got.error().message << "\n want: " << says;
    EXPECT_TRUE(got.error().message.starts_with("x.jsonl:3: ")) << got.error().message;
  }
}

}  // namespace
}  // namespace jamsu::text

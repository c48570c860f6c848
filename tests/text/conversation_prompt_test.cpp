// What templates make of conversations, in prompts and in training.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "base/files.h"
#include "text/conversation.h"
#include "tokenizer/bpe_train.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

Result<Conversation> read(std::string_view text) {
  return read_conversation(json::parse(text).as_object(), "x.jsonl:3");
}

const tokenizer::Tokenizer& tokenizer() {
  static const tokenizer::Tokenizer t = [] {
    int next = 0;
    auto trained = tokenizer::train_bpe(
        [&](std::string& document) {
          document = "weather city name function 서울 " + std::to_string(next);
          return ++next < 40;
        },
        {.vocab_size = 285});
    EXPECT_TRUE(trained.ok()) << trained.error().message;
    return *trained;
  }();
  return t;
}

// The prompt of a conversation, marks that are tokens in braces, and its warnings, each behind " ! "; or the error.
std::string prompt(std::string_view chat_template, std::string_view conversation, bool find_learned = false,
                   bool adapt = false) {
  const auto format = ChatFormat::from_text(chat_template, "t.jinja");
  EXPECT_TRUE(format.ok()) << format.error().message;
  const auto prompts = PromptBuilder::create(tokenizer(), *format);
  EXPECT_TRUE(prompts.ok()) << prompts.error().message;
  const auto c = read(conversation);
  if (!c) return c.error().message;
  const auto p = prompts->build(c->messages, {.add_generation_prompt = !find_learned,
                                              .find_learned = find_learned,
                                              .tools = c->tools,
                                              .variables = c->variables,
                                              .adapt = adapt});
  if (!p) return p.error().message;
  std::string out;
  for (size_t i = 0; i < p->ids.size(); ++i) {
    if (find_learned && p->learned[i] != (i > 0 && p->learned[i - 1])) out += p->learned[i] ? "[" : "]";
    const std::string piece = tokenizer().decode(std::vector<int32_t>{p->ids[i]});
    out += tokenizer().is_added(p->ids[i]) ? "{" + piece + "}" : piece;
  }
  for (const std::string& warning : p->warnings) out += " ! " + warning;
  return out;
}

// The model's own marks in what it says are marks; what a person types never is; what parts turns never is.
TEST(ConversationPrompt, MarksOfTheModelAreMarks) {
  // Splits thinking off earlier turns, as Qwen3's and DeepSeek's templates do.
  constexpr std::string_view kSplits =
      "{% for m in messages %}<|{{ m.role }}|>{% set c = m.content %}{% if m.role == 'assistant' and not loop.last %}"
      "{% set c = c.split('</think>')[-1] %}{% endif %}{{ c }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}"
      "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
  EXPECT_EQ(prompt(kSplits, R"({"messages": [{"role": "user", "content": "<think>a</think>"},
      {"role": "assistant", "content": "<think>t</think>b<|retry|>"}, {"role": "user", "content": "<|retry|>"}]})"),
            "{<|user|>}<think>a</think>{<|assistant|>}b{<|retry|>}{<|end_of_text|>}{<|user|>}<|retry|>{<|assistant|>}");
  EXPECT_EQ(prompt(kSplits, R"({"messages": [{"role": "user", "content": "a"},
      {"role": "assistant", "content": "<think>t</think>b"}]})",
                   true),
            "{<|user|>}a{<|assistant|>}[{<think>}t{</think>}b{<|end_of_text|>}");
  // An end whose beginning the prompt had; a beginning that nothing ends; marks of turns; parts.
  EXPECT_EQ(prompt(kSplits,
                   R"({"messages": [{"role": "assistant", "content": "t</think><think>b<|user|><|end_of_text|>"}]})"),
            "{<|assistant|>}t{</think>}<think>b<|user|><|end_of_text|>{<|end_of_text|>}{<|assistant|>}");
  constexpr std::string_view kParts =
      "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{{ m.reasoning }}{% endfor %}";
  EXPECT_EQ(
      prompt(kParts, R"({"messages": [{"role": "assistant", "content": [{"type": "text", "text": "<think>t</think>b"}]},
      {"role": "user", "content": "<think>t</think>"}]})"),
      "{<think>}t{</think>}b<think>t</think>");
}

TEST(ConversationPrompt, MembersReachTheTemplateAsTransformersGivesThem) {
  constexpr std::string_view kAll =
      "{% for m in messages %}[{{ m.role }}]{% if m.content is defined %}{{ m.content }}{% endif %}"
      "{% if m.reasoning_content is defined %}({{ m.reasoning_content }}){% endif %}{% if m.prefix %}p{% endif %}"
      "{% endfor %}{{ enable_thinking }}{{ tools | length if tools }}";
  EXPECT_EQ(prompt(kAll, R"({"messages": [{"role": "user", "content": "q"},
      {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f"}}]},
      {"role": "assistant", "content": "a", "thinking": "", "prefix": true}],
      "chat_template_kwargs": {"enable_thinking": false}, "tools": [{"function": {"name": "f"}}]})"),
            "[user]q[assistant][assistant]a()pFalse1");
  EXPECT_EQ(prompt(kAll, R"({"messages": [{"role": "user", "content": "q", "timestamp": 7}]})"),
            "messages[0]: \"timestamp\" is a member that neither this program nor the chat template reads");
  // Functions that stand alone, and arguments as text, where the template wants the form of chat APIs.
  constexpr std::string_view kTools =
      "{% for t in tools or [] %}{{ t.function.name }};{% endfor %}{% for m in messages %}{% for c in m.tool_calls or "
      "[] %}"
      "{{ c.function.name }}{% for k, v in c.function.arguments.items() %} {{ k }}={{ v }}{% endfor %}{% endfor %}{% "
      "endfor %}";
  EXPECT_EQ(prompt(kTools, R"({"messages": [{"role": "assistant", "content": null,
      "tool_calls": [{"name": "f", "arguments": "{\"x\": 1}"}]}], "tools": [{"name": "f", "parameters": {}}]})"),
            "f;f x=1");
  EXPECT_EQ(prompt("{% for m in messages %}{{ '' + m.tool_calls[0].function.arguments }}{% endfor %}",
                   R"({"messages": [{"role": "assistant", "content": "",
      "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1, null], "y": "a"}}}]}]})"),
            R"({"x": [1, null], "y": "a"})");
  EXPECT_EQ(
      prompt("{% for m in messages %}{{ 'x' + m.content + 'y' }}{% endfor %}",  // Qwen3's template, and many more
             R"({"messages": [{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f"}}]}]})"),
      "xy");
}

// What a template leaves out or writes as a list goes to it as it is, as transformers gives it, and is said; adapted, it
// is written; where the template raises, it is adapted unasked.
TEST(ConversationPrompt, MessagesThatATemplateDoesNotWriteAreSaidOrAdapted) {
  constexpr std::string_view kRoles =
      "{% for m in messages %}{% if m.role in ['system', 'user', 'tool'] %}[{{ m.role }}]{{ m.content }}{% endif %}"
      "{% endfor %}";
  constexpr std::string_view kDeveloper =
      R"({"messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": "q"}]})";
  constexpr std::string_view kFunction =
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "function", "name": "f", "content": "r"}]})";
  constexpr std::string_view kParts =
      R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "a<|user|>"}, {"type": "text", "text": "'b"}]}]})";
  const auto raises = [](std::string_view about) {
    return "{% for m in messages %}{% if " + std::string(about) +
           " %}{{ raise_exception('no') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}";
  };
  const struct {
    std::string chat_template;
    std::string_view conversation;
    std::string as_it_is, adapted;
  } cases[] = {
      {std::string(kRoles), kDeveloper,
       "[user]q ! messages[0]: the chat template leaves out what \"developer\" says; adapt_messages gives it the role "
       "\"system\"",
       "[system]d[user]q"},
      {std::string(kRoles), kFunction,
       "[user]q ! messages[1]: the chat template leaves out what \"function\" says; adapt_messages gives it the role "
       "\"tool\"",
       "[user]q[tool]r"},
      {std::string(kRoles), kParts,
       "[user][{'type': 'text', 'text': 'a<|user|>'}, {'type': 'text', 'text': \"'b\"}] ! messages[0]: the chat "
       "template writes the parts of the content as a list; adapt_messages joins their texts",
       "[user]a<|user|>'b"},
      {"{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}", kDeveloper, "[developer]d[user]q",
       "[developer]d[user]q"},
      {raises("m.role == 'developer'"), kDeveloper, "[system]d[user]q", "[system]d[user]q"},
      {raises("m.content is not string"), kParts, "[user]a<|user|>'b", "[user]a<|user|>'b"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(prompt(c.chat_template, c.conversation), c.as_it_is) << c.chat_template;
    EXPECT_EQ(prompt(c.chat_template, c.conversation, false, true), c.adapted) << c.chat_template;
  }
  // A mark that a tool's description spells stays text in Python's letters too.
  EXPECT_EQ(prompt("{{ tools }}{{ messages[0].content }}",
                   R"({"messages": [{"role": "user", "content": "q"}], "tools": [{"function": "<|user|>"}]})"),
            "[{'function': '<|user|>'}]q");
  EXPECT_EQ(prompt(kRoles, R"({"messages": [{"role": "human", "content": "q"}]})"),
            "messages[0]: the chat template leaves out what \"human\" says");
  // Nothing is learned that a template has left out.
  constexpr std::string_view kLearned =
      R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, {"role": "assistant", "content": "a"}]})";
  constexpr std::string_view kTurns = "{% for m in messages %}<|user|>{{ m.content }}{% endfor %}";
  EXPECT_TRUE(prompt(kTurns, kLearned, true).starts_with("messages[0]: the chat template writes the parts"));
  EXPECT_EQ(prompt(kTurns, kLearned, true, true), "{<|user|>}q[{<|user|>}a");
}

TEST(ConversationPrompt, WhatWouldGoLostInTrainingIsSaid) {
  constexpr std::string_view kPlain =
      "{% for m in messages %}{% if m.role in ['user', 'assistant'] %}<|{{ m.role }}|>{{ m.content }}{% endif %}{% "
      "endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}";
  const std::pair<const char*, const char*> cases[] = {
      {R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning": "t"}]})",
       "messages[1]: the chat template leaves out the reasoning"},
      {R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"}]})",
       "messages[0]: the chat template leaves out what \"system\" says"},
      {R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a",
        "tool_calls": [{"name": "f"}]}]})",
       "messages[1]: the chat template leaves out \"tool_calls\""},
      {R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "tools": [{"name": "f"}]})",
       "the chat template leaves out \"tools\""},
      {R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0},
        {"role": "user", "content": "r"}, {"role": "assistant", "content": "b", "reasoning": ""}]})",
       "{<|user|>}q{<|assistant|>}a{<|user|>}r{<|assistant|>}[b"}};
  for (const auto& [conversation, says] : cases)
    EXPECT_TRUE(prompt(kPlain, conversation, true).starts_with(says)) << prompt(kPlain, conversation, true);
}

// A template that writes tools and calls as JSON; marks that a tool's answer spells stay text.
TEST(ConversationPrompt, ToolsAndCallsReachTheTemplateAndTypedMarksStayText) {
  const tokenizer::Tokenizer* tokenizer = &text::tokenizer();
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

// golden/text/conversations.jsonl: what transformers 5.24 makes of them with ten real templates and three of ours.
TEST(ConversationPrompt, TheTextThatTransformersRenders) {
  const std::string golden = JAMSU_SOURCE_DIR "/tests/golden/";
  const auto lines = read_file(golden + "text/conversations.jsonl");
  ASSERT_TRUE(lines.ok()) << lines.error().message;
  std::tm now{};
  now.tm_year = 126;
  now.tm_mon = 10;
  now.tm_mday = 30;
  now.tm_hour = 12;
  now.tm_wday = 1;
  now.tm_yday = 333;
  std::map<std::string, PromptBuilder> builders;
  const auto builder = [&](const std::string& name) -> const PromptBuilder* {
    if (const auto found = builders.find(name); found != builders.end()) return &found->second;
    const bool own = std::filesystem::exists(golden + "text/templates/" + name);
    const auto text = read_file(golden + (own ? "text/templates/" : "data/templates/") + name);
    const auto format = text ? ChatFormat::from_text(*text, name) : text.error();
    const auto prompts = format ? PromptBuilder::create(tokenizer(), *format) : format.error();
    EXPECT_TRUE(prompts.ok()) << prompts.error().message;
    return prompts ? &builders.emplace(name, *prompts).first->second : nullptr;
  };
  int compared = 0;
  std::istringstream in(*lines);
  for (std::string line; std::getline(in, line);) {
    const json::object o = json::parse(line).as_object();
    const auto c = read_conversation(o.at("conversation").as_object(), "golden");
    ASSERT_TRUE(c.ok()) << c.error().message;
    for (const auto& [name, text] : o.at("rendered").as_object()) {
      const PromptBuilder* prompts = builder(name);
      ASSERT_NE(prompts, nullptr);
      const auto p = prompts->build(c->messages, {.now = now, .tools = c->tools, .variables = c->variables});
      ASSERT_TRUE(p.ok()) << std::string_view(name) << ": " << p.error().message;
      EXPECT_EQ(tokenizer().decode(p->ids), std::string_view(text.as_string())) << std::string_view(name) << "\n"
                                                                                << line;
      ++compared;
    }
  }
  EXPECT_GT(compared, 150);
}

}  // namespace
}  // namespace jamsu::text

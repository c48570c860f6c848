// Prompts from chat templates: the ids the built-in format always had, whatever people type; templates of folders.
#include "text/prompt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "text/chat_template.h"
#include "tokenizer/bpe_train.h"

namespace jamsu::text {
namespace {

const tokenizer::Tokenizer& tokenizer() {
  static const tokenizer::Tokenizer t = [] {
    int next = 0;
    auto trained = tokenizer::train_bpe(
        [&](std::string& document) {
          document = "What is 48+57? 사과 세 개와 배 두 개 " + std::to_string(next);
          return ++next < 50;
        },
        {.vocab_size = 285});
    EXPECT_TRUE(trained.ok()) << trained.error().message;
    return *trained;
  }();
  return t;
}

PromptBuilder built_in() {
  auto prompts = PromptBuilder::create(tokenizer());
  EXPECT_TRUE(prompts.ok()) << prompts.error().message;
  return *prompts;
}

// The chat format as it was hard-coded before templates were rendered: the ids must not change.
Prompt by_hand(const std::vector<Message>& messages, const PromptOptions& options) {
  const auto id = [](const char* token) { return *tokenizer().token_id(token); };
  Prompt p;
  const auto special = [&](const char* token, bool learned = false) {
    p.ids.push_back(id(token));
    p.learned.push_back(learned);
  };
  const auto plain = [&](const std::string& text, bool learned) {
    tokenizer().encode_plain_to(text, p.ids);
    p.learned.resize(p.ids.size(), learned);
  };
  special("<|begin_of_text|>");
  for (const Message& m : messages) {
    if (m.role == "assistant") {
      special("<|assistant|>");
      if (!m.reasoning_content.value_or("").empty()) {
        special("<think>", true);
        plain(*m.reasoning_content, true);
        special("</think>", true);
      }
      plain(m.content, true);
      special("<|end_of_text|>", true);
    } else {
      special(m.role == "user" ? "<|user|>" : "<|system|>");
      plain(m.content, false);
    }
  }
  if (options.add_generation_prompt) {
    special("<|assistant|>");
    if (options.enable_thinking) special("<think>");
    if (options.enable_thinking && !*options.enable_thinking) special("</think>");
  }
  return p;
}

const std::vector<std::vector<Message>>& conversations() {
  static const std::vector<std::vector<Message>> all = {
      {{"user", "48+57"}},
      {{"system", "Short answers."}, {"user", "사과 세 개와 배 두 개"}},
      {{"user", "48+57"}, {"assistant", "105", "48+57 = 105"}},
      {{"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d", "e"}},
      {{"user", "a"}, {"assistant", "b", "first"}, {"user", "  c\n\n"}, {"assistant", "d"}, {"user", " 끝 "}},
      // What people type is text: marks, halves of marks, noncharacters, bytes that are no UTF-8, braces of templates.
      {{"user", "<|assistant|><think>x</think>y<|end_of_text|>"}, {"assistant", "<think><|user|>", "</think></think>"}},
      {{"user", "<|us"}, {"assistant", "er|>", "a</thi"}, {"user", "nk><|end_of_text|>"}},
      {{"user",
        "\uFDD0"
        "0\uFDD1<think>\uFDD0<|user|>\uFDD1"},
       {"assistant", "\uFDD0",
        "\uFDD0"
        "1\uFDD1"}},
      {{"user", "\xFF\xC3 \xED\xA0\x80<think>"}, {"assistant", "{{ messages }}{% raw %}", "{# #}"}},
      {{"user", ""}, {"assistant", "", ""}},
  };
  return all;
}

TEST(prompt, built_in_format_has_the_ids_it_always_had) {
  const PromptBuilder prompts = built_in();
  int compared = 0;
  for (const auto& messages : conversations()) {
    for (const bool generation : {true, false}) {
      for (const std::optional<bool> thinking : {std::optional<bool>(), std::optional(true), std::optional(false)}) {
        const PromptOptions options{
            .add_generation_prompt = generation, .enable_thinking = thinking, .find_learned = true, .now = {}};
        const auto got = prompts.build(messages, options);
        ASSERT_TRUE(got.ok()) << got.error().message;
        const Prompt want = by_hand(messages, options);
        EXPECT_EQ(got->ids, want.ids) << messages[0].content << " " << tokenizer().decode(got->ids);
        EXPECT_EQ(got->learned, want.learned) << messages[0].content;
        EXPECT_EQ(got->opens_thinking, generation && thinking.value_or(false));
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, 60);
}

TEST(prompt, our_own_text_may_hold_marks) {
  const PromptBuilder prompts = built_in();
  const auto p =
      prompts.build({{.role = "user", .content = "<|retry|>", .reasoning_content = {}},
                     {.role = "assistant", .content = "b", .reasoning_content = "x<|retry|>y", .ours = true}},
                    {.add_generation_prompt = false});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(std::count(p->ids.begin(), p->ids.end(), *tokenizer().token_id("<|retry|>")), 1);
  EXPECT_TRUE(p->learned.empty());  // not asked for
}

TEST(prompt, errors) {
  const PromptBuilder prompts = built_in();
  EXPECT_EQ(prompts.build({}).error().message, "messages: none");
  EXPECT_EQ(prompts.build({{"tool", "x"}}).error().message,
            "the built-in chat template: messages: the role \"tool\" is none of user, assistant, system");
  const auto format = ChatFormat::from_text("{{ messages[0].content }}", "t", {{"eos_token", "<|no|>"}});
  ASSERT_TRUE(format.ok());
  EXPECT_EQ(PromptBuilder::create(tokenizer(), *format).error().message,
            "tokenizer.json: \"<|no|>\", the eos_token of tokenizer_config.json, is missing");
}

TEST(prompt, a_reply_that_is_not_written_as_it_is_asked_for_cannot_be_learned) {
  const auto format = ChatFormat::from_text("{{ messages | length }}{{ messages[-1].content }}", "t");
  ASSERT_TRUE(format.ok());
  const auto prompts = PromptBuilder::create(tokenizer(), *format);
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  const std::vector<Message> messages = {{"user", "a"}, {"assistant", "b"}};
  EXPECT_TRUE(prompts->build(messages, {.add_generation_prompt = false}).ok());
  const auto p =
      prompts->build(messages, {.add_generation_prompt = false, .enable_thinking = {}, .find_learned = true});
  ASSERT_FALSE(p.ok());
  EXPECT_TRUE(p.error().message.starts_with("messages[1]: the chat template writes this reply otherwise"));
}

// A template that drops earlier thinking and trims, as Qwen's and DeepSeek's do.
TEST(prompt, earlier_turns_that_are_written_differently_are_not_learned) {
  const auto format = ChatFormat::from_text(
      "{%- for m in messages %}{{ '<|user|>' + m.content | trim if m.role == 'user' else '<|assistant|>' ~ "
      "('<think>' ~ m.reasoning_content ~ '</think>' if loop.last and m.reasoning_content else '') ~ m.content ~ "
      "eos_token }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
      "t");
  ASSERT_TRUE(format.ok()) << format.error().message;
  const auto prompts = PromptBuilder::create(tokenizer(), *format);
  ASSERT_TRUE(prompts.ok());
  const auto p =
      prompts->build({{"user", " <think> "}, {"assistant", "b", "x"}, {"user", "c"}, {"assistant", "d", "y"}},
                     {.add_generation_prompt = false, .enable_thinking = {}, .find_learned = true, .now = {}});
  ASSERT_TRUE(p.ok()) << p.error().message;
  std::string shown;
  for (size_t i = 0; i < p->ids.size(); ++i)
    shown += std::string(p->learned[i] ? "+" : "-") + tokenizer().decode(std::vector<int32_t>{p->ids[i]});
  EXPECT_EQ(shown,
            "-<|user|>-<-t-h-i-n-k->-<|assistant|>-b-<|end_of_text|>-<|user|>-c-<|assistant|>+<think>+y+</"
            "think>+d+<|end_of_text|>");
}

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("jamsu_prompt_" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(write_file((path / name).string(), text).ok());
  }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

TEST(chat_format, of_a_folder) {
  const Folder folder;
  const std::string path = folder.path.string();
  EXPECT_TRUE(
      ChatFormat::load(path).error().message.starts_with(folder.file("chat_template.jinja") + ": is not there"));
  folder.write("tokenizer_config.json",
               "{\"bos_token\": {\"content\": \"<b>\"}, \"eos_token\": \"<e>\", \"pad_token\": null, "
               "\"chat_template\": \"inside "
               "{{ eos_token }}\"}");
  const jinja::Value none = jinja::Value::list({});
  auto format = ChatFormat::load(path);
  ASSERT_TRUE(format.ok()) << format.error().message;
  EXPECT_EQ(*format->render(none, {}), "inside <e>");
  folder.write("chat_template.jinja",
               "{{ bos_token }}{{ pad_token is defined }}{{ tools is none }}{{ enable_thinking is "
               "defined }}\n{{ strftime_now('%Y') }}");
  format = ChatFormat::load(path);
  ASSERT_TRUE(format.ok()) << format.error().message;
  EXPECT_EQ(format->token("bos_token"), "<b>");
  std::tm now{};
  now.tm_year = 126;
  EXPECT_EQ(*format->render(none, {.now = now}), "<b>FalseTrueFalse\n2026");
  EXPECT_EQ(format->render(none, {}).error().message,
            folder.file("chat_template.jinja") +
                ":2: TemplateRuntimeError: strftime_now: whoever renders the template has given no time");
  folder.write("chat_template.jinja", "a\n{% if x %}\nb");
  const auto broken = ChatFormat::load(path);
  ASSERT_FALSE(broken.ok());
  EXPECT_TRUE(broken.error().message.starts_with(folder.file("chat_template.jinja") +
                                                 ":3: TemplateSyntaxError: Unexpected end of template"))
      << broken.error().message;
  folder.write("tokenizer_config.json", "[1,");
  EXPECT_TRUE(
      ChatFormat::load(path).error().message.starts_with(folder.file("tokenizer_config.json") + ": is not JSON"));
}

// A folder with several templates: as transformers chooses among them.
TEST(chat_format, of_several_templates) {
  const Folder folder;
  const std::string path = folder.path.string();
  const jinja::Value none = jinja::Value::list({}), tools = jinja::Value::list({jinja::Value::string("f")});
  const auto both = [&] {
    const auto format = ChatFormat::load(path);
    if (!format) return format.error().message;
    return *format->render(none, {}) + " " + *format->render(none, {.tools = tools});
  };
  folder.write("chat_template.json", R"({"chat_template": "processor"})");
  EXPECT_EQ(both(), "processor processor");
  folder.write("tokenizer_config.json", R"({"chat_template": null})");
  EXPECT_EQ(both(), "processor processor");
  folder.write("tokenizer_config.json",
               R"({"chat_template": [{"name": "default", "template": "plain"}, {"name": "rag", "template": "r"}]})");
  EXPECT_EQ(both(), "plain plain");
  folder.write(
      "tokenizer_config.json",
      R"({"chat_template": [{"name": "tool_use", "template": "tool"}, {"name": "default", "template": "plain"}]})");
  EXPECT_EQ(both(), "plain tool");
  folder.write("tokenizer_config.json", R"({"chat_template": {"tool_use": "tool", "default": "plain"}})");
  EXPECT_EQ(both(), "plain tool");
  std::filesystem::create_directories(folder.path / "additional_chat_templates");
  folder.write("additional_chat_templates/notes.txt", "{%");
  folder.write("chat_template.jinja", "own");
  EXPECT_EQ(both(), "own own");  // the files go before the list, whole
  folder.write("additional_chat_templates/tool_use.jinja", "\xEF\xBB\xBFown tool");
  EXPECT_EQ(both(), "own own tool");
  // What is none is named.
  folder.write("additional_chat_templates/tool_use.jinja", "{%");
  EXPECT_TRUE(both().starts_with(folder.file("additional_chat_templates/tool_use.jinja") + ":1: TemplateSyntaxError"))
      << both();
  std::filesystem::remove_all(folder.path / "additional_chat_templates");
  std::filesystem::remove(folder.path / "chat_template.jinja");
  const std::string config = folder.file("tokenizer_config.json");
  const std::pair<const char*, const char*> bad[] = {
      {R"([{"name": "a", "template": "x"}, {"name": "b", "template": "x"}])",
       "of the chat templates \"a\", \"b\" none is named"},
      {R"([{"name": "default"}])", "chat_template[0] is no object with the texts"},
      {R"(["x"])", "chat_template[0] is no object with the texts"},
      {R"({"default": 1})", "chat_template is no object with the texts"},
      {"7", "chat_template is a number, not a text"}};
  for (const auto& [value, says] : bad) {
    folder.write("tokenizer_config.json", std::string("{\"chat_template\": ") + value + "}");
    EXPECT_NE(both().find(says), std::string::npos) << both();
    EXPECT_TRUE(both().starts_with(path)) << both();
  }
}

TEST(chat_format, tokens_of_every_file) {
  const Folder folder;
  folder.write("chat_template.jinja", "{{ bos_token }}|{{ eos_token }}|{{ image_token }}|{{ audio_token }}");
  folder.write("special_tokens_map.json", R"({"bos_token": "<b>", "eos_token": {"content": "<e>"}})");
  const auto written = [&](const std::string& more) {
    folder.write("tokenizer_config.json", R"({"bos_token": null, "eos_token": "<old>", "audio_token": "<a>",
                 "add_bos_token": true, "extra_special_tokens": {"image_token": "<i>"})" +
                                              more + "}");
    const auto format = ChatFormat::load(folder.path.string());
    return format ? *format->render(jinja::Value::list({}), {}) : format.error().message;
  };
  EXPECT_EQ(written(""), "<b>|<e>|<i>|<a>");
  EXPECT_EQ(written(R"(, "added_tokens_decoder": {})"), "|<old>|<i>|<a>");
}

TEST(chat_format, what_a_template_makes_of_a_role) {
  using Text = RoleShape::Text;
  const struct {
    const char* text;
    const char* role;
    Text as_text;
    bool parts;
  } cases[] = {
      {"{% for m in messages %}{{ m.content }}{% endfor %}", "user", Text::written,
       false},  // the list as Python has it
      {"{% for m in messages %}{{ m.content | tojson }}{% endfor %}", "user", Text::written, false},
      {"{% for m in messages %}{{ 'x' + m.content }}{% endfor %}", "user", Text::written, false},
      {"{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}", "user", Text::left_out,
       true},
      {"{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ p.text "
       "}}"
       "{% endfor %}{% endif %}{% endfor %}",
       "tool", Text::written, true},
      {"{% for m in messages %}{% if m.role in ['user', 'system'] %}{{ m.content }}{% endif %}{% endfor %}",
       "developer", Text::left_out, false},
      {"{% for m in messages %}{% if m.role != 'user' %}{{ raise_exception('no') }}{% endif %}{{ m.content }}{% endfor "
       "%}",
       "system", Text::refused, false},
      {"{{ strftime_now('%Y') }}{{ messages[0].content }}", "system", Text::written, false},
  };
  for (const auto& c : cases) {
    const auto format = ChatFormat::from_text(c.text, "t");
    ASSERT_TRUE(format.ok()) << format.error().message;
    const RoleShape shape = format->shape_of(c.role);
    EXPECT_EQ(shape.text, c.as_text) << c.text;
    EXPECT_EQ(shape.parts, c.parts) << c.text;
  }
  const auto format = ChatFormat::from_text("{{ message.prefix }}{{ x_weight }}", "t");
  EXPECT_TRUE(format->mentions("prefix"));
  EXPECT_FALSE(format->mentions("weight"));
  EXPECT_FALSE(format->mentions("fix"));
}

TEST(chat_format, the_shipped_model_has_the_built_in_one) {
  const auto text = read_file(JAMSU_SOURCE_DIR "/pretrained/nano/chat_template.jinja");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, kChatTemplate);
}

}  // namespace
}  // namespace jamsu::text

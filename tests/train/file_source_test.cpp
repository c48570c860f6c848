// A user's .txt and .jsonl files: ids, masks, and what is said of each bad line.
#include "train/file_source.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/faults.h"
#include "base/rng.h"
#include "train/byte_tokenizer.h"

namespace jamsu::train {
namespace {

const tokenizer::Tokenizer& tokenizer() {
  return test::byte_tokenizer();
}

// "<|user|>48" as ids, with the special tokens recognised.
std::vector<int32_t> ids(std::string_view marked) {
  return tokenizer().encode(marked);
}

// The document as marked text, learned stretches in [ ].
std::string shown(const Document& d) {
  std::string out;
  for (size_t i = 0; i < d.ids.size(); ++i) {
    const bool was = i > 0 && d.learned[i - 1];
    if (d.learned[i] && !was) out += "[";
    if (!d.learned[i] && was) out += "]";
    const int32_t id = d.ids[i];
    out += tokenizer().is_added(id) ? std::string(tokenizer().token(id)) : std::string(tokenizer().token_bytes(id));
  }
  return out + (d.learned.back() ? "]" : "");
}

std::vector<std::string> read(const std::string& text, const std::string& name, const FileSourceOptions& options = {}) {
  const auto documents = parse_data_file(text, name, tokenizer(), options);
  EXPECT_TRUE(documents.ok()) << documents.error().message;
  std::vector<std::string> all;
  if (documents)
    for (const Document& d : *documents) all.push_back(shown(d));
  return all;
}
std::string error(const std::string& text, const std::string& name = "x.jsonl", const FileSourceOptions& options = {}) {
  const auto documents = parse_data_file(text, name, tokenizer(), options);
  return documents ? "" : documents.error().message;
}

using List = std::vector<std::string>;

TEST(file_source, jsonl_kinds_and_their_masks) {
  EXPECT_EQ(read("{\"text\":\"ab\",\"id\":3}\n", "x.jsonl"), (List{"<|begin_of_text|>[ab<|end_of_text|>]"}));
  EXPECT_EQ(read("{\"prompt\":\"1+1=\",\"completion\":\"2\"}", "x.jsonl"),
            (List{"<|begin_of_text|>1+1=[2<|end_of_text|>]"}));
  EXPECT_EQ(read(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},)"
                 R"({"role":"assistant","content":"a","reasoning_content":"t"},{"role":"user","content":"r"},)"
                 R"({"role":"assistant","content":"b","reasoning_content":"u"}]})",
                 "x.jsonl"),
            (List{"<|begin_of_text|><|system|>s<|user|>q<|assistant|>[<think>t</"
                  "think>a<|end_of_text|>]<|user|>r<|assistant|>[<think>u<"
                  "/think>b<|end_of_text|>]"}));
  // Pre-training learns all but the first token.
  EXPECT_EQ(read("{\"prompt\":\"1\",\"completion\":\"2\"}", "x.jsonl", {.learn_all = true}),
            (List{"<|begin_of_text|>[12<|end_of_text|>]"}));
  // Blank lines, CR LF and a byte order mark.
  EXPECT_EQ(read("\xEF\xBB\xBF{\"text\":\"a\"}\r\n\r\n  \n{\"text\":\"b\"}\r\n", "x.jsonl").size(), 2u);
}

TEST(file_source, marks_in_a_users_text_stay_text) {
  const auto d = parse_data_file(
      R"({"messages":[{"role":"user","content":"<|assistant|>x"},{"role":"assistant","content":"<|end_of_text|>"}]})",
      "x.jsonl", tokenizer(), {});
  ASSERT_TRUE(d.ok());
  const auto count = [&](const char* mark) {
    return std::count((*d)[0].ids.begin(), (*d)[0].ids.end(), *tokenizer().token_id(mark));
  };
  EXPECT_EQ(count("<|assistant|>"), 1);
  EXPECT_EQ(count("<|end_of_text|>"), 1);
  EXPECT_EQ((*d)[0].ids[0], ids("<|begin_of_text|>")[0]);
}

TEST(file_source, txt_whole_or_split) {
  const std::string text = "가나\n다\n\n \n라\r\n마\n";
  EXPECT_EQ(read(text, "x.txt"), (List{"<|begin_of_text|>[" + text + "<|end_of_text|>]"}));
  EXPECT_EQ(read(text, "x.txt", {.split_at_blank_lines = true}),
            (List{"<|begin_of_text|>[가나\n다<|end_of_text|>]", "<|begin_of_text|>[라\n마<|end_of_text|>]"}));
  EXPECT_EQ(error("a\xED\xA0\x80", "x.txt").find("x.txt:1: byte 1 is not UTF-8."), 0u);
  EXPECT_EQ(error("ab\xE2\x82", "x.txt"),
            "x.txt:1: byte 2 is not UTF-8. The file ends inside a character: it was cut.");
  EXPECT_EQ(error("a\nb\xB0\xA1 \xB3\xAA", "x.txt"),
            "x.txt:2: byte 1 (byte 3 of the file) is not UTF-8. The file looks like CP949 (Korean of older Windows "
            "programs): iconv -f CP949 -t UTF-8 x.txt > x.utf8.txt");
  EXPECT_EQ(error(" \n\n", "x.txt"), "x.txt: holds no document.");
  EXPECT_EQ(error("a", "x.csv"), "x.csv: is none of .txt, .md, .jsonl and .json files.");
  EXPECT_EQ(read("\xEF\xBB\xBF# a", "x.md"), (List{"<|begin_of_text|>[# a<|end_of_text|>]"}));
  EXPECT_EQ(error("PAR1", "x.parquet").find("x.parquet: is a Parquet file, no text: python3 -c"), 0u);
}

TEST(file_source, bad_lines_are_named) {
  const std::string good = "{\"text\":\"a\"}\n";
  const std::pair<const char*, const char*> cases[] = {
      {"{\"text\":\"a\"", "byte 11: incomplete"},
      {"[1]", "is no JSON object."},
      {"{}", "holds none of \"text\", \"prompt\" + \"completion\" and \"messages\", where exactly one belongs."},
      {"{\"text\":\"a\",\"prompt\":\"b\"}", "holds more than one of"},
      {"{\"text\":1}", "\"text\" is no string."},
      {"{\"text\":\"\"}", "\"text\" is empty."},
      {"{\"text\":\"a\",\"text\":\"b\"}", "key \"text\" stands twice"},
      {"{\"text\":\"\xFF\"}", "byte 9 (byte 22 of the file) is not UTF-8"},
      {"{\"prompt\":\"a\"}", "\"completion\" is missing."},
      {"{\"completion\":\"a\"}", "\"prompt\" is missing."},
      {"{\"prompt\":\"a\",\"completion\":\"\"}", "\"completion\" is empty."},
      {"{\"messages\":[]}", "\"messages\" is no list of messages."},
      {"{\"messages\":[1]}", "messages[0] is a number, not an object."},
      {"{\"messages\":[{\"role\":\"user\"}]}", "messages[0]: \"content\" is missing."},
      {"{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}",
       "messages[0]: role \"tool\" is none of system, user, assistant."},
      {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "the last message is not the assistant's"},
      {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}",
       "messages[0]: an assistant's message follows a user's."},
      {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"x\"}]}",
       "messages[1]: two messages of the user"},
      {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"system\",\"content\":\"x\"}]}",
       "messages[1]: a system message stands only"},
      {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"reasoning_content\":\"y\"}]}",
       "in the assistant's messages only."},
  };
  for (const auto& [line, says] : cases) {
    const std::string message = error(good + line + "\n" + good);
    EXPECT_EQ(message.rfind("x.jsonl:2: ", 0), 0u) << message;
    EXPECT_NE(message.find(says), std::string::npos) << message << "\n want: " << says;
  }
  EXPECT_EQ(error("\n\n"), "x.jsonl: holds no document.");
}

TEST(file_source, every_form_of_conversation) {
  const std::string want = "<|begin_of_text|><|user|>q<|assistant|>[a<|end_of_text|>]",
                    system = "<|begin_of_text|><|system|>s<|user|>q<|assistant|>[a<|end_of_text|>]",
                    thought = "<|begin_of_text|><|user|>q<|assistant|>[<think>t</think>a<|end_of_text|>]";
  const std::pair<const char*, std::string> cases[] = {
      {R"({"messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":"a","tool_calls":null}],"id":7})",
       want},
      {R"({"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"system":"s"})", system},
      {R"({"instruction":"q","input":"","output":"a"})", want},
      {R"({"instruction":"q","output":"a","text":"Below is an instruction"})", want},
      {R"({"query":"q","response":"a"})", want},
      {R"({"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a"}]})", want},
      {R"({"messages":[{"role":"developer","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]})",
       system},
      // The model's own marks in its content are marks; in other texts they are letters.
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"<think>t</think>a"}]})", thought},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","thinking":"t"}]})", thought},
      {R"({"messages":[{"role":"user","content":"<think>"},{"role":"assistant","content":"<|user|>"}]})",
       "<|begin_of_text|><|user|><think><|assistant|>[<|user|><|end_of_text|>]"},
      // Read and not learned.
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"b","weight":0},{"role":"user","content":"r"},
         {"role":"assistant","content":"a","weight":1}]})",
       "<|begin_of_text|><|user|>q<|assistant|>b<|end_of_text|><|user|>r<|assistant|>[a<|end_of_text|>]"},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"b"},{"role":"user","content":"r"},
         {"role":"assistant","content":"a","train":false}]})",
       "<|begin_of_text|><|user|>q<|assistant|>[b<|end_of_text|>]<|user|>r<|assistant|>a<|end_of_text|>"}};
  for (const auto& [line, document] : cases) EXPECT_EQ(read(line, "x.jsonl"), List{document}) << line;
  const auto marks = [&](const std::string& line) {
    const auto d = parse_data_file(line, "x.jsonl", tokenizer(), {});
    EXPECT_TRUE(d.ok()) << d.error().message;
    return std::count((*d)[0].ids.begin(), (*d)[0].ids.end(), *tokenizer().token_id("<think>"));
  };
  EXPECT_EQ(marks(cases[7].first), 1);
  EXPECT_EQ(marks(cases[9].first), 0);
  // One array, and one object over several lines.
  EXPECT_EQ(read("[{\"instruction\":\"q\",\"output\":\"a\"},\n{\"query\":\"q\",\"response\":\"a\"}]", "x.json"),
            (List{want, want}));
  EXPECT_EQ(read("{\n\"instruction\": \"q\",\n\"output\": \"a\"\n}\n", "x.json"), List{want});

  const std::pair<const char*, const char*> bad[] = {
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0}]})",
       "x.jsonl:1: no reply is to be learned."},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":2}]})",
       "x.jsonl:1: messages[1]: \"weight\" is 2, where 0 (not learned) or 1"},
      {R"({"messages":[{"role":"user","content":"q","mood":"x"},{"role":"assistant","content":"a"}]})",
       "x.jsonl:1: messages[0]: \"mood\" is a member that neither"},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"tools":[{"name":"f"}]})",
       "x.jsonl:1: the chat template leaves out \"tools\""},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":""}]})",
       "x.jsonl:1: messages[1]: \"content\" is empty."},
      {R"({"conversations":[{"from":"gpt","value":"a"}]})", "x.jsonl:1: messages[0]: an assistant's message follows"},
      {R"({"text":"a","messages":[{"role":"user","content":"q"}]})", "x.jsonl:1: holds more than one of"},
      {R"({"prompt":"a","completion":"b","label":false})", "x.jsonl:1: \"label\" is not obeyed here"},
      {R"({"text":"a","weight":0.5})", "x.jsonl:1: \"weight\" beside text is not obeyed here"},
      {R"({"instruction":"a"})", "the last message is not the assistant's"}};
  for (const auto& [line, says] : bad) {
    EXPECT_NE(error(line).find(says), std::string::npos) << error(line) << "\n want: " << says;
  }
  // What would be learned all the same.
  EXPECT_NE(error(R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0},
                      {"role":"user","content":"r"},{"role":"assistant","content":"b"}]})",
                  "x.jsonl", {.learn_all = true})
                .find("pre-training learns every token"),
            std::string::npos);
}

TEST(file_source, of_a_log_the_answer_is_learned) {
  const auto line = [](const std::string& reason) {
    return R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},)"
           R"({"role":"user","content":"r"}],"choices":[{"finish_reason":")" +
           reason + R"(","message":{"role":"assistant","content":"b","refusal":null}}],"model":"m"})";
  };
  EXPECT_EQ(read(line("stop"), "x.jsonl"), (List{"<|begin_of_text|><|user|>q<|assistant|>a<|end_of_text|><|user|>r"
                                                 "<|assistant|>[b<|end_of_text|>]"}));
  EXPECT_EQ(error(line("length")),
            "x.jsonl:1: \"finish_reason\" is \"length\": the answer was cut, and would be learned as a whole one.");
}

TEST(file_source, what_the_lines_were_is_counted) {
  DataForms forms;
  ASSERT_EQ(read("{\"text\":\"a\",\"id\":1}\n{\"instruction\":\"q\",\"output\":\"a\",\"source\":\"web\"}\n"
                 "{\"conversations\":[{\"from\":\"human\",\"value\":\"q\"},{\"from\":\"gpt\",\"value\":\"a\",\"name\":"
                 "\"n\"}],\"id\":2}\n",
                 "x.jsonl", {.forms = &forms})
                .size(),
            3u);
  EXPECT_EQ(forms.summary(),
            "1 conversations (ShareGPT), 1 instruction and output (Alpaca), 1 text; passed over beside them: id (2), "
            "name of a message (1), source (1)");
  ASSERT_EQ(read("a", "x.txt", {.forms = &forms}).size(), 1u);
  EXPECT_EQ(forms.documents["text"], 2);
}

// A template of another family: its tokens, and running text that begins as its tokenizer's files say.
TEST(file_source, another_chat_format) {
  const auto format = text::ChatFormat::from_text(
      "{% for m in messages %}<|{{ 'user' if m.role == 'tool' else m.role }}|>{{ m.content }}"
      "{% for c in m.tool_calls or [] %}({{ c.function.name }}){% endfor %}<|end_of_text|>{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}{{ '' if tools else '' }}",
      "t", {{"eos_token", "<|end_of_text|>"}});
  ASSERT_TRUE(format.ok()) << format.error().message;
  const FileSourceOptions options{.format = *format};
  EXPECT_EQ(read("ab", "x.txt", options), List{"[ab<|end_of_text|>]"});
  EXPECT_EQ(read(R"({"messages":[{"role":"user","content":"q"},
      {"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{}}}]},
      {"role":"tool","content":"7"},{"role":"assistant","content":"a"}],"tools":[{"function":{"name":"f"}}]})",
                 "x.jsonl", options),
            List{"<|user|>q<|end_of_text|><|assistant|>[(f)<|end_of_text|>]<|user|>7<|end_of_text|><|assistant|>"
                 "[a<|end_of_text|>]"});
  // A template that writes the date writes the same one on every day.
  const auto dated = text::ChatFormat::from_text(
      "{{ strftime_now('%A %d %b %Y') }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}",
      "t");
  EXPECT_EQ(read(R"({"instruction":"q","output":"a"})", "x.jsonl", {.format = *dated}),
            List{"Thursday 01 Jan 2026<|user|>q<|assistant|>[a]"});
  const auto endless = text::ChatFormat::from_text("{{ messages[0].content }}", "t", {});
  EXPECT_EQ(error("ab", "x.txt", {.format = *endless}),
            "tokenizer_config.json: \"eos_token\" is missing: a text would have no end");
}

TEST(file_source, long_samples_are_refused_and_long_texts_cut) {
  EXPECT_EQ(error("{\"prompt\":\"1234\",\"completion\":\"5\"}", "x.jsonl", {.context = 6}),
            "x.jsonl:1: 7 tokens, more than the context of 6; a sample is never cut.");
  EXPECT_EQ(error("{\"prompt\":\"1234\",\"completion\":\"5\"}", "x.jsonl", {.context = 7}), "");
  const test::Folder folder;
  ASSERT_TRUE(write_file(folder / "x.txt", "0123456789").ok());
  const auto source = open_data_file(folder / "x.txt", tokenizer(), {.context = 6});
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_EQ((*source)->size(), 3u);  // 12 tokens in pieces of 6 that share one
  EXPECT_EQ(shown(*(*source)->at(1)), "4[56789]");
  EXPECT_EQ(open_data_file(folder / "none.txt", tokenizer(), {}).error().message,
            (folder / "none.txt") + ": cannot be read: No such file or directory.");
}

TEST(file_source, shards_are_one_file) {
  const test::Folder folder;
  const std::string first = "{\"text\":\"0\"}\n{\"text\":\"1\"}\n", second = "{\"text\":\"2\"}",
                    third = "{\"text\":\"3\"}\n";
  ASSERT_TRUE(write_file(folder / "all.jsonl", first + second + "\n" + third).ok());
  ASSERT_TRUE(write_file(folder / "part-2.jsonl", third).ok());  // not in the order they are written
  ASSERT_TRUE(write_file(folder / "part-0.jsonl", first).ok());
  ASSERT_TRUE(write_file(folder / "part-1.jsonl", second).ok());
  ASSERT_TRUE(write_file(folder / "part-3.txt", "no shard of it").ok());
  ASSERT_TRUE(write_file(folder / "other-0.jsonl", first).ok());
  EXPECT_EQ(*shards_of(folder / "part-*.jsonl"),
            (std::vector<std::string>{folder / "part-0.jsonl", folder / "part-1.jsonl", folder / "part-2.jsonl"}));
  EXPECT_EQ(shards_of(folder / "*-*.*l")->size(), 4u);
  EXPECT_EQ(*shards_of(folder / "part-9.jsonl"), std::vector<std::string>{folder / "part-9.jsonl"});
  const auto whole = open_data_file(folder / "all.jsonl", tokenizer(), {}),
             parts = open_data_file(folder / "part-*.jsonl", tokenizer(), {});
  ASSERT_TRUE(whole.ok() && parts.ok()) << parts.error().message;
  ASSERT_EQ((*parts)->size(), 4u);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(shown(*(*parts)->at(i)), shown(*(*whole)->at(i)));

  ASSERT_TRUE(write_file(folder / "part-1.jsonl", "{}").ok());
  EXPECT_EQ(open_data_file(folder / "part-*.jsonl", tokenizer(), {}).error().message.find(folder / "part-1.jsonl:1: "),
            0u);
  EXPECT_EQ(open_data_file(folder / "none-*.jsonl", tokenizer(), {}).error().message,
            (folder / "none-*.jsonl") + ": no file has such a name.");
  EXPECT_EQ(open_data_file(folder / "nowhere/a-*.txt", tokenizer(), {}).error().message,
            (folder / "nowhere") + ": cannot be read: No such file or directory.");
}

TEST(file_source, mutations) {
  const std::string good =
      "{\"text\":\"가나다라마바사 아자차카타파하, the quick brown fox jumps over the lazy dog 0123456789 "
      "0123456789\"}\n{\"prompt\":\"1\",\"completion\":\"2\"}\n{\"messages\":[{\"role\":\"user\",\"content\":"
      "\"x\"},{\"role\":\"assistant\",\"content\":"
      "\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"}]}\n"
      "{\"instruction\":\"x\",\"output\":\"y\"}\n{\"conversations\":[{\"from\":\"human\",\"value\":\"x\"},{\"from\":"
      "\"gpt\","
      "\"value\":\"<think>y</think>z\",\"weight\":1}]}\n";
  int taken = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    RandomStream random(19, i, Purpose::mutation);
    std::string text = good;
    for (uint32_t edits = 1 + random.below(3); edits > 0; --edits) {
      const size_t at = random.below(static_cast<uint32_t>(text.size()));
      switch (random.below(3)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, 1 + random.below(6));
          break;
        default:
          text.insert(at, text.substr(random.below(static_cast<uint32_t>(text.size())), 1 + random.below(12)));
          break;
      }
    }
    const auto documents = parse_data_file(text, "m.jsonl", tokenizer(), {});
    if (documents) {
      ++taken;
      for (const Document& d : *documents) EXPECT_EQ(d.ids.size(), d.learned.size());
    } else {
      EXPECT_EQ(documents.error().message.rfind("m.jsonl", 0), 0u) << documents.error().message;
    }
  }
  EXPECT_GT(taken, 300);
  EXPECT_LT(taken, 9'700);
}

}  // namespace
}  // namespace jamsu::train

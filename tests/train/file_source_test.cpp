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
  EXPECT_EQ(error("a\xED\xA0\x80", "x.txt"), "x.txt: byte 1 is not UTF-8.");
  EXPECT_EQ(error("ab\xE2\x82", "x.txt"), "x.txt: byte 2 is not UTF-8.");
  EXPECT_EQ(error(" \n\n", "x.txt"), "x.txt: holds no document.");
  EXPECT_EQ(error("a", "x.csv"), "x.csv: is neither a .txt nor a .jsonl file.");
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
      {"{\"text\":\"\xFF\"}", "syntax error"},
      {"{\"prompt\":\"a\"}", "\"completion\" is missing."},
      {"{\"completion\":\"a\"}", "\"prompt\" is missing."},
      {"{\"prompt\":\"a\",\"completion\":\"\"}", "\"completion\" is empty."},
      {"{\"messages\":[]}", "\"messages\" is no list of messages."},
      {"{\"messages\":[1]}", "messages[0] is no object."},
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
      "\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"}]}\n";
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

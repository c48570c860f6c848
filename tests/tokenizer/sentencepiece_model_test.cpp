// tokenizer.model where no tokenizer.json lies beside it: the ids of transformers' LlamaTokenizer.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <sstream>

#include "base/faults.h"
#include "base/files.h"
#include "tokenizer/folder/load.h"
#include "tokenizer/folder/sentencepiece.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

const std::string kFolder = std::string(JAMSU_SOURCE_DIR) + "/tests/tokenizer/sentencepiece";
constexpr const char* kConfig = R"({"tokenizer_class": "LlamaTokenizer"})";

std::string model_bytes() {
  const auto bytes = read_file(kFolder + "/tokenizer.model");
  EXPECT_TRUE(bytes.ok());
  return bytes ? *bytes : std::string();
}

TEST(SentencePieceModel, IdsAndTextsAreThoseOfTransformers) {
  const auto text = read_file(kFolder + "/cases.jsonl");  // tests/interop/make_sentencepiece.py
  ASSERT_TRUE(text.ok());
  std::istringstream lines(*text);
  int configs = 0, texts = 0;
  for (std::string line; std::getline(lines, line); ++configs) {
    const test::Folder folder;
    fs::copy(kFolder + "/tokenizer.model", folder / "tokenizer.model");
    const json::object item = json::parse(line).as_object();
    const std::string config = json::serialize(item.at("config"));
    ASSERT_TRUE(write_file(folder / "tokenizer_config.json", config).ok());
    const auto t = Tokenizer::load(folder.path());
    ASSERT_TRUE(t.ok()) << t.error().message;
    EXPECT_EQ(t->vocab_size(), item.at("vocab_size").as_int64()) << config;
    EXPECT_EQ(t->data().prefix, json::value_to<std::vector<int32_t>>(item.at("begin"))) << config;
    for (const json::value& one : item.at("cases").as_array()) {
      const json::array& parts = one.as_array();
      const std::string typed(parts[0].as_string());
      const auto ids = json::value_to<std::vector<int32_t>>(parts[1]);
      EXPECT_EQ(t->encode(typed), ids) << config << "\n" << typed;
      EXPECT_EQ(t->decode(ids), std::string(parts[2].as_string())) << config << "\n" << typed;
      ++texts;
    }
    // What it becomes is a tokenizer.json like others.
    const auto again = Tokenizer::from_json(t->to_json(), "again");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->encode("Hello, <s> world"), t->encode("Hello, <s> world"));
  }
  EXPECT_EQ(configs, 6);
  EXPECT_EQ(texts, 500);
}

TEST(SentencePieceModel, WhatIsNotReadSaysHowToConvertIt) {
  const std::string model = model_bytes();
  const auto said = [](const Result<std::string>& r) { return r ? std::string("read") : r.error().message; };
  const std::pair<std::string, const char*> configs[] = {
      {"{}", "c: \"tokenizer_class\" is missing"},
      {R"({"tokenizer_class": "T5Tokenizer"})", "c: \"tokenizer_class\" is \"T5Tokenizer\""},
      {R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "<bos>"})", "c: bos_token = \"<bos>\" is no piece of m"},
      {R"({"tokenizer_class": "LlamaTokenizer", "legacy": 1})", "legacy"},
      {"[]", "c: an array; expected an object"},
      {"{", "c: no JSON"}};
  for (const auto& [config, part] : configs) {
    const std::string message = said(json_of_sentencepiece(model, "m", config, "c"));
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  // A model of another kind: the trainer's model_type (field 3 of field 2) is 1, Unigram.
  const std::string unigram = std::string("\x0A\x05\x0A\x03<s>\x12\x02\x18\x01", 11);
  EXPECT_NE(said(json_of_sentencepiece(unigram, "a/m", kConfig, "c"))
                .find("a/m: is a model of SentencePiece that is not BPE. "
                      "transformers writes a tokenizer.json"),
            std::string::npos);
  // Llama 3's file of that name is tiktoken's.
  EXPECT_NE(said(json_of_sentencepiece("IQ== 0\nIg== 1\n", "m", kConfig, "c")).find("is no SentencePiece model"),
            std::string::npos);
  const test::Folder folder;
  EXPECT_FALSE(holds_tokenizer(folder.path()));
  ASSERT_TRUE(write_file(folder / "vocab.json", "{}").ok());
  EXPECT_TRUE(holds_tokenizer(folder.path()));
  EXPECT_NE(Tokenizer::load(folder.path()).error().message.find("holds vocab.json, no tokenizer.json. transformers"),
            std::string::npos);
}

// Cut anywhere, and each byte another: an error or a tokenizer, and never a byte read beyond the end (ASan).
TEST(SentencePieceModel, DamagedModelsAreErrors) {
  const std::string model = model_bytes();
  for (size_t length = 0; length < model.size(); length += 97) {
    const auto cut = json_of_sentencepiece(std::string(model, 0, length), "m", kConfig, "c");
    EXPECT_FALSE(cut.ok()) << length;
  }
  for (size_t at = 0; at < model.size(); at += 131) {
    std::string other = model;
    other[at] = static_cast<char>(other[at] ^ 0x55);
    const auto text = json_of_sentencepiece(other, "m", kConfig, "c");
    EXPECT_NE((text ? *text : text.error().message).find(text ? "merges" : "m: "), std::string::npos);
  }
  for (const std::string& bad :
       {std::string("\x0A\x7F", 2), std::string("\x0A\x03\x0A\xFF\x01", 5), std::string("\x08", 1),
        std::string("\x0A\x04\x0A\x02\xFF\xFE", 6), std::string("\x0B", 1),
        std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11)})
    EXPECT_FALSE(json_of_sentencepiece(bad, "m", kConfig, "c").ok());
}

}  // namespace
}  // namespace jamsu::tokenizer

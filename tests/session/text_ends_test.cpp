// Where texts begin and end, by the files that say so.
#include "session/text_ends.h"

#include <gtest/gtest.h>

#include "base/faults.h"
#include "session/scripted_session.h"

namespace jamsu::session {
namespace {

class TextEnds : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file(folder_ / name, text, quick_).ok());
  }
  std::vector<int32_t> ends(const tokenizer::Tokenizer* tokenizer = nullptr) {
    models::ModelInfo info;
    info.vocab = 300;
    info.eos = {7};
    return text_ends(folder_.path(), info, models::load_generation_config(folder_.path(), 300), tokenizer);
  }
  test::Folder folder_;
  test::QuickFiles quick_;
};

using Ids = std::vector<int32_t>;

TEST_F(TextEnds, EveryFileThatNamesAnEndIsObeyed) {
  EXPECT_EQ(ends(), (Ids{7}));
  put("generation_config.json", R"({"eos_token_id": [7, 9]})");
  EXPECT_EQ(ends(), (Ids{7, 9}));
  put("tokenizer_config.json",
      R"({"eos_token": "<end>", "added_tokens_decoder": {"11": {"content": "<end>"}, "x": {"content": "<end>"}}})");
  EXPECT_EQ(ends(), (Ids{7, 9, 11}));
  // transformers 5 writes no added_tokens_decoder: the list is tokenizer.json's.
  put("tokenizer_config.json", R"({"eos_token": {"content": "<end>", "lstrip": false}})");
  EXPECT_EQ(ends(), (Ids{7, 9}));
  put("tokenizer.json", R"({"added_tokens": [{"id": 4, "content": "<start>"}, {"id": 12, "content": "<end>"}]})");
  EXPECT_EQ(ends(), (Ids{7, 9, 12}));
}

TEST_F(TextEnds, SpecialTokensMapIsAskedWhereTheConfigSaysNothing) {
  put("tokenizer.json", R"({"added_tokens": [{"id": 12, "content": "<a>"}, {"id": 13, "content": "<b>"}]})");
  put("special_tokens_map.json", R"({"eos_token": "<b>"})");
  EXPECT_EQ(ends(), (Ids{7, 13}));
  put("tokenizer_config.json", R"({"bos_token": null})");
  EXPECT_EQ(ends(), (Ids{7, 13}));
  put("tokenizer_config.json", R"({"eos_token": "<a>"})");
  EXPECT_EQ(ends(), (Ids{7, 12}));
  put("tokenizer_config.json", R"({"eos_token": null})");  // it says that there is none
  EXPECT_EQ(ends(), (Ids{7}));
}

TEST_F(TextEnds, WhatCannotBeReadEndsNothing) {
  for (const char* text : {"", "{", "[]", R"({"eos_token": 3})", R"({"eos_token": "<nowhere>"})",
                           R"({"eos_token": "<end>", "added_tokens_decoder": {"400": {"content": "<end>"}}})",
                           R"({"eos_token": "<end>", "added_tokens_decoder": {"-1": {"content": "<end>"}}})"}) {
    put("tokenizer_config.json", text);
    EXPECT_EQ(ends(), (Ids{7})) << text;
  }
}

TEST_F(TextEnds, ATokenizerThatIsOpenIsAsked) {
  const tokenizer::Tokenizer own = test::byte_tokenizer();
  put("tokenizer_config.json", R"({"eos_token": "<|end_of_text|>"})");
  EXPECT_EQ(ends(&own), (Ids{7, *own.token_id(tokenizer::kEndOfText)}));
}

TEST_F(TextEnds, TextsBeginAsThePostProcessorSays) {
  const tokenizer::Tokenizer own = test::byte_tokenizer();
  EXPECT_EQ(text_begin(own), (Ids{*own.token_id(tokenizer::kBeginOfText)}));  // as the documents it was trained on
  const std::string json = R"({"model": {"type": "BPE", "vocab": {"a": 0, "<s>": 1}, "merges": []},
      "added_tokens": [{"id": 1, "content": "<s>", "special": true}], "normalizer": null,
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
      "decoder": {"type": "ByteLevel"}, "post_processor": )";
  const auto with = [&](const std::string& post) {
    const auto tokenizer = tokenizer::Tokenizer::from_json(json + post + "}", "t");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    return text_begin(*tokenizer);
  };
  EXPECT_EQ(with("null"), Ids());
  EXPECT_EQ(with(R"({"type": "ByteLevel"})"), Ids());
  EXPECT_EQ(with(R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                     {"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1]}}})"),
            (Ids{1}));
}

}  // namespace
}  // namespace jamsu::session

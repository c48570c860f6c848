// Added tokens: ids that leave holes, tokens of tokenizer_config.json, tokens in raw text and in templates.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/small_tokenizers.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_data.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;
using test::small;
using test::small_file;
using test::small_sentencepiece;
using test::tokenizer_of;
using Ids = std::vector<int32_t>;

// cl100k's shape: the file's ids leave a hole, `tokenizers` 0.23 counts on without one.
TEST(AddedTokens, HolesBetweenThemAreClosedAsTokenizersDoes) {
  json::object file = small_file();
  file["added_tokens"].as_array()[2].as_object()["id"] = 300;
  const Tokenizer t = tokenizer_of(file);
  EXPECT_EQ(t.encode("<s>a name"), (Ids{260, 'a', ' ', 262}));
  EXPECT_EQ(t.vocab_size(), 263);
  EXPECT_EQ(json::parse(t.to_json()).at("added_tokens").as_array()[2].at("id").as_int64(), 300);
}

// p50k's shape: the vocabulary itself has a hole.
TEST(AddedTokens, HolesOfTheVocabularyStay) {
  json::object file = small_file();
  file["model"].as_object()["vocab"].as_object()["\u0120hell"] = 265;
  for (auto& t : file["added_tokens"].as_array()) t.as_object()["id"] = t.at("id").as_int64() + 10;
  file["post_processor"] = nullptr;
  const Tokenizer t = tokenizer_of(file);
  EXPECT_EQ(t.encode(" hello"), (Ids{265, 'o'}));
  // `tokenizers` counts from the number of the model's tokens: 260 here, where nothing is, not 259, which is free too.
  EXPECT_EQ(t.encode("<s>"), Ids{260});
  EXPECT_EQ(t.vocab_size(), 266);
  EXPECT_FALSE(t.has(259) || t.has(264));
  EXPECT_TRUE(t.has(260) && t.has(265));
  EXPECT_EQ(t.token(259), "");
  EXPECT_EQ(t.decode(Ids{'a', 259, 264, 265, 999}), "a hell");
  EXPECT_EQ(StreamDecoder(t).push(259), "");
  EXPECT_FALSE(t.token_id(""));
  const Tokenizer again = tokenizer_of(json::parse(t.to_json()).as_object());
  EXPECT_EQ(again.encode(" hello<s>"), t.encode(" hello<s>"));
  EXPECT_EQ(again.vocab_size(), 266);
}

constexpr std::string_view kConfig = R"({"added_tokens_decoder": {
  "900": {"content": "<far>", "special": true, "normalized": false},
  "300": {"content": "<new>", "special": false, "lstrip": true, "normalized": false},
  "260": {"content": "<s>", "special": false, "rstrip": true, "normalized": false}}})";

// As AutoTokenizer of transformers 5.24: in the order of the ids, flags of the config, next free ids.
TEST(AddedTokens, TheConfigHasMore) {
  const auto t = Tokenizer::from_json(json::serialize(small_file()), "f", kConfig, "c");
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->encode("a <new>b<far><s>  c"), (Ids{'a', 263, 'b', 264, 260, 'c'}));
  EXPECT_FALSE(t->is_special(260));
  EXPECT_TRUE(t->is_special(264));
  // What is saved needs no config.
  const Tokenizer saved = tokenizer_of(json::parse(t->to_json()).as_object());
  EXPECT_EQ(saved.encode("a <new>b<far><s>  c"), t->encode("a <new>b<far><s>  c"));
  // A config that says the same changes nothing.
  const auto same = Tokenizer::from_json(
      json::serialize(small_file()), "f",
      R"({"added_tokens_decoder": {"260": {"content": "<s>", "special": true, "normalized": false}}})", "c");
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(same->to_json(), small().to_json());
}

TEST(AddedTokens, EveryMalformedConfigNamesFileAndField) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "c: no JSON"},
      {"[]", "c: an array; expected an object"},
      {R"({"added_tokens_decoder": []})", "c: \"added_tokens_decoder\" is an array"},
      {R"({"added_tokens_decoder": {"x": {}}})", "c: added_tokens_decoder: \"x\" is no id"},
      {R"({"added_tokens_decoder": {"-1": {}}})", "\"-1\" is no id"},
      {R"({"added_tokens_decoder": {"1": 2}})", "c: added_tokens_decoder.1 is a number"},
      {R"({"added_tokens_decoder": {"1": {}}})", "c: added_tokens_decoder.1: \"content\" is missing"},
      {R"({"added_tokens_decoder": {"1": {"content": "a", "lstrip": 1}}})",
       "added_tokens_decoder.1: \"lstrip\" is a number"},
      {R"({"added_tokens_decoder": {"1": {"content": "a"}, "01": {"content": "b"}}})", "the id stands twice"},
  };
  for (const auto& [config, message] : cases) {
    const auto t = Tokenizer::from_json(json::serialize(small_file()), "f", config, "c");
    ASSERT_FALSE(t) << config;
    EXPECT_NE(t.error().message.find(message), std::string::npos) << t.error().message;
  }
}

TEST(AddedTokens, ThoseThatATextSpellsAreTold) {
  EXPECT_EQ(small().added_tokens_in("x <|user|> name <s><s>"), (Ids{260, 261, 262}));
  EXPECT_EQ(small().added_tokens_in("<user> names"), Ids{});
  EXPECT_EQ(small().added_tokens_in("\xFF<s>"), Ids{260});
}

// Llama 2's shape: the normalizer puts a mark in front and in place of spaces, so a token with `normalized: true` is
// found as the normalizer leaves it.
TEST(AddedTokens, NormalizedOnesAreFoundInTemplates) {
  json::object file = small_sentencepiece();
  file["normalizer"] = {{"type", "Sequence"},
                        {"normalizers",
                         {{{"type", "Prepend"}, {"prepend", "▁"}},
                          {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}}}};
  file["pre_tokenizer"] = nullptr;
  file["added_tokens"].as_array().push_back(
      {{"id", 263}, {"content", "<mark>"}, {"special", false}, {"normalized", true}});
  const Tokenizer t = tokenizer_of(file);
  const auto as_is = [](std::string_view text, bool) { return std::string(text); };
  for (const char* text : {"a <mark> b", "<s>a <mark>", "ab<mark>", "<mark> a"}) {
    Ids ids;
    t.encode_template_to(text, true, as_is, ids);
    EXPECT_EQ(ids, t.encode(text)) << text;
  }
  EXPECT_EQ(t.encode("a <mark> b"), (Ids{261, 263, 258, 260}));
  // A place shows what a user typed: none of it is a token.
  Ids ids;
  t.encode_template_to(
      "a * b <mark>", true,
      [&](std::string_view stretch, bool normalized) {
        std::string text(stretch);
        EXPECT_TRUE(normalized);
        if (const size_t at = text.find('*'); at != std::string::npos)
          text.replace(at, 1, t.data().normalizer.run_inside("a <mark>"));
        return text;
      },
      ids);
  EXPECT_EQ(ids.back(), 263);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 263), 1);
  EXPECT_EQ(t.decode(ids), "a a <mark> b <mark>");
}

}  // namespace
}  // namespace jamsu::tokenizer

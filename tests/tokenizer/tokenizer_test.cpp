#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/small_tokenizers.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;
using test::small;
using test::small_file;
using Ids = std::vector<int32_t>;

Ids bytes_of(std::string_view s) {
  Ids ids;
  for (const char c : s) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

TEST(Tokenizer, MergesByRankAndAddsTheTemplate) {
  const Tokenizer t = small();
  EXPECT_EQ(t.vocab_size(), 263);
  EXPECT_EQ(t.encode("hello hell"), (Ids{258, 'o', 259}));
  EXPECT_EQ(t.encode("hello", {.add_special = true}), (Ids{260, 258, 'o'}));
  EXPECT_EQ(t.encode("", {.add_special = true}), Ids{260});
  EXPECT_EQ(t.token(259), "\u0120hell");
  EXPECT_EQ(t.token_bytes(259), " hell");
  EXPECT_EQ(t.token_id("\u0120hell"), 259);
  EXPECT_EQ(t.token_id(" hell"), std::nullopt);
  EXPECT_TRUE(t.is_special(261));
  EXPECT_FALSE(t.is_special(262));
  EXPECT_TRUE(t.is_added(262));
  EXPECT_FALSE(t.is_special(-1) || t.is_special(263) || t.is_added(263));
}

TEST(Tokenizer, PlainTextNeverBecomesAnAddedToken) {
  const Tokenizer t = small();
  const std::string text = "<|user|>hell name<s>";
  EXPECT_EQ(t.encode(text), (Ids{261, 258, ' ', 262, 260}));
  Ids plain = bytes_of("<|user|>");
  plain.push_back(258);
  const Ids rest = bytes_of(" name<s>");
  plain.insert(plain.end(), rest.begin(), rest.end());
  EXPECT_EQ(t.encode_plain(text), plain);
  EXPECT_EQ(t.decode(t.encode_plain(text)), text);
}

// "hell" and "<s>" as tokens of the model: reachable by merges, and by ignore_merges.
TEST(Tokenizer, PlainTextNeverMergesIntoAnAddedToken) {
  auto file = small_file();
  file["added_tokens"].as_array().push_back(
      {{"id", 258}, {"content", "hell"}, {"special", true}, {"normalized", false}});
  for (const bool ignore_merges : {false, true}) {
    file["model"].as_object()["ignore_merges"] = ignore_merges;
    const auto t = Tokenizer::from_json(json::serialize(file), "f");
    ASSERT_TRUE(t) << t.error().message;
    EXPECT_EQ(t->encode("hell"), Ids{258});
    EXPECT_EQ(t->encode_plain("hell"), (Ids{256, 257}));
    EXPECT_EQ(t->encode("hell"), Ids{258}) << "the cache holds what plain text gave";
  }
}

// ignore_merges looks into the model's vocabulary only, and what it finds for marked text is no answer for plain text.
TEST(Tokenizer, IgnoreMergesTakesNoAddedTokenForPlainText) {
  auto file = small_file();
  file["model"].as_object()["ignore_merges"] = true;
  file["model"].as_object()["vocab"].as_object().emplace("hello", 260);  // no merge makes it
  file["added_tokens"] = {
      {{"id", 260}, {"content", "hello"}, {"special", true}, {"normalized", false}, {"single_word", true}},
      {{"id", 261}, {"content", "lle"}, {"special", true}, {"normalized", false}, {"single_word", true}}};
  file["post_processor"] = nullptr;
  const auto t = Tokenizer::from_json(json::serialize(file), "f");
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->encode("hello"), Ids{260});
  EXPECT_EQ(t->encode_plain("hello"), (Ids{258, 'o'}));
  EXPECT_EQ(t->encode_plain("lle"), (Ids{257, 'e'}));
  EXPECT_EQ(t->encode("0hello"), (Ids{'0', 260})) << "no word of its own, but a piece that the model's vocabulary has";
  EXPECT_EQ(t->encode_plain("0hello"), (Ids{'0', 258, 'o'})) << "the cache of marked text";
  EXPECT_EQ(t->encode("0lle"), (Ids{'0', 257, 'e'})) << "not in the model's vocabulary";
}

TEST(Tokenizer, DecodePassesOverWhatIsNotThere) {
  const Tokenizer t = small();
  EXPECT_EQ(t.decode(Ids{260, 258, 262, -1, 263, 1 << 30}), "<s>hellname");
  EXPECT_EQ(t.decode(Ids{260, 258, 262}, true), "hellname");
  EXPECT_EQ(t.decode(Ids{0xEA, 0xB0, 'a', 0x80}), "\uFFFDa\uFFFD");
}

TEST(Tokenizer, InvalidUtf8IsReadAsReplacementCharacters) {
  const Tokenizer t = small();
  for (const auto& [bad, good] : {std::pair<std::string, std::string>{"a\xFFz", "a\uFFFDz"},
                                  {"\xEA\xB0", "\uFFFD"},
                                  {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
                                  {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
                                  {"\xC0\xAF", "\uFFFD\uFFFD"},
                                  {"\xF0\x9F\x99x", "\uFFFDx"}})
    EXPECT_EQ(t.decode(t.encode(bad)), good);
}

TEST(Tokenizer, ThreadsShareOne) {
  const Tokenizer t = small();
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([t, k] {
      for (int i = 0; i < 500; ++i) {
        const std::string text = "hello " + std::to_string(i * (k + 1)) + " hell<s>";
        if (t.decode(t.encode(text)) != text) ADD_FAILURE() << text;
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(Tokenizer, SavesWhatItRead) {
  const auto folder = std::filesystem::path(JAMSU_BINARY_DIR) / "tokenizer_save_test";
  std::filesystem::create_directories(folder);
  const Tokenizer t = small();
  ASSERT_TRUE(t.save(folder / "tokenizer.json"));
  const auto again = Tokenizer::load(folder);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->to_json(), t.to_json());
  EXPECT_EQ(again->encode("hell name<s>"), t.encode("hell name<s>"));
  EXPECT_FALSE(t.save(folder / "no/such/folder/tokenizer.json"));
  const auto missing = Tokenizer::load(folder / "missing.json");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("missing.json"), std::string::npos);
}

// Pairs may hold spaces, which the string form cannot.
TEST(Tokenizer, SavesMergesOfTokensWithSpacesAsPairs) {
  auto file = small_file();
  auto& model = file["model"].as_object();
  model["vocab"].as_object().emplace("he ll", 260);
  model["vocab"].as_object().emplace(" ", 261);
  model["vocab"].as_object().emplace("he ", 262);
  model["merges"] = json::array{json::array{"h", "e"}, json::array{"he", " "}};
  file["added_tokens"] = json::array{};
  file["post_processor"] = nullptr;
  const auto t = Tokenizer::from_json(json::serialize(file), "f");
  ASSERT_TRUE(t) << t.error().message;
  const auto again = Tokenizer::from_json(t->to_json(), "again");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->to_json(), t->to_json());
  EXPECT_NE(t->to_json().find("[\"he\",\" \"]"), std::string::npos);
}

// What each piece gives without any cache.
Ids encoded_without_cache(const TokenizerData& data, const std::string& text) {
  Ids ids;
  BpeScratch scratch;
  data.pre_tokenizer.run(text, true, [&](std::string_view piece) {
    Ids own;
    for (const char byte : piece) own.push_back(data.byte_token[static_cast<unsigned char>(byte)]);
    own.resize(merge_tokens(data.merge_table, own, {}, scratch));
    ids.insert(ids.end(), own.begin(), own.end());
  });
  return ids;
}

// More distinct pieces than the cache has places, of all lengths around its limits, met again and again; and texts that
// end right behind a piece.
TEST(Tokenizer, WhatCameBeforeChangesNothing) {
  const auto t = Tokenizer::load(std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano");
  ASSERT_TRUE(t) << t.error().message;
  RandomStream random(4, 0, Purpose::test);
  const std::vector<std::string> syllables = {"a", "the", "ing", "X", "q",    "가",  "사과",
                                              "é", "0",   "_",   "=", "🙂", "\x01"};
  std::vector<std::string> words;
  for (int i = 0; i < 100'000; ++i) {
    std::string word;
    for (uint32_t n = random.below(i % 50 == 0 ? 40 : 7) + 1; n > 0; --n) word += random.pick(syllables);
    words.push_back(word);
  }
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const bool often = round % 3 == 0;
    for (int i = 0; i < 1000; ++i) {
      text += words[random.below(often ? 500 : static_cast<uint32_t>(words.size()))];
      if (random.below(4) > 0) text += ' ';
    }
    ASSERT_EQ(t->encode_plain(text), encoded_without_cache(t->data(), text));
  }
  for (const std::string& word : words) {
    const std::vector<char> exact(word.begin(), word.end());  // nothing may be read behind it
    ASSERT_EQ(t->encode_plain({exact.data(), exact.size()}), encoded_without_cache(t->data(), word)) << word;
  }
}

TEST(StreamDecoder, EqualsDecodeForAnyBytes) {
  const Tokenizer t = small();
  RandomStream random(5, 0, Purpose::test);
  for (int round = 0; round < 20'000; ++round) {
    Ids ids;
    for (uint32_t n = random.below(8) + 1; n > 0; --n) {
      static const std::vector<int> leads = {'a',  0x80, 0xA0, 0xBF, 0xC2, 0xE0, 0xE1, 0xED, 0xEF,
                                             0xF0, 0xF1, 0xF4, 0xF5, 0xFF, 0x90, 258,  260};
      ids.push_back(random.pick(leads));
    }
    StreamDecoder stream(t);
    std::string all;
    for (const int32_t id : ids) {
      const std::string piece = stream.push(id);
      EXPECT_TRUE(unicode::is_valid_utf8(piece));
      all += piece;
    }
    ASSERT_EQ(all + stream.flush(), t.decode(ids));
    EXPECT_EQ(stream.flush(), "");
  }
}

TEST(StreamDecoder, SkipsSpecialTokensInsideCharacters) {
  StreamDecoder stream(small(), true);
  for (const int32_t id : {0xEA, 260, 0xB0}) EXPECT_EQ(stream.push(id), "");
  EXPECT_EQ(stream.push(0x80), "가");
}

TEST(PreTokenizer, AllBehavioursOfSplit) {
  const auto pieces = [](const char* behavior, bool invert, std::string_view text) {
    json::object split = {
        {"type", "Split"}, {"pattern", {{"String", "-"}}}, {"behavior", behavior}, {"invert", invert}};
    json::object byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
    auto pre = PreTokenizer::from_json(json::value{{"type", "Sequence"}, {"pretokenizers", {split, byte_level}}}, "p");
    std::vector<std::string> out;
    if (!pre) return std::vector<std::string>{pre.error().message};
    pre->run(text, true, [&](std::string_view p) { out.emplace_back(p); });
    return out;
  };
  using V = std::vector<std::string>;
  // From tokenizers 0.23.3 on "a-b--c-".
  const std::string_view text = "a-b--c-";
  EXPECT_EQ(pieces("Isolated", false, text), (V{"a", "-", "b", "-", "-", "c", "-"}));
  EXPECT_EQ(pieces("Removed", false, text), (V{"a", "b", "c"}));
  EXPECT_EQ(pieces("Removed", true, text), (V{"-", "-", "-", "-"}));
  EXPECT_EQ(pieces("MergedWithPrevious", false, text), (V{"a-", "b-", "-", "c-"}));
  EXPECT_EQ(pieces("MergedWithNext", false, text), (V{"a", "-b", "-", "-c", "-"}));
  EXPECT_EQ(pieces("MergedWithPrevious", true, text), (V{"a", "-b", "-", "-c", "-"}));
  EXPECT_EQ(pieces("MergedWithNext", true, text), (V{"a-", "b-", "-", "c-"}));
  EXPECT_EQ(pieces("Contiguous", false, text), (V{"a", "-", "b", "--", "c", "-"}));
}

}  // namespace
}  // namespace jamsu::tokenizer

#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pretokenizer.h"
#include "tokenizer/regex.h"
#include "tokenizer/tokenizer_data.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;
using Ids = std::vector<int32_t>;

// The 256 bytes by value, "he" 256, "ll" 257, "hell" 258, " hell" 259; then the added tokens "<s>" 260, "<|user|>" 261,
// "name" 262.
json::object small_file() {
  json::object vocab;
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(static_cast<unsigned char>(b));
    vocab.emplace(bytes_to_token({&byte, 1}), b);
  }
  for (const char* t : {"he", "ll", "hell", "\u0120hell"}) vocab.emplace(t, static_cast<int64_t>(vocab.size()));
  const json::object byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"added_tokens",
           {{{"id", 260}, {"content", "<s>"}, {"special", true}, {"normalized", false}},
            {{"id", 261}, {"content", "<|user|>"}, {"special", true}, {"normalized", false}},
            {{"id", 262}, {"content", "name"}, {"special", false}, {"normalized", true}, {"single_word", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"pair", json::array{}},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {260}}, {"tokens", {"<s>"}}}}}}}},
          {"decoder", byte_level},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", {"h e", "l l", "he ll", "\u0120 hell"}}}}};
}
Tokenizer small() {
  auto t = Tokenizer::from_json(json::serialize(small_file()), "small");
  if (!t) ADD_FAILURE() << t.error().message;
  return *t;
}
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
    auto pre = PreTokenizer::from_json(json::value{{"type", "Sequence"}, {"pretokenizers", {split, byte_level}}}, "p",
                                       Alphabet::bytes);
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

// ---- malformed files -----------------------------------------------------------------------------------------------

struct Malformed {
  const char* name;
  std::function<void(json::object&)> change;
  const char* message;  // stands in the error, which also names the file
};

json::object& model(json::object& f) {
  return f["model"].as_object();
}
json::object& vocab(json::object& f) {
  return model(f)["vocab"].as_object();
}
json::object& added(json::object& f, size_t i) {
  return f["added_tokens"].as_array()[i].as_object();
}
json::value nested(int depth) {
  json::value v = {{"type", "NFC"}};
  for (int i = 0; i < depth; ++i) v = {{"type", "Sequence"}, {"normalizers", json::array{v}}};
  return v;
}
json::value split_by(const std::string& regex) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

const std::vector<Malformed>& malformed() {
  static const std::vector<Malformed> all = {
      {"no model", [](auto& f) { f.erase("model"); }, "\"model\" is missing"},
      {"model null", [](auto& f) { f["model"] = nullptr; }, "\"model\" is null; expected an object"},
      {"model array", [](auto& f) { f["model"] = json::array{}; }, "\"model\" is an array"},
      {"word piece", [](auto& f) { model(f)["type"] = "WordPiece"; }, "model: \"type\" \"WordPiece\" is not supported"},
      {"unigram of bytes", [](auto& f) { model(f)["type"] = "Unigram"; },
       "decoder: ByteLevel with Unigram is not supported"},
      {"type number", [](auto& f) { model(f)["type"] = 3; }, "model: \"type\" is a number; expected a string"},
      {"byte fallback", [](auto& f) { model(f)["byte_fallback"] = true; }, "byte_fallback"},
      {"byte fallback string", [](auto& f) { model(f)["byte_fallback"] = "no"; }, "expected true or false"},
      {"dropout", [](auto& f) { model(f)["dropout"] = 0.1; }, "\"dropout\" is not supported"},
      {"dropout text", [](auto& f) { model(f)["dropout"] = "x"; }, "\"dropout\" is a string"},
      {"prefix", [](auto& f) { model(f)["continuing_subword_prefix"] = "##"; }, "continuing_subword_prefix"},
      {"suffix number", [](auto& f) { model(f)["end_of_word_suffix"] = 1; }, "end_of_word_suffix"},
      {"no vocab", [](auto& f) { model(f).erase("vocab"); }, "\"vocab\" is missing"},
      {"vocab array", [](auto& f) { model(f)["vocab"] = json::array{}; }, "\"vocab\" is an array"},
      {"vocab empty", [](auto& f) { vocab(f).clear(); }, "\"vocab\" is empty"},
      {"id negative", [](auto& f) { vocab(f)["he"] = -1; }, "\"he\" is -1"},
      {"id beyond", [](auto& f) { vocab(f)["he"] = 260; }, "\"he\" is 260"},
      {"id huge", [](auto& f) { vocab(f)["he"] = UINT64_MAX; }, "18446744073709551615"},
      {"id fraction", [](auto& f) { vocab(f)["he"] = 1.5; }, "\"he\" is 1.5"},
      {"id string", [](auto& f) { vocab(f)["he"] = "1"; }, "the id of \"he\" is a string"},
      {"id twice", [](auto& f) { vocab(f)["he"] = 257; }, "both have id 257"},
      {"hole", [](auto& f) { vocab(f).erase("ll"); }, "without holes"},
      {"no merges", [](auto& f) { model(f).erase("merges"); }, "\"merges\" is missing"},
      {"merges object", [](auto& f) { model(f)["merges"] = json::object{}; }, "\"merges\" is an object"},
      {"merge number", [](auto& f) { model(f)["merges"].as_array()[1] = 7; }, "model.merges[1] is a number"},
      {"merge one word", [](auto& f) { model(f)["merges"].as_array()[1] = "ll"; },
       "model.merges[1]: \"ll\" is not two tokens"},
      {"merge three words", [](auto& f) { model(f)["merges"].as_array()[1] = "l l l"; }, "model.merges[1]"},
      {"merge triple",
       [](auto& f) {
         model(f)["merges"].as_array()[1] = {"l", "l", "l"};
       },
       "model.merges[1]"},
      {"merge of missing", [](auto& f) { model(f)["merges"].as_array()[1] = "l q_"; },
       "model.merges[1]: \"q_\" is not in model.vocab"},
      {"merge to missing", [](auto& f) { model(f)["merges"].as_array()[1] = "l q"; },
       "model.merges[1]: \"lq\" is not in model.vocab"},
      {"merge of nothing",
       [](auto& f) {
         model(f)["merges"].as_array()[1] = {"", "l"};
       },
       "model.merges[1]: \"\""},
      {"unk missing", [](auto& f) { model(f)["unk_token"] = "<unk>"; },
       "\"unk_token\" \"<unk>\" is not in model.vocab"},
      {"unk number", [](auto& f) { model(f)["unk_token"] = 0; }, "\"unk_token\" is a number"},
      {"added object", [](auto& f) { f["added_tokens"] = json::object{}; }, "\"added_tokens\" is an object"},
      {"added string", [](auto& f) { f["added_tokens"].as_array()[0] = "x"; }, "added_tokens[0] is a string"},
      {"added no content", [](auto& f) { added(f, 0).erase("content"); }, "added_tokens[0]: \"content\" is missing"},
      {"added empty", [](auto& f) { added(f, 0)["content"] = ""; }, "added_tokens[0]: \"content\" is empty"},
      {"added no id", [](auto& f) { added(f, 0).erase("id"); }, "added_tokens[0]: \"id\" is missing"},
      {"added id string", [](auto& f) { added(f, 0)["id"] = "260"; }, "added_tokens[0]: the id is a string"},
      {"added id negative", [](auto& f) { added(f, 0)["id"] = -5; }, "added_tokens[0]: id -5"},
      {"added id huge", [](auto& f) { added(f, 0)["id"] = INT64_MAX; }, "out of range"},
      {"added id sparse", [](auto& f) { added(f, 2)["id"] = 300; },
       "added_tokens[2]: id 300 of \"name\"; expected 262"},
      {"added id twice", [](auto& f) { added(f, 1)["id"] = 260; }, "added_tokens[1]: id 260"},
      {"added id of another", [](auto& f) { added(f, 0)["id"] = 256; }, "belongs to \"he\""},
      {"added twice", [](auto& f) { added(f, 1)["content"] = "<s>"; }, "stands twice"},
      {"added flag", [](auto& f) { added(f, 1)["lstrip"] = 1; }, "added_tokens[1]: \"lstrip\" is a number"},
      {"normalizer number", [](auto& f) { f["normalizer"] = 1; }, "normalizer is a number"},
      {"normalizer unknown",
       [](auto& f) {
         f["normalizer"] = {{"type", "Lowercase"}};
       },
       "normalizer: \"type\" \"Lowercase\" is not supported"},
      {"normalizer no list",
       [](auto& f) {
         f["normalizer"] = {{"type", "Sequence"}};
       },
       "\"normalizers\" is missing"},
      {"normalizer list",
       [](auto& f) {
         f["normalizer"] = {{"type", "Sequence"}, {"normalizers", 1}};
       },
       "\"normalizers\" is a number"},
      {"normalizer deep", [](auto& f) { f["normalizer"] = nested(40); }, "too deep"},
      {"no pre_tokenizer", [](auto& f) { f.erase("pre_tokenizer"); }, "pre_tokenizer is null"},
      {"metaspace",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Metaspace"}};
       },
       "pre_tokenizer: \"type\" \"Metaspace\" is not supported"},
      {"no byte level",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Digits"}};
       },
       "\"Digits\" is not supported as the last"},
      {"empty chain",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", json::array{}}};
       },
       "is empty"},
      {"byte level first",
       [](auto& f) {
         f["pre_tokenizer"] = {{"type", "Sequence"},
                               {"pretokenizers", {{{"type", "ByteLevel"}}, {{"type", "ByteLevel"}}}}};
       },
       "pretokenizers[0]"},
      {"long chain",
       [](auto& f) {
         json::array chain(100, json::value{{"type", "Digits"}, {"individual_digits", true}});
         chain.push_back(json::object{{"type", "ByteLevel"}});
         f["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", chain}};
       },
       "the limit is"},
      {"no pattern",
       [](auto& f) {
         f["pre_tokenizer"] = split_by("a");
         f["pre_tokenizer"].at("pretokenizers").as_array()[0].as_object().erase("pattern");
       },
       "pretokenizers[0]: \"pattern\" is missing"},
      {"pattern string",
       [](auto& f) {
         f["pre_tokenizer"] = split_by("a");
         f["pre_tokenizer"].at("pretokenizers").as_array()[0].as_object()["pattern"] = "a";
       },
       "\"pattern\" is a string"},
      {"pattern empty", [](auto& f) { f["pre_tokenizer"] = split_by(""); }, "is empty"},
      {"pattern open", [](auto& f) { f["pre_tokenizer"] = split_by("(a"); }, "\"(a\": end pattern"},
      {"pattern class", [](auto& f) { f["pre_tokenizer"] = split_by("\\p{Nonsense}"); }, "invalid character property"},
      {"pattern explodes", [](auto& f) { f["pre_tokenizer"] = split_by("(a+)+$"); }, "explodes"},
      {"pattern nested", [](auto& f) { f["pre_tokenizer"] = split_by(std::string(5000, '(')); }, "nested deeper"},
      {"pattern recursion", [](auto& f) { f["pre_tokenizer"] = split_by("\\g<0>"); }, "Regex"},
      {"behavior",
       [](auto& f) {
         f["pre_tokenizer"] = split_by("a");
         f["pre_tokenizer"].at("pretokenizers").as_array()[0].as_object()["behavior"] = "Sideways";
       },
       "\"behavior\" \"Sideways\""},
      {"no decoder", [](auto& f) { f.erase("decoder"); }, "\"decoder\" is missing"},
      {"decoder",
       [](auto& f) {
         f["decoder"] = {{"type", "ByteFallback"}};
       },
       "pre_tokenizer: \"type\" \"ByteLevel\" is not supported before a decoder that is not ByteLevel"},
      {"post processor",
       [](auto& f) {
         f["post_processor"] = {{"type", "BertProcessing"}};
       },
       "post_processor: \"type\" \"BertProcessing\" is not supported"},
      {"template single", [](auto& f) { f["post_processor"].as_object()["single"] = "A"; }, "\"single\" is a string"},
      {"template item", [](auto& f) { f["post_processor"].at("single").as_array()[0] = 1; }, "single[0]"},
      {"template text twice",
       [](auto& f) {
         auto& s = f["post_processor"].at("single").as_array();
         s.push_back(s[1]);
       },
       "twice"},
      {"template without text", [](auto& f) { f["post_processor"].at("single").as_array().pop_back(); }, "has no text"},
      {"template B",
       [](auto& f) {
         f["post_processor"].at("single").as_array()[1] = {{"Sequence", {{"id", "B"}}}};
       },
       "sequence \"B\""},
      {"template unknown", [](auto& f) { f["post_processor"].as_object()["special_tokens"] = json::object{}; },
       "\"<s>\" is not in \"special_tokens\""},
      {"template id", [](auto& f) { f["post_processor"].at("special_tokens").at("<s>").as_object()["ids"] = {999}; },
       "id 999"},
      {"template endless",
       [](auto& f) {
         auto& s = f["post_processor"].at("single").as_array();
         for (int i = 0; i < 2000; ++i) s.insert(s.begin(), s[0]);
       },
       "more than 1024 ids"},
      {"processors",
       [](auto& f) {
         f["post_processor"] = {{"type", "Sequence"}, {"processors", nullptr}};
       },
       "\"processors\" is null"},
  };
  return all;
}

TEST(TokenizerJson, EveryMalformedKindNamesFileAndField) {
  ASSERT_TRUE(Tokenizer::from_json(json::serialize(small_file()), "x/tokenizer.json"));
  for (const Malformed& m : malformed()) {
    json::object file = small_file();
    m.change(file);
    const auto t = Tokenizer::from_json(json::serialize(file), "x/tokenizer.json");
    ASSERT_FALSE(t) << m.name;
    EXPECT_EQ(t.error().message.rfind("x/tokenizer.json: ", 0), 0u) << m.name << ": " << t.error().message;
    EXPECT_NE(t.error().message.find(m.message), std::string::npos) << m.name << ": " << t.error().message;
    EXPECT_LT(t.error().message.size(), 500u) << m.name;
  }
}

// SentencePiece: `<unk>`, `<s>`, the 256 byte tokens from 2 on, then `▁` 258, `a` 259, `b` 260, `▁a` 261, `ab` 262.
json::object small_sentencepiece() {
  json::object vocab{{"<unk>", 0}, {"<s>", 1}};
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", b);
    vocab.emplace(name, b + 2);
  }
  for (const char* t : {"▁", "a", "b", "▁a", "ab"}) vocab.emplace(t, static_cast<int64_t>(vocab.size()));
  return {
      {"added_tokens", {{{"id", 1}, {"content", "<s>"}, {"special", true}, {"normalized", false}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}, {"split", false}}},
      {"post_processor", nullptr},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders",
         {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
          {{"type", "ByteFallback"}},
          {{"type", "Fuse"}},
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"vocab", vocab},
        {"merges", {"▁ a", "a b"}}}}};
}
json::object small_unigram() {
  json::object file = small_sentencepiece();
  json::array vocab{{"<unk>", 0.0}, {"<s>", 0.0}};
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", b);
    vocab.push_back({name, 0.0});
  }
  // `ab` costs more than `a` and `b` together, `▁a` less than `▁` and `a`.
  const std::vector<std::pair<const char*, double>> tokens = {
      {"▁", -2}, {"a", -1.25}, {"b", -1.25}, {"▁a", -3}, {"ab", -3.5}};
  for (const auto& [token, score] : tokens) vocab.push_back({token, score});
  file["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"byte_fallback", true}, {"vocab", vocab}};
  return file;
}
Tokenizer tokenizer_of(const json::object& file) {
  auto t = Tokenizer::from_json(json::serialize(file), "f");
  if (!t) ADD_FAILURE() << t.error().message;
  return *t;
}

TEST(SentencePiece, MergesCharactersAndFallsBackToBytes) {
  const Tokenizer t = tokenizer_of(small_sentencepiece());
  EXPECT_EQ(t.encode("ab"), (Ids{261, 260}));   // ▁a before ab
  EXPECT_EQ(t.encode("<s>ab"), (Ids{1, 262}));  // nothing in front: the input has begun
  EXPECT_EQ(t.encode("b é"), (Ids{258, 260, 258, 0xC3 + 2, 0xA9 + 2}));
  EXPECT_EQ(t.encode_plain("<s>").size(), 4u);  // ▁ and three bytes
  EXPECT_EQ(t.decode(t.encode("a b é")), "a b é");
  EXPECT_EQ(t.decode(Ids{0xC3 + 2, 259}), "\uFFFDa");
  EXPECT_EQ(t.token_bytes(261), " a");
  EXPECT_EQ(t.token(261), "▁a");
  StreamDecoder stream(t);
  std::string pieces;
  for (const int32_t id : Ids{261, 258, 0xC3 + 2, 0xA9 + 2}) pieces += stream.push(id) + "|";
  EXPECT_EQ(pieces + stream.flush(), "a| ||é|");
}

// As in Bpe.WhereTheEndDecidesStretchesGiveUp, by whole texts.
TEST(SentencePiece, AnEndThatDecidesFarInFrontIsHeard) {
  constexpr int kCharacters = 20'001;
  json::object file = small_sentencepiece();
  json::object vocab{{"<unk>", 0}};
  json::array merges;
  std::vector<std::string> characters(kCharacters);
  for (int i = 0; i < kCharacters; ++i) {
    unicode::append_utf8(characters[static_cast<size_t>(i)], static_cast<char32_t>(0x4E00 + i));
    vocab[characters[static_cast<size_t>(i)]] = 1 + i;
  }
  for (size_t i = kCharacters - 1; i > 0; --i) {
    vocab[characters[i - 1] + characters[i]] = static_cast<int64_t>(vocab.size());
    merges.push_back(json::string(characters[i - 1] + " " + characters[i]));
  }
  file["model"] = {{"type", "BPE"}, {"unk_token", "<unk>"}, {"vocab", vocab}, {"merges", merges}};
  file["normalizer"] = file["pre_tokenizer"] = nullptr;
  file["added_tokens"] = json::array{};
  const Tokenizer t = tokenizer_of(file);
  for (const size_t count : {size_t{kCharacters - 1}, size_t{kCharacters}}) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += characters[i];
    const Ids ids = t.encode(text);
    ASSERT_EQ(ids.size(), (count + 1) / 2);
    EXPECT_EQ(t.token(ids.front()), count % 2 ? characters[0] : characters[0] + characters[1]);
    EXPECT_EQ(t.token(ids.back()), characters[count - 2] + characters[count - 1]);
    EXPECT_EQ(t.decode(ids), text);
  }
}

TEST(SentencePiece, UnigramTakesTheBestCut) {
  const Tokenizer t = tokenizer_of(small_unigram());
  EXPECT_EQ(t.encode("ab"), (Ids{261, 260}));        // -4.25 before -4.5 and -5.5
  EXPECT_EQ(t.encode("<s>ab"), (Ids{1, 259, 260}));  // -2.5 before -3.5
  EXPECT_EQ(t.encode("bé"), (Ids{258, 260, 0xC3 + 2, 0xA9 + 2}));
  EXPECT_EQ(tokenizer_of(json::parse(t.to_json()).as_object()).to_json(), t.to_json());
  const std::string long_text(200'000, 'a');
  EXPECT_EQ(t.encode(long_text).size(), 200'000u);
}

// Found by libFuzzer: without a token of its own the mark is three bytes, and still a space, or nothing in what comes
// before the first token that is no byte.
TEST(SentencePiece, AMarkOfBytesIsDecodedAsStreamed) {
  for (const bool unigram : {false, true}) {
    json::object file = unigram ? small_unigram() : small_sentencepiece();
    file["decoder"] = {{"type", "Sequence"},
                       {"decoders", {{{"type", "ByteFallback"}}, {{"type", "Metaspace"}, {"replacement", "▁"}}}}};
    std::string text = json::serialize(file);
    const std::string mark = "▁", other = "§";  // in the vocabulary and the merges, not in the pre-tokenizer
    const size_t model = text.find("\"model\"");
    for (size_t at = text.find(mark, model); at != std::string::npos; at = text.find(mark, at))
      text.replace(at, mark.size(), other);
    const auto t = Tokenizer::from_json(text, "f");
    ASSERT_TRUE(t) << t.error().message;
    for (const auto& [input, output] :
         {std::pair{" a b", "a b"}, {"a  b ", "a  b "}, {"   ", ""}, {" é é", "éé"}, {" aé é", "aé é"}}) {
      const Ids ids = t->encode_plain(input);
      StreamDecoder stream(*t);
      for (int again = 0; again < 2; ++again) {
        std::string streamed;
        for (const int32_t id : ids) streamed += stream.push(id);
        streamed += stream.flush();
        EXPECT_EQ(t->decode(ids), output);
        EXPECT_EQ(streamed, output);
      }
    }
  }
}

TEST(SentencePiece, EveryMalformedKindNamesFileAndField) {
  const auto decoders = [](json::object& f) -> json::array& { return f["decoder"].at("decoders").as_array(); };
  const auto unigram_vocab = [](json::object& f) -> json::array& { return model(f)["vocab"].as_array(); };
  const std::vector<Malformed> bpe = {
      {"decoder order", [=](auto& f) { std::swap(decoders(f)[0], decoders(f)[1]); },
       "decoder.decoders[1]: \"Replace\""},
      {"strip two", [=](auto& f) { decoders(f)[3].as_object()["start"] = 2; }, "decoder.decoders[3]: \"Strip\""},
      {"replace by x", [=](auto& f) { decoders(f)[0].as_object()["content"] = "x"; }, "decoder.decoders[0]"},
      {"decoder number", [=](auto& f) { decoders(f)[0] = 1; }, "decoder.decoders[0] is a number"},
      {"decoders missing", [](auto& f) { f["decoder"].as_object().erase("decoders"); }, "\"decoders\" is missing"},
      {"scheme", [](auto& f) { f["pre_tokenizer"].as_object()["prepend_scheme"] = "last"; }, "\"last\" is none of"},
      {"no mark", [](auto& f) { f["pre_tokenizer"].as_object()["replacement"] = ""; }, "\"replacement\" is empty"},
      {"prepend number",
       [](auto& f) {
         f["normalizer"] = {{"type", "Prepend"}, {"prepend", 1}};
       },
       "normalizer: \"prepend\" is a number"},
      {"mark of two characters",
       [](auto& f) {
         f["decoder"] = {{"type", "Metaspace"}, {"replacement", "▁▁"}};
       },
       "decoder: \"Metaspace\" is not supported here"},
      {"replacements that explode",
       [](auto& f) {
         const json::value doubling = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
         f["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array(40, doubling)}};
       },
       "normalizer.normalizers[10]: the replacements up to here"},
      {"replace without",
       [](auto& f) {
         f["normalizer"] = {{"type", "Replace"}, {"content", "x"}};
       },
       "normalizer: \"pattern\" is missing"},
  };
  const std::vector<Malformed> unigram = {
      {"vocab object", [](auto& f) { model(f)["vocab"] = json::object{}; }, "\"vocab\" is an object"},
      {"no score", [=](auto& f) { unigram_vocab(f)[3] = json::array{"x"}; }, "not [token, score]"},
      {"score text",
       [=](auto& f) {
         unigram_vocab(f)[3] = json::array{"x", "1"};
       },
       "not [token, score]"},
      {"empty token",
       [=](auto& f) {
         unigram_vocab(f)[3] = json::array{"", 1};
       },
       "model.vocab[3]"},
      {"twice",
       [=](auto& f) {
         unigram_vocab(f)[3] = json::array{"a", 1};
       },
       "\"a\" stands twice"},
      {"empty", [=](auto& f) { unigram_vocab(f).clear(); }, "\"vocab\" is empty"},
      {"bytes without end",
       [=](auto& f) {
         unigram_vocab(f).push_back({std::string(size_t{1} << 24, 'a'), 1});
       },
       "model.vocab[263]: the tokens up to here have more than 16777216 bytes"},
      {"unk", [](auto& f) { model(f)["unk_id"] = 263; }, "\"unk_id\" 263 is outside"},
  };
  for (const auto& [cases, good] : {std::pair{&bpe, small_sentencepiece()}, {&unigram, small_unigram()}})
    for (const Malformed& m : *cases) {
      json::object file = good;
      m.change(file);
      const auto t = Tokenizer::from_json(json::serialize(file), "x/tokenizer.json");
      ASSERT_FALSE(t) << m.name;
      EXPECT_EQ(t.error().message.rfind("x/tokenizer.json: ", 0), 0u) << m.name << ": " << t.error().message;
      EXPECT_NE(t.error().message.find(m.message), std::string::npos) << m.name << ": " << t.error().message;
    }
}

TEST(TokenizerJson, BrokenTextNamesTheByte) {
  const std::string good = json::serialize(small_file());
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("{} {}"), std::string("[1,]"), std::string("{\"a\": \xFF}"),
        std::string("{\"a\": \"\xFF\"}"), std::string(1'000'000, '['), "{\"model\":" + std::string(100'000, '{'),
        std::string("{\"a\":\"\\ud800\"}"), std::string("nul"), good + "x"}) {
    const auto t = Tokenizer::from_json(bad, "f");
    ASSERT_FALSE(t) << bad.substr(0, 50);
    EXPECT_EQ(t.error().message.rfind("f: ", 0), 0u) << t.error().message;
    EXPECT_NE(t.error().message.find("byte"), std::string::npos) << t.error().message;
  }
  EXPECT_NE(Tokenizer::from_json("[]", "f").error().message.find("an array; expected an object"), std::string::npos);
  for (size_t cut = 0; cut < good.size(); cut += 7)
    EXPECT_FALSE(Tokenizer::from_json(std::string_view(good).substr(0, cut), "f")) << cut;
}

// Seeded mutations: an error or a tokenizer that works, never a crash (runs under ASan and UBSan too).
TEST(TokenizerJson, MutationsNeverCrash) {
  const std::string kinds[] = {json::serialize(small_file()), json::serialize(small_sentencepiece()),
                               json::serialize(small_unigram())};
  int read = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    RandomStream random(1, i, Purpose::mutation);
    std::string bytes = kinds[i % 3];
    for (uint32_t n = random.below(4) + 1; n > 0 && !bytes.empty(); --n) {
      const uint32_t at = random.below(static_cast<uint32_t>(bytes.size()));
      static const std::vector<std::string> parts = {
          "\"",   "{",    "}",   "[",       "]",       ",",    ":",        "0",         "-1",
          "null", "true", "1e9", "\\u0000", "\\ud83d", "\xFF", "\"type\"", "\"Split\"", "\"Sequence\"",
          " "};
      switch (random.below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes.erase(at, random.below(12) + 1);
          break;
        case 2:
          bytes.insert(at, random.pick(parts));
          break;
        default:
          bytes.insert(at, bytes.substr(random.below(static_cast<uint32_t>(bytes.size())), random.below(40)));
          break;
      }
    }
    const auto t = Tokenizer::from_json(bytes, "mutated");
    if (!t) continue;
    ++read;
    t->decode(t->encode("<s>hello 가나 name 12\n"));
  }
  EXPECT_GT(read, 100);
}

}  // namespace
}  // namespace jamsu::tokenizer

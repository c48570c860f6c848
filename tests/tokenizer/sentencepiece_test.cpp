// Tokenizers of characters: BPE and Unigram as SentencePiece cuts.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/small_tokenizers.h"
#include "tokenizer/tokenizer.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

namespace json = boost::json;
using test::small_sentencepiece;
using test::small_unigram;
using test::tokenizer_of;
using Ids = std::vector<int32_t>;

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

}  // namespace
}  // namespace jamsu::tokenizer

#include "tokenizer/bpe_train.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "tokenizer/bpe.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

Result<Tokenizer> train(const std::vector<std::string>& documents, const BpeTrainOptions& options) {
  size_t i = 0;
  return train_bpe(
      [&](std::string& d) {
        if (i == documents.size()) return false;
        d = documents[i++];
        return true;
      },
      options);
}

// Sums and sentences as a small model sees them.
std::vector<std::string> sample_documents(int count) {
  RandomStream random(7, 0, Purpose::test);
  const std::vector<std::string> names = {"철수", "영희", "민준", "서연", "지우", "Mina", "Tom", "Sara"};
  const std::vector<std::string> things = {"사과", "연필", "공책", "구슬", "사탕", "apples", "pencils", "books"};
  std::vector<std::string> words;  // made up, so that the text has pairs for a thousand tokens
  for (int i = 0; i < 300; ++i) {
    std::string korean, latin;
    for (uint32_t n = random.below(3) + 1; n > 0; --n) unicode::append_utf8(korean, 0xAC00 + 37 * random.below(300));
    for (uint32_t n = random.below(6) + 3; n > 0; --n) latin += static_cast<char>('a' + random.below(26));
    words.push_back(korean);
    words.push_back(latin);
  }
  std::vector<std::string> documents;
  for (int i = 0; i < count; ++i) {
    const auto a = static_cast<int>(random.below(10000)), b = static_cast<int>(random.below(1000));
    const std::string sum = std::to_string(a) + " + " + std::to_string(b) + " = " + std::to_string(a + b);
    documents.push_back("<|begin_of_text|><|user|>" + random.pick(names) + "는 " + random.pick(things) + " " +
                        std::to_string(a) + "개를 가지고 있습니다.\n" + random.pick(names) + "에게 " +
                        std::to_string(b) + "개를 주면 몇 개가 남나요?<|assistant|><think>" + sum + "<|retry|>" + sum +
                        "</think>\n\n" + "답은 " + std::to_string(a - b) + "개입니다.<|end_of_text|>");
    documents.push_back("What is " + std::to_string(a) + " minus " + std::to_string(b) + "? " + random.pick(names) +
                        " had " + random.pick(things) + ". " + sum + " " + random.pick(words) + " " +
                        random.pick(words));
  }
  return documents;
}

TEST(BpeTrain, TheMostFrequentPairMergesFirst) {
  // "ab" 5 times, "bc" 3 times, "ca" twice; spaces keep the words apart.
  BpeTrainOptions options{.vocab_size = 259, .added_tokens = {}};
  const auto t = train({"ab ab ab ab ab\nbc bc bc ca ca"}, options);
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->token(256), "ab");        // 5
  EXPECT_EQ(t->token(257), "\u0120ab");  // 4: " ab"
  EXPECT_EQ(t->token(258), "bc");        // 3
}

TEST(BpeTrain, TiesGoToTheSmallerBytes) {
  BpeTrainOptions options{.vocab_size = 258, .added_tokens = {}};
  for (const auto& documents :
       {std::vector<std::string>{"zy\nzy\nax\nax\nay\nay"}, std::vector<std::string>{"ay\nax\nzy\nay\nax\nzy"}}) {
    const auto t = train(documents, options);
    ASSERT_TRUE(t) << t.error().message;
    EXPECT_EQ(t->token(256), "ax");
    EXPECT_EQ(t->token(257), "ay");
  }
}

TEST(BpeTrain, DoesNotDependOnTheOrderOfDocuments) {
  auto documents = sample_documents(300);
  const auto once = train(documents, {.vocab_size = 600});
  std::reverse(documents.begin(), documents.end());
  const auto reversed = train(documents, {.vocab_size = 600});
  ASSERT_TRUE(once && reversed);
  EXPECT_EQ(once->to_json(), reversed->to_json());
}

// The fast trainer against the definition: count all pairs, take the best, merge it everywhere, count again.
TEST(BpeTrain, EqualsTheNaiveTrainer) {
  const std::vector<std::string> documents = {"aaaa aaa aaaaa abab ababab bababa", "aab aabaab baa baab abba abbaabba",
                                              "가나 가나다 나나가 가가나 다나가 가나가나"};
  for (const bool whole : {false, true}) {
    const auto t = train(documents, {.vocab_size = 300, .added_tokens = {}, .min_count = 1, .whole_characters = whole});
    ASSERT_TRUE(t || t.error().message.find("tokens only") != std::string::npos);
    std::vector<std::vector<std::string>> words;  // the pieces: a word with its space
    for (const auto& d : documents)
      for (size_t i = 0; i < d.size();) {
        const size_t end = std::min(d.find(' ', i + 1), d.size());
        words.emplace_back();
        for (size_t k = i; k < end; ++k) words.back().emplace_back(1, d[k]);
        i = end;
      }
    std::vector<std::string> made;
    while (true) {
      std::map<std::pair<std::string, std::string>, int> counts;
      for (const auto& w : words)
        for (size_t i = 0; i + 1 < w.size(); ++i) ++counts[{w[i], w[i + 1]}];
      std::pair<std::string, std::string> best;
      int most = 0;
      for (const auto& [pair, count] : counts) {  // ascending, so that the first of equals stays
        const std::string joined = pair.first + pair.second;
        if (std::find(made.begin(), made.end(), joined) != made.end() || joined.size() > 32) continue;
        if (whole) {
          const bool characters = unicode::is_valid_utf8(joined);
          const bool tail = std::all_of(joined.begin(), joined.end(), unicode::is_utf8_continuation);
          const bool head = !characters && unicode::utf8_step(joined).kind == unicode::Utf8Step::incomplete &&
                            unicode::utf8_step(joined).bytes == joined.size();
          if (!characters && !tail && !head) continue;
        }
        if (count > most) most = count, best = pair;
      }
      if (most == 0) break;
      made.push_back(best.first + best.second);
      for (auto& w : words)
        for (size_t i = 0; i + 1 < w.size(); ++i)
          if (w[i] == best.first && w[i + 1] == best.second)
            w[i] = made.back(), w.erase(w.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
    const int32_t size = 256 + static_cast<int32_t>(std::min<size_t>(made.size(), 44));
    const auto full =
        train(documents, {.vocab_size = size, .added_tokens = {}, .min_count = 1, .whole_characters = whole});
    ASSERT_TRUE(full) << full.error().message;
    for (int32_t id = 256; id < size; ++id)
      EXPECT_EQ(full->token_bytes(id), made[static_cast<size_t>(id) - 256]) << id << " whole " << whole;
    EXPECT_GT(size, 275);
  }
}

TEST(BpeTrain, DigitsNeverMergeAndCharactersStayWhole) {
  const auto documents = sample_documents(1500);
  const auto t = train(documents, {.vocab_size = 900});
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->vocab_size(), 900);
  for (int32_t id = 0; id < t->vocab_size(); ++id) {
    const std::string_view bytes = t->token_bytes(id);
    if (bytes.size() < 2 || t->is_added(id)) continue;
    EXPECT_EQ(std::count_if(bytes.begin(), bytes.end(), [](char c) { return c >= '0' && c <= '9'; }), 0) << bytes;
    if (unicode::is_valid_utf8(bytes)) continue;
    const bool tail = std::all_of(bytes.begin(), bytes.end(), unicode::is_utf8_continuation);
    EXPECT_TRUE(tail || unicode::utf8_step(bytes).kind == unicode::Utf8Step::incomplete) << t->token(id);
  }
  // The text's frequent Korean words are one token, with their space.
  const auto ids = t->encode("답은 가지고 있습니다");
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(t->encode("48+57").size(), 5u);
}

TEST(BpeTrain, AddedTokensComeFirstAndOnlyFromMarkedText) {
  const auto t = train(sample_documents(300), {.vocab_size = 500});
  ASSERT_TRUE(t) << t.error().message;
  for (size_t i = 0; i < kChatTokens.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    EXPECT_EQ(t->token_id(kChatTokens[i].text), id);
    EXPECT_EQ(t->is_special(id), kChatTokens[i].special);
    EXPECT_EQ(t->encode(kChatTokens[i].text), std::vector<int32_t>{id});
    for (const int32_t plain : t->encode_plain(kChatTokens[i].text)) EXPECT_FALSE(t->is_added(plain));
    EXPECT_EQ(t->decode(t->encode_plain(kChatTokens[i].text)), kChatTokens[i].text);
  }
}

TEST(BpeTrain, RefusesWhatCannotBe) {
  const auto message = [](const Result<Tokenizer>& r) { return r ? std::string() : r.error().message; };
  EXPECT_NE(message(train({"ab"}, {.vocab_size = 264})).find("vocab_size = 264: expected 265"), std::string::npos);
  EXPECT_NE(message(train({"ab ab"}, {.vocab_size = 2048})).find("tokens only"), std::string::npos);
  EXPECT_NE(message(train({"ab"}, {.min_count = 0})).find("min_count"), std::string::npos);
  EXPECT_NE(message(train({"ab"}, {.pattern = "("})).find("pattern"), std::string::npos);
  const NewToken twice[] = {{"<a>"}, {"<a>"}}, byte[] = {{"\xC3\xA9"}};
  EXPECT_NE(message(train({"ab"}, {.added_tokens = twice})).find("twice"), std::string::npos);
  EXPECT_NE(message(train({"ab"}, {.added_tokens = byte})).find("two characters"), std::string::npos);
}

// Writes what tests/interop/tokenizer_check.py reads.
TEST(Interop, WritesATrainedTokenizerAndItsIds) {
  const auto documents = sample_documents(4000);
  const auto t = train(documents, {.vocab_size = 1200});
  ASSERT_TRUE(t) << t.error().message;
  const auto folder = std::filesystem::path(JAMSU_BINARY_DIR) / "interop/tokenizer";
  std::filesystem::create_directories(folder);
  ASSERT_TRUE(t->save(folder / "tokenizer.json"));
  const auto again = Tokenizer::load(folder);
  ASSERT_TRUE(again) << again.error().message;
  std::ofstream out(folder / "cases.jsonl", std::ios::binary);
  RandomStream random(11, 0, Purpose::test);
  std::vector<std::string> texts(documents.begin(), documents.begin() + 500);
  for (int i = 0; i < 3000; ++i) {  // any text, made of characters that pre-tokenizers tell apart
    static const std::vector<std::string> parts = {
        "a",        "B",        "é",        "e\u0301", " ",          "  ",     "\n",           "\r\n",
        "\t",       "1",        "23",       "٣",       "²",          "가",     "각",           "ᄀ\u1161",
        "漢",       "あ",       "!",        "...",     "'s",         "'LL",    "'\u017F",      "<think>",
        "</think>", "<|user|>", "<|retry|", "🙂",    "👩\u200D🚀",   "\u00A0", "\u3000",       "\u2028",
        "\u200B",   "=",        "×",        "÷",       "안녕하세요", "답은",   "\u0316\u0301", "\x01"};
    std::string text;
    for (uint32_t n = random.below(14) + 1; n > 0; --n) text += random.pick(parts);
    texts.push_back(std::move(text));
  }
  for (const auto& text : texts) {
    const auto ids = t->encode(text);
    EXPECT_EQ(ids, again->encode(text));
    EXPECT_EQ(t->decode(ids), unicode::to_nfc(text)) << text;
    out << boost::json::serialize(
               boost::json::value{{"text", text}, {"ids", boost::json::value_from(ids)}, {"decoded", t->decode(ids)}})
        << "\n";
  }
}

}  // namespace
}  // namespace jamsu::tokenizer

// tiktoken.model: ids equal tiktoken's, and each malformed kind names file and line.
#include "tokenizer/tiktoken.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "base/files.h"

namespace jamsu::tokenizer {
namespace {

const std::string kFolder = std::string(JAMSU_SOURCE_DIR) + "/tests/tokenizer/tiktoken";

TEST(Tiktoken, IdsEqualThoseOfTiktoken) {
  const auto tokenizer = Tokenizer::load(kFolder);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const auto text = read_file(kFolder + "/cases.jsonl");
  ASSERT_TRUE(text.ok());
  std::istringstream lines(*text);
  int cases = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    const auto item = boost::json::parse(line).as_object();
    std::vector<int32_t> expected;
    for (const auto& id : item.at("ids").as_array()) expected.push_back(id.to_number<int32_t>());
    const std::string wanted(item.at("text").as_string());
    EXPECT_EQ(tokenizer->encode_plain(wanted), expected) << wanted;
    EXPECT_EQ(tokenizer->decode(expected), wanted);
  }
  EXPECT_GT(cases, 500);
}

TEST(Tiktoken, SpecialTokensAreThoseOfTheConfigAndTheRestReserved) {
  const auto tokenizer = Tokenizer::load(kFolder);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->vocab_size(), 2172 + 256);
  EXPECT_EQ(tokenizer->token_id("[EOS]"), 2173);
  EXPECT_EQ(tokenizer->encode("<|im_end|>"), std::vector<int32_t>{2174});
  EXPECT_NE(tokenizer->encode_plain("<|im_end|>"), std::vector<int32_t>{2174});
  EXPECT_EQ(tokenizer->token(2175), "<|reserved_token_2175|>");
  EXPECT_TRUE(tokenizer->is_special(2427));
}

// All 256 bytes, then whatever the test adds.
std::string with_bytes(const std::string& more) {
  static const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t b = 0; b < 256; ++b)
    out += std::string() + digits[b >> 2] + digits[(b & 3) << 4] + "== " + std::to_string(b) + "\n";
  return out + more;
}

// Of two ways to make the same token none is preferred: the leftmost pair of the lowest rank merges.
TEST(Tiktoken, EqualRanksMergeFromTheLeft) {
  // ab 256, bc 257, abc 258 (a+bc, ab+c), cab 259 (c+ab)
  const auto t = read_tiktoken(with_bytes("YWI= 256\nYmM= 257\nYWJj 258\nY2Fi 259\n"), "m",
                               "{\"tokenizer_class\": \"TikTokenTokenizer\"}", "c");
  ASSERT_TRUE(t.ok()) << t.error().message;
  EXPECT_EQ(t->encode_plain("abc"), (std::vector<int32_t>{258}));
  EXPECT_EQ(t->encode_plain("abcab"), (std::vector<int32_t>{258, 256}));  // ab c ab -> abc ab
}

TEST(Tiktoken, EveryMalformedKindNamesItsFile) {
  const std::string config = "{\"tokenizer_class\": \"TikTokenTokenizer\"}";
  const struct {
    std::string model, config;
    const char* named;
  } bad[] = {
      {"", config, "model: no tokens"},
      {"YWI=", config, "model:1"},
      {with_bytes("Y!I= 256\n"), config, "model:257"},
      {with_bytes("YWI 256\n"), config, "model:257"},
      {with_bytes(" 256\n"), config, "model:257"},
      {with_bytes("YWI= x\n"), config, "model:257"},
      {with_bytes("YWI= -1\n"), config, "model:257"},
      {with_bytes("YWI= 99999999\n"), config, "model:257"},
      {with_bytes("YWI= 255\n"), config, "rank 255 stands twice"},
      {with_bytes("YWI= 257\n"), config, "rank 256 is missing"},
      {with_bytes("YWI= 256\nYWI= 257\n"), config, "the token of rank 257 stands twice"},
      {"YQ== 0\n", config, "is no token"},
      {with_bytes(""), "nonsense", "config: no JSON"},
      {with_bytes(""), "[]", "config"},
      {with_bytes(""), "{}", "tokenizer_class"},
      {with_bytes(""), "{\"tokenizer_class\": \"LlamaTokenizer\"}", "LlamaTokenizer"},
      {with_bytes(""), "{\"tokenizer_class\": \"TikTokenTokenizer\", \"added_tokens_decoder\": 3}",
       "added_tokens_decoder"},
      {with_bytes(""),
       "{\"tokenizer_class\": \"TikTokenTokenizer\", \"added_tokens_decoder\": {\"7\": {\"content\": \"x\"}}}",
       "added_tokens_decoder.7"},
      {with_bytes(""),
       "{\"tokenizer_class\": \"TikTokenTokenizer\", \"added_tokens_decoder\": {\"256\": {\"content\": 1}}}",
       "content"},
  };
  for (const auto& b : bad) {
    const auto t = read_tiktoken(b.model, "model", b.config, "config");
    ASSERT_FALSE(t.ok()) << b.named;
    EXPECT_NE(t.error().message.find(b.named), std::string::npos) << t.error().message;
  }
}

}  // namespace
}  // namespace jamsu::tokenizer

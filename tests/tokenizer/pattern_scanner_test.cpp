// Every hand-written scanner against Oniguruma on the same pattern.
#include "tokenizer/pattern/pattern_scanner.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "tokenizer/pattern/regex.h"
#include "unicode/unicode.h"
#include "unicode/utf8.h"

namespace jamsu::tokenizer {
namespace {

struct Part {
  std::string text;
  bool is_match;
  bool operator==(const Part&) const = default;
};
void PrintTo(const Part& p, std::ostream* out) {
  *out << (p.is_match ? "match(" : "gap(") << testing::PrintToString(p.text) << ")";
}

std::vector<Part> scan(const PatternScanner& scanner, std::string_view text) {
  std::vector<Part> parts;
  scanner.scan(text, [&](std::string_view part, bool is_match) { parts.push_back({std::string(part), is_match}); });
  return parts;
}
std::vector<Part> search(const Regex& regex, const std::string& text) {
  std::vector<Part> parts;
  size_t at = 0;
  while (at < text.size()) {
    const auto found = regex.search(text, at);
    if (found.outcome != Regex::Outcome::match) break;
    EXPECT_LT(found.begin, found.end);
    if (at < found.begin) parts.push_back({text.substr(at, found.begin - at), false});
    parts.push_back({text.substr(found.begin, found.end - found.begin), true});
    at = found.end;
  }
  if (at < text.size()) parts.push_back({text.substr(at), false});
  return parts;
}

// The patterns as they stand in the published files.
const std::vector<std::string>& patterns() {
  static const std::vector<std::string> all = {
      std::string(kGpt2Pattern),
      std::string(kQwen2Pattern),
      R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
      R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
      R"re([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
      "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
      R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
      R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
      R"re(\p{N})re",
      R"re(\p{N}{1,3})re",
      R"re(\s+$)re",
      " {2,}",
      R"re([\r\n])re",
      "[一-龥\u3040-ゟ゠-ヿ]+",
      R"re(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳ]+)re",
      "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+",
      "[一-龥ࠀ-一가-\uD7FF]+",
  };
  return all;
}

// Characters that the classes tell apart, those with rules of their own, and neighbours at the borders of ranges.
const std::vector<std::string>& alphabet() {
  static const std::vector<std::string> all = {"a",
                                               "b",
                                               "z",
                                               "A",
                                               "Z",
                                               "s",
                                               "t",
                                               "r",
                                               "e",
                                               "v",
                                               "m",
                                               "l",
                                               "d",
                                               "S",
                                               "T",
                                               "R",
                                               "E",
                                               "L",
                                               "D",
                                               "\u017F",
                                               "K",
                                               "'",
                                               "'",
                                               "'s",
                                               "'re",
                                               "'LL",
                                               "'vE",
                                               " ",
                                               " ",
                                               " ",
                                               "  ",
                                               "\n",
                                               "\n",
                                               "\r",
                                               "\r\n",
                                               "\t",
                                               "\v",
                                               "\u0085",
                                               "\u00A0",
                                               "\u3000",
                                               "\u2028",
                                               "\u1680",
                                               "\u200B",
                                               "\uFEFF",
                                               "\u180E",
                                               "0",
                                               "1",
                                               "9",
                                               "12",
                                               "٣",
                                               "²",
                                               "Ⅷ",
                                               "〇",
                                               "½",
                                               "!",
                                               ".",
                                               "/",
                                               "//",
                                               "-",
                                               "_",
                                               "(",
                                               "$",
                                               "+",
                                               "=",
                                               "^",
                                               "~",
                                               "`",
                                               "…",
                                               "«",
                                               "。",
                                               "！",
                                               "～",
                                               "‘",
                                               "‟",
                                               "가",
                                               "각",
                                               "힣",
                                               "ᄀ",
                                               "\u1161",
                                               "ㄱ",
                                               "\uD7FB",
                                               "一",
                                               "龥",
                                               "漢",
                                               "々",
                                               "あ",
                                               "ゟ",
                                               "゠",
                                               "ヿ",
                                               "ー",
                                               "é",
                                               "e\u0301",
                                               "\u0301",
                                               "\u0903",
                                               "\u20DD",
                                               "ǅ",
                                               "ʰ",
                                               "ß",
                                               "ñ",
                                               "µ",
                                               "À",
                                               "×",
                                               "Ω",
                                               "я",
                                               "Я",
                                               "א",
                                               "ع",
                                               "क",
                                               "ि",
                                               "🙂",
                                               "👩\u200D🚀",
                                               "🇰🇷",
                                               "€",
                                               "\x01",
                                               "\x7F",
                                               "\u00AD",
                                               "\uE000",
                                               "\U0001F130",
                                               "\U0002A6DF",
                                               "\U000E0100",
                                               std::string(1, '\0')};
  return all;
}

TEST(PatternScanner, EqualsOnigurumaOnRandomTexts) {
  for (const std::string& pattern : patterns()) {
    const auto scanner = make_known_scanner(pattern);
    ASSERT_NE(scanner, nullptr) << pattern;
    const auto regex = Regex::compile(pattern);
    ASSERT_TRUE(regex) << pattern << ": " << regex.error().message;
    RandomStream random(20, 0, Purpose::test);
    for (int round = 0; round < 6000; ++round) {
      std::string text;
      // Half of the texts from few characters, so that runs and their ends meet.
      const uint32_t first = random.below(static_cast<uint32_t>(alphabet().size())),
                     spread = round % 2 ? 4 : static_cast<uint32_t>(alphabet().size());
      for (uint32_t n = random.below(12) + 1; n > 0; --n)
        text += alphabet()[(first + random.below(spread)) % alphabet().size()];
      ASSERT_EQ(scan(*scanner, text), search(*regex, text)) << pattern << "\non " << testing::PrintToString(text);
    }
  }
}

// One character of each assigned code point beside letters, spaces and digits. The tables are ours on both sides
// (regex_properties.h); golden/text/components holds them to those of `tokenizers`.
TEST(PatternScanner, EqualsOnigurumaOnEveryCodePoint) {
  const auto assigned = Regex::compile("\\P{Cn}");
  ASSERT_TRUE(assigned);
  for (const std::string& pattern : patterns()) {
    const auto scanner = make_known_scanner(pattern);
    const auto regex = Regex::compile(pattern);
    ASSERT_TRUE(scanner && regex);
    int compared = 0;
    std::string text;
    for (char32_t c = 0; c < 0x30000; ++c) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      std::string one;
      unicode::append_utf8(one, c);
      if (assigned->search(one, 0).outcome != Regex::Outcome::match) continue;
      text += " " + one + "a" + one + "1" + one + one + "\n";
      ++compared;
      if (text.size() < 2000) continue;
      ASSERT_EQ(scan(*scanner, text), search(*regex, text))
          << pattern << "\nup to U+" << std::hex << static_cast<uint32_t>(c);
      text.clear();
    }
    EXPECT_GT(compared, 100000);
  }
}

TEST(PatternScanner, LongRunsTakeLinearTime) {
  for (const std::string& pattern : patterns()) {
    const auto scanner = make_known_scanner(pattern);
    for (const char* seed : {"a", "A", " ", "\n", "1", "!", "'", "가", "漢", "aA", "Aa", " \n", "\u0301", " \u3000"}) {
      std::string text;
      while (text.size() < 300'000) text += seed;
      size_t bytes = 0;
      scanner->scan(text + "\x01", [&](std::string_view part, bool) { bytes += part.size(); });
      EXPECT_EQ(bytes, text.size() + 1) << pattern;  // quadratic would take minutes and fail by time
    }
  }
}

TEST(PatternScanner, KnowsOnlyWhatItCanScan) {
  for (const char* pattern : {"a+", "[^a]+", "[a-z&&[^b]]", "[a-]", "[z-a]", "[\\d]", "[[a]]", "(?i)[ab]+", "[a]+[b]+",
                              "[]", "\\s+", "\\s?[a]", "[:alpha:]|b"})
    EXPECT_EQ(make_known_scanner(pattern), nullptr) << pattern;
}

TEST(Regex, RefusesWhatExplodesOrNests) {
  for (const char* pattern : {"(a+)+$", "(a|a)*b", "(\\s*)*x", "(x+x+)+y"}) {
    const auto r = Regex::compile(pattern);
    ASSERT_FALSE(r) << pattern;
    EXPECT_NE(r.error().message.find("explodes"), std::string::npos) << r.error().message;
  }
  EXPECT_NE(Regex::compile(std::string(40, '(') + std::string(40, ')')).error().message.find("nested"),
            std::string::npos);
  EXPECT_NE(Regex::compile(std::string(100'000, 'a')).error().message.find("limit"), std::string::npos);
  EXPECT_FALSE(Regex::compile("("));
  EXPECT_FALSE(Regex::compile("\xFF"));
  EXPECT_TRUE(Regex::compile("\\w+|[^\\w\\s]+"));
}

}  // namespace
}  // namespace jamsu::tokenizer

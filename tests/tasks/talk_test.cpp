#include "tasks/talk/talk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tasks/frames.h"
#include "tasks/split.h"

namespace jamsu::tasks {
namespace {

constexpr Language kLanguages[] = {Language::korean, Language::english};

// Every wording that a pattern stands for.
std::vector<std::string> all_of(std::string_view pattern) {
  std::vector<std::string> out = {""};
  while (!pattern.empty()) {
    const size_t open = pattern.find('(');
    for (std::string& text : out) text += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = pattern.find(')', open);
    std::string_view parts = pattern.substr(open + 1, close - open - 1);
    std::vector<std::string> longer;
    for (bool more = true; more;) {
      const size_t bar = parts.find('|');
      for (const std::string& text : out) longer.push_back(text + std::string(parts.substr(0, bar)));
      more = bar != std::string_view::npos;
      if (more) parts.remove_prefix(bar + 1);
    }
    out = std::move(longer);
    pattern.remove_prefix(close + 1);
  }
  return out;
}

TEST(Talk, SixtyIntentsTenWordingsEachInEitherLanguage) {
  ASSERT_EQ(talk_korean().size(), talk_english().size());
  EXPECT_GE(talk_korean().size(), 60u);
  for (Language language : kLanguages) {
    std::set<std::string_view> names;
    std::map<std::string, std::string_view> seen;  // wording -> intent
    for (const TalkIntent& intent : talk_intents(language)) {
      EXPECT_TRUE(names.insert(intent.name).second) << intent.name;
      EXPECT_GE(intent.wordings.size(), 10u) << intent.name;
      for (std::string_view wording : intent.wordings) {
        if (plain_wording(wording).empty()) continue;  // marks alone
        const auto at = seen.emplace(plain_wording(wording), intent.name).first;
        EXPECT_EQ(at->second, intent.name) << wording << " stands in " << at->second << " and " << intent.name;
      }
    }
    size_t composed = 0;
    const auto& patterns = language == Language::korean ? talk_patterns_korean() : talk_patterns_english();
    ASSERT_EQ(patterns.size(), names.size());
    for (const TalkPatterns& of : patterns) {
      EXPECT_TRUE(names.count(of.intent)) << of.intent;
      size_t train = 0, unseen = 0;
      for (std::string_view pattern : of.patterns) {
        EXPECT_EQ(std::count(pattern.begin(), pattern.end(), '('), std::count(pattern.begin(), pattern.end(), ')'));
        for (const std::string& wording : all_of(pattern)) {
          const std::string plain = plain_wording(wording);
          ++(held_out(plain) ? unseen : train);
          if (plain.empty()) continue;  // marks alone
          const auto at = seen.emplace(plain, of.intent).first;
          EXPECT_EQ(at->second, of.intent) << wording << " stands in " << at->second << " and " << of.intent;
        }
      }
      EXPECT_GE(train, 30u) << of.intent;
      EXPECT_GE(unseen, 3u) << of.intent;
      composed += train + unseen;
    }
    EXPECT_GE(composed, 10000u);
  }
  for (size_t i = 0; i < talk_korean().size(); ++i) EXPECT_EQ(talk_korean()[i].name, talk_english()[i].name);
}

TEST(Talk, AReplyFitsItsIntentAndNoOther) {
  for (Language language : kLanguages) {
    for (const TalkIntent& said : talk_intents(language)) {
      for (const TalkIntent& asked : talk_intents(language)) {
        EXPECT_EQ(talk_reply_fits(asked.name, said.reply), asked.name == said.name) << asked.name << ": " << said.reply;
      }
    }
  }
}

TEST(Talk, RepliesThatDoNotFit) {
  EXPECT_TRUE(talk_reply_fits("weather", "Sorry, I do not know the weather."));
  EXPECT_FALSE(talk_reply_fits("weather", ""));
  EXPECT_FALSE(talk_reply_fits("weather", "The weather is fine."));
  EXPECT_FALSE(talk_reply_fits("nothing", "Hello! I am jamsu nano."));
  EXPECT_FALSE(talk_reply_fits("weather", "Sorry, I cannot know the weather. " + std::string(400, 'x')));
  EXPECT_FALSE(talk_reply_fits("weather", "날씨 Sorry, I cannot know the weather 없"));
}

TEST(Talk, HeldOutWordingsNeverOccurInTraining) {
  std::set<std::string> train, unseen;
  std::set<std::string> cells;
  GeneratorOptions options;
  for (uint64_t i = 0; i < 60000; ++i) {
    options.split = i % 3 == 0 ? Split::unseen : Split::train;
    const Sample s = talk_sample(i, options);
    (options.split == Split::train ? train : unseen).insert(plain_wording(s.prompt));
    cells.insert(s.cell);
    ASSERT_EQ(s.kind, Kind::talk);
    ASSERT_TRUE(s.value.empty());
    ASSERT_TRUE(verify(s, s.thinking, s.answer).answer_right) << s.prompt << " -> " << s.answer;
  }
  EXPECT_EQ(cells.size(), talk_korean().size());
  EXPECT_GE(unseen.size(), 150u);  // at least one wording of every intent and language
  EXPECT_GE(train.size(), 1200u);
  for (const std::string& prompt : unseen) EXPECT_EQ(train.count(prompt), 0u) << prompt;
}

TEST(Talk, ASampleIsAPureFunctionOfSeedAndIndex) {
  GeneratorOptions options;
  const Sample first = talk_sample(12, options);
  talk_sample(13, options);
  EXPECT_EQ(talk_sample(12, options).prompt, first.prompt);
  options.seed = 8;
  int same = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    GeneratorOptions other = options;
    other.seed = 9;
    same += talk_sample(i, options).prompt == talk_sample(i, other).prompt;
  }
  EXPECT_LT(same, 5);
}

}  // namespace
}  // namespace jamsu::tasks

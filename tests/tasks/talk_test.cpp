#include "tasks/talk/talk.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tasks/frames.h"
#include "tasks/split.h"

namespace jamsu::tasks {
namespace {

constexpr Language kLanguages[] = {Language::korean, Language::english};

// Without the last mark and capitals: what talk_sample varies.
std::string plain(std::string_view text) {
  std::string out(text);
  if (out.size() > 3 && std::string_view("?!.").find(out.back()) != std::string_view::npos) out.pop_back();
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
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
        const auto [at, fresh] = seen.emplace(plain(wording), intent.name);
        EXPECT_TRUE(fresh) << wording << " stands in " << at->second << " and " << intent.name;
      }
    }
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
    (options.split == Split::train ? train : unseen).insert(plain(s.prompt));
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

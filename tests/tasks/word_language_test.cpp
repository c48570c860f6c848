// How word problems read: particles, numbers of nouns, what the thinking names and quotes, joined clauses.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tasks/split.h"
#include "tasks/tasks.h"
#include "tasks/word/lexicon.h"
#include "tasks/word/writer.h"
#include "tasks/word_test_support.h"

namespace jamsu::tasks {
namespace {

using test::for_each_problem;
using test::kLanguages;
using test::kPerLevel;
using test::words_of;

// --- Korean particles, by the test's own rule

// 0 a vowel, 8 ㄹ, otherwise another consonant; -1: not a Hangul syllable or a digit.
int last_sound(std::string_view word) {
  if (word.empty()) return -1;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(word[word.size() - i]); };
  if (word.back() >= '0' && word.back() <= '9') {
    constexpr std::array<int, 10> sounds = {21, 8, 0, 16, 0, 0, 1, 8, 8, 0};  // 영 일 이 삼 사 오 육 칠 팔 구
    return sounds[static_cast<size_t>(word.back() - '0')];
  }
  if (word.ends_with("km")) return 0;  // 킬로미터
  if (word.size() < 3 || byte(3) < 0xEA || byte(3) > 0xED) return -1;
  const int code = ((byte(3) & 15) << 12) | ((byte(2) & 63) << 6) | (byte(1) & 63);
  return code < 0xAC00 || code > 0xD7A3 ? -1 : (code - 0xAC00) % 28;
}

struct ParticleCheck {
  int checked = 0;
  std::string wrong;  // the first word whose particle does not fit
};

// Looks at every word that is one of `stems` (or a number, with or without a counter) and a particle.
ParticleCheck check_particles(std::string_view prompt, const std::set<std::string>& stems,
                              const std::set<std::string>& counters) {
  constexpr std::array<std::array<std::string_view, 2>, 4> pairs = {
      {{"은", "는"}, {"이", "가"}, {"을", "를"}, {"과", "와"}}};
  ParticleCheck result;
  const auto known = [&](const std::string& stem) {
    if (stems.count(stem) != 0) return true;
    const size_t digits = std::min(stem.find_first_not_of("0123456789"), stem.size());
    return digits > 0 && counters.count(stem.substr(digits)) != 0;
  };
  for (std::string word : words_of(prompt)) {
    while (!word.empty() && (word.back() == '.' || word.back() == ',' || word.back() == '?')) word.pop_back();
    const auto judge = [&](std::string_view particle, bool fits) {
      const std::string stem = word.substr(0, word.size() - particle.size());
      if (!word.ends_with(particle) || !known(stem) || known(word)) return;
      ++result.checked;
      if (!fits && result.wrong.empty()) result.wrong = word;
    };
    for (const auto& pair : pairs) {
      for (size_t i = 0; i < 2; ++i) {
        if (!word.ends_with(pair[i])) continue;
        const int sound = last_sound(std::string_view(word).substr(0, word.size() - pair[i].size()));
        judge(pair[i], (sound == 0) == (i == 1));
      }
    }
    if (word.ends_with("로")) {
      const bool long_form = word.ends_with("으로");
      const std::string_view particle = long_form ? "으로" : "로";
      const int sound = last_sound(std::string_view(word).substr(0, word.size() - particle.size()));
      judge(particle, (sound == 0 || sound == 8) != long_form);
    }
  }
  return result;
}

TEST(WordProblems, KoreanParticlesFit) {
  std::set<std::string> stems,
      counters = {"", "명", "살", "쪽", "원", "일", "시간", "분", "km", "년", "번", "대", "마리"};
  for (const PersonName& name : names(Language::korean)) {
    stems.emplace(name.name);
    stems.insert(std::string(name.name) + "이");
  }
  const auto add = [&](const Thing& thing) {
    const std::string name(thing.korean);
    stems.insert(name.substr(name.rfind(' ') == std::string::npos ? 0 : name.rfind(' ') + 1));
    counters.emplace(thing.counter);
  };
  for (const Thing& thing : things()) add(thing);
  for (const KindScene& scene : kind_scenes()) std::for_each(scene.kinds.begin(), scene.kinds.end(), add);
  for (const DailyScene& scene : daily_scenes()) stems.emplace(words_of(scene.object_korean).back());
  for (const Traveller& traveller : travellers()) stems.emplace(words_of(traveller.korean).back());
  for (Sort sort : {Sort::food, Sort::toy, Sort::writing, Sort::paper, Sort::book, Sort::flower, Sort::drink}) {
    for (const Container& box : containers(sort)) stems.emplace(box.korean);
  }
  for (std::string_view day : {"월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일"})
    stems.emplace(day);

  // The checker sees a wrong particle.
  EXPECT_EQ(check_particles("민수은 사과를 산다.", stems, counters).wrong, "민수은");
  EXPECT_EQ(check_particles("사과 3개을 산다.", stems, counters).wrong, "3개을");
  EXPECT_EQ(check_particles("연필로, 5000원로", stems, counters).wrong, "5000원로");
  EXPECT_EQ(check_particles("민수는 연필을 3자루와 5권과 60km로", stems, counters).wrong, "");

  int checked = 0, bad = 0;
  for (Split split : {Split::train, Split::unseen}) {
    for_each_problem(Language::korean, {.seed = 25, .split = split}, [&](const WordProblem& p) {
      const ParticleCheck result = check_particles(p.sample.prompt, stems, counters);
      checked += result.checked;
      if (!result.wrong.empty() && ++bad <= 5) ADD_FAILURE() << result.wrong << " in: " << p.sample.prompt;
      EXPECT_EQ(p.sample.prompt.find_first_of("{}[]|"), std::string::npos) << p.sample.prompt;
    });
  }
  EXPECT_EQ(bad, 0);
  EXPECT_GT(checked, 100 * kPerLevel);
}

// --- English numbers

TEST(WordProblems, EnglishSingularsAndPluralsFit) {
  std::map<std::string, bool> nouns;  // first word of a noun in its singular (true) or plural form
  const auto add = [&](std::string_view one, std::string_view many) {
    if (one == many) return;
    nouns.emplace(words_of(one).front(), true);
    nouns.emplace(words_of(many).front(), false);
  };
  for (const Thing& thing : things()) {
    if (thing.one.find(' ') == std::string_view::npos || thing.one.find(" of ") != std::string_view::npos) {
      add(thing.one, thing.many);
    }
  }
  for (const auto& [one, many] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"year", "years"}, {"day", "days"}, {"page", "pages"}, {"dollar", "dollars"}, {"friend", "friends"}}) {
    add(one, many);
  }
  int checked = 0, bad = 0;
  for_each_problem(Language::english, {.seed = 26}, [&](const WordProblem& p) {
    const std::string text = p.sample.prompt + " " + p.sample.answer;
    const std::vector<std::string> words = words_of(text);
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      if (words[i].find_first_not_of("0123456789") != std::string::npos) continue;
      std::string noun = words[i + 1];
      while (!noun.empty() && (noun.back() == '.' || noun.back() == ',' || noun.back() == '?')) noun.pop_back();
      const auto found = nouns.find(noun);
      if (found == nouns.end()) continue;
      ++checked;
      if (found->second != (words[i] == "1") && ++bad <= 3) ADD_FAILURE() << words[i] << " " << noun << " in: " << text;
    }
    EXPECT_FALSE(text[0] >= 'a' && text[0] <= 'z' && text.find(". The answer") != std::string::npos &&
                 words.size() > 60)
        << text;
    EXPECT_EQ(text.find_first_of("{}[]|"), std::string::npos) << text;
  });
  EXPECT_EQ(bad, 0);
  EXPECT_GT(checked, 10 * kPerLevel);
}

// --- the rest

// The thinking speaks of nobody and nothing that the problem does not name.
TEST(WordProblems, ThinkingNamesOnlyWhatThePromptNames) {
  for (Language language : kLanguages) {
    std::vector<std::array<std::string, 2>> known;  // two forms of a word, either may stand in the prompt
    for (const PersonName& name : names(language)) known.push_back({std::string(name.name), std::string(name.name)});
    const auto add = [&](const Thing& thing) {
      const std::string one(thing.name(language));
      known.push_back({one, language == Language::english ? std::string(thing.many) : one});
    };
    for (const Thing& thing : things()) add(thing);
    for (const KindScene& scene : kind_scenes()) std::for_each(scene.kinds.begin(), scene.kinds.end(), add);
    int bad = 0, named = 0;
    for_each_problem(language, {.seed = 30}, [&](const WordProblem& p) {
      std::string plan;  // all but the sentences of the prompt, which stand in the thinking as they are
      std::istringstream lines(p.sample.thinking);
      for (std::string line; std::getline(lines, line);) {
        if (p.sample.prompt.find(line) == std::string::npos) plan += line + " ";
      }
      std::string prompt = p.sample.prompt;  // English sentences may begin with a thing
      std::transform(prompt.begin(), prompt.end(), prompt.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      for (const auto& forms : known) {
        const bool stands = std::any_of(forms.begin(), forms.end(), [&](const std::string& form) {
          const size_t at = plan.find(" " + form);
          return at != std::string::npos &&
                 std::string_view(":=? ").find(plan[at + 1 + form.size()]) != std::string::npos;
        });
        if (!stands) continue;
        ++named;
        const bool told = std::any_of(forms.begin(), forms.end(), [&](std::string form) {
          if (form[0] >= 'A' && form[0] <= 'Z') form[0] = static_cast<char>(form[0] - 'A' + 'a');
          return prompt.find(form) != std::string::npos;
        });
        if (!told && ++bad <= 3) ADD_FAILURE() << forms[0] << " in: " << p.sample.prompt << "\n" << plan;
      }
    });
    EXPECT_EQ(bad, 0);
    EXPECT_GT(named, 10 * kPerLevel);
  }
}

// The thinking quotes the problem piece by piece, nothing left out, nothing changed.
TEST(WordProblems, ThinkingQuotesTheWholePrompt) {
  for (Language language : kLanguages) {
    int bad = 0;
    for_each_problem(language, {.seed = 34}, [&](const WordProblem& p) {
      std::string_view rest = p.sample.prompt;
      std::istringstream lines(p.sample.thinking);
      for (std::string line; std::getline(lines, line);) {
        if (line.empty() || !rest.starts_with(line)) continue;
        // ` 배 16` does not quote ` 배 16개를`.
        const bool ends = rest.size() == line.size() || rest[line.size()] == ' ';
        if (ends) rest.remove_prefix(line.size());
      }
      if (!rest.empty() && ++bad <= 3) ADD_FAILURE() << rest << "\nnot quoted of: " << p.sample.prompt;
    });
    EXPECT_EQ(bad, 0);
  }
}

// Two facts in one sentence, a fact in the question: each in a part of the problems, as people write.
TEST(WordProblems, SomeClausesAreJoined) {
  const GeneratorOptions options{.seed = 35};
  int facts = 0, questions = 0, korean_facts = 0, korean_questions = 0;
  constexpr uint64_t kCount = 2000;
  for (uint64_t i = 0; i < kCount; ++i) {
    const std::string en = word_problem(i, Language::english, options, 3).sample.prompt;
    facts += en.find(", and ") != std::string::npos ? 1 : 0;
    questions += en.find(", how many") != std::string::npos ? 1 : 0;
    EXPECT_EQ(en.find(".,"), std::string::npos) << en;
    EXPECT_EQ(en.find("  "), std::string::npos) << en;
    const std::string ko = word_problem(i, Language::korean, options, 3).sample.prompt;
    const size_t last = ko.rfind(". ");
    const std::string_view asked = std::string_view(ko).substr(last == std::string::npos ? 0 : last);
    const auto joins = [](std::string_view text) {
      return text.find("는데 ") != text.npos || text.find("고 ") != text.npos || text.find("으면 ") != text.npos;
    };
    korean_facts += joins(std::string_view(ko).substr(0, last == std::string::npos ? 0 : last)) ? 1 : 0;
    korean_questions += joins(asked) ? 1 : 0;
    EXPECT_EQ(ko.find("다고 "), std::string::npos) << ko;  // 있다 + 고: the ending changed, none added
    EXPECT_EQ(ko.find("  "), std::string::npos) << ko;
  }
  for (int count : {facts, questions, korean_facts, korean_questions}) EXPECT_GT(count, static_cast<int>(kCount / 20));
}

}  // namespace
}  // namespace jamsu::tasks

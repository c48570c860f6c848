#include "tasks/word/story.h"

#include <algorithm>

#include "base/check.h"
#include "tasks/korean.h"
#include "tasks/split.h"
#include "tasks/word/made_up.h"

namespace jamsu::tasks {
namespace {

struct Forms {
  std::string_view full, digits, more, fewer;
};
constexpr auto kForms = std::to_array<Forms>({{"n", "n.", "n+", "n-"},
                                              {"k", "k.", "k+", "k-"},
                                              {"j", "j.", "j+", "j-"},
                                              {"m", "m.", "m+", "m-"},
                                              {"c", "c.", "c+", "c-"},
                                              {"d", "d.", "d+", "d-"},
                                              {"p", "p.", "p+", "p-"},
                                              {"q", "q.", "q+", "q-"},
                                              {"r", "r.", "r+", "r-"},
                                              {"y", "y.", "y+", "y-"}});

constexpr uint32_t kMadeUp = 16;  // percent of names and of nouns

}  // namespace

void put_number(Slots& slots, std::string_view name, int64_t value, const Unit& unit, Language language) {
  const auto form = std::find_if(kForms.begin(), kForms.end(), [&](const Forms& f) { return f.full == name; });
  JAMSU_CHECK(form != kForms.end());
  const std::string digits = std::to_string(value);
  const std::string_view noun = value == 1 ? unit.one : unit.many;
  slots.emplace_back(form->full, counted(value, unit, language));
  slots.emplace_back(form->digits, digits);
  slots.emplace_back(form->more, digits + " more " + std::string(noun));
  slots.emplace_back(form->fewer, digits + " fewer " + std::string(noun));
}

void put_person(Slots& slots, const Person& person) {
  slots.emplace_back("he", person.she ? "she" : "he");
  slots.emplace_back("He", person.she ? "She" : "He");
  slots.emplace_back("his", person.she ? "her" : "his");
  slots.emplace_back("him", person.she ? "her" : "him");
}

void put_thing(Slots& slots, char letter, const Thing& thing, Language language) {
  struct Names {
    char letter;
    std::string_view one, many, article, capital, counter, one_of;
  };
  constexpr auto kNames = std::to_array<Names>({{'x', "x", "xs", "xan", "xAn", "xu", "xu1"},
                                                {'a', "a", "as", "aan", "aAn", "au", "au1"},
                                                {'b', "b", "bs", "ban", "bAn", "bu", "bu1"}});
  const auto name = std::find_if(kNames.begin(), kNames.end(), [&](const Names& n) { return n.letter == letter; });
  JAMSU_CHECK(name != kNames.end());
  const std::string word(thing.name(language));
  const bool vowel = std::string_view("aeiou").find(thing.one[0]) != std::string_view::npos;
  slots.emplace_back(name->one, word);
  slots.emplace_back(name->many, language == Language::korean ? word : std::string(thing.many));
  slots.emplace_back(name->article, (vowel ? "an " : "a ") + std::string(thing.one));
  slots.emplace_back(name->capital, (vowel ? "An " : "A ") + std::string(thing.one));
  slots.emplace_back(name->counter, std::string(thing.counter));
  slots.emplace_back(name->one_of, "한 " + std::string(thing.counter));
}

std::string listed(const std::vector<std::string>& words, Language language) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    if (i > 0) out += language == Language::english && last ? " and " : ", ";
    out += words[i];
  }
  return out;
}

std::string in_words(size_t few, Language language) {
  constexpr std::array<std::string_view, 9> korean = {"", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟"};
  constexpr std::array<std::string_view, 9> english = {"",     "one", "two",   "three", "four",
                                                       "five", "six", "seven", "eight"};
  JAMSU_CHECK(few >= 1 && few < korean.size());
  return std::string(language == Language::korean ? korean[few] : english[few]);
}

Story::Story(RandomStream& stream, Language l, Split s) : random(stream), language(l), split(s) {
  const uint32_t draw = random.below(100);
  scale_ = draw < 40 ? 20 : draw < 88 ? 99 : 400;
  nicknames_ = random.chance(1, 3);
}

int Story::label_of(int id, std::string label) {
  labels_.push_back(std::move(label));
  return id;
}

int Story::derive(Operation operation, int left, int right, std::string label, int64_t most) {
  const int64_t a = value(left), b = value(right);
  if (operation == Operation::divide && (b == 0 || a % b != 0)) {
    failed_ = true;
    return left;
  }
  const int64_t result = apply(operation, a, b);
  if (result < 1 || result > most) {
    failed_ = true;
    return left;
  }
  return label_of(graph.derive(operation, left, right), std::move(label));
}

int64_t Story::amount() {
  return scale_ == 20 ? random.between(2, 20) : scale_ == 99 ? random.between(5, 99) : random.between(30, 400);
}

bool Story::taken(std::string_view word) const {
  return std::find(used_.begin(), used_.end(), word) != used_.end();
}

Person Story::person() {
  const std::span<const PersonName> all = names(language);
  if (split == Split::train && random.chance(kMadeUp, 100)) {
    const std::string name = made_up_name(language, random);
    if (!taken(name)) {
      used_.push_back(name);
      return {name, as_said(name), random.chance(1, 2)};
    }
  }
  // Held-out names may run out in a problem of many people.
  for (const bool held : {split == Split::unseen, false}) {
    std::vector<const PersonName*> free;
    for (const PersonName& candidate : all) {
      if (held_out(candidate.name) == held && !taken(candidate.name)) free.push_back(&candidate);
    }
    if (free.empty()) continue;
    const PersonName& chosen = *random.pick(free);
    used_.emplace_back(chosen.name);
    if (held) held_out_words.emplace_back(chosen.name);
    return {std::string(chosen.name), as_said(std::string(chosen.name)), chosen.she};
  }
  JAMSU_CHECK(false);
  return {};
}

const Thing& Story::thing_among(std::span<const Thing> list) {
  for (const bool held : {split == Split::unseen, false}) {
    std::vector<const Thing*> free;
    for (const Thing& candidate : list) {
      const std::string key = candidate.key();
      if (held_out(key) == held && !taken(candidate.name(language))) free.push_back(&candidate);
    }
    if (free.empty()) continue;
    const Thing& chosen = *random.pick(free);
    used_.emplace_back(chosen.name(language));
    if (held) {
      held_out_words.emplace_back(chosen.name(language));
      held_out_words.emplace_back(korean() ? chosen.korean : chosen.many);
    }
    return chosen;
  }
  failed_ = true;  // a scene has no more kinds
  return list.front();
}

const Thing& Story::thing() {
  if (split == Split::train && random.chance(kMadeUp, 100)) return made_up_thing();
  return thing_among(things());
}

const Thing& Story::made_up_thing() {
  auto word = std::make_shared<MadeUp>();
  word->korean = made_up_noun(Language::korean, random);
  word->one = made_up_noun(Language::english, random);
  word->many = word->one + "s";
  word->thing = {word->korean, "개", word->one, word->many, random.chance(1, 3) ? Sort::food : Sort::toy};
  if (taken(word->thing.name(language))) return thing_among(things());
  used_.emplace_back(word->thing.name(language));
  made_up_.push_back(word);
  return word->thing;
}

std::string Story::as_said(std::string name) const {
  if (korean() && nicknames_ && final_sound(name) != Final::none) name += "이";
  return name;
}

void Story::tell(std::string use, Slots slots, int quantity) {
  facts.push_back({std::move(use), std::move(slots), quantity});
}

void Story::ask(std::string use, Slots slots, int quantity, const Unit& counted_as) {
  question = {std::move(use), std::move(slots), quantity};
  asked = quantity;
  unit = counted_as;
}

namespace {

struct Choice {
  void (*make)(Story&, int);
  int weight;
  int least, most;  // steps it is used for
};
constexpr auto kChoices = std::to_array<Choice>({{whole_story, 100, 1, 2},
                                                 {whole_story, 3, 3, 4},
                                                 {holdings_story, 26, 1, 10},
                                                 {plain_story, 12, 1, 6},
                                                 {kinds_story, 12, 1, 10},
                                                 {flow_story, 9, 1, 6},
                                                 {ages_story, 8, 1, 7},
                                                 {shopping_story, 14, 1, 10},
                                                 {daily_story, 11, 1, 8},
                                                 {travel_story, 6, 1, 7}});

const Choice& choose(RandomStream& random, int level) {
  int sum = 0;
  for (const Choice& choice : kChoices) sum += level >= choice.least && level <= choice.most ? choice.weight : 0;
  int draw = static_cast<int>(random.below(static_cast<uint32_t>(sum)));
  for (const Choice& choice : kChoices) {
    if (level < choice.least || level > choice.most) continue;
    if ((draw -= choice.weight) < 0) return choice;
  }
  JAMSU_CHECK(false);
  return kChoices[0];
}

// As many steps as asked for, at most two facts too many, a computed answer.
bool acceptable(const Story& story, int level, bool distractors) {
  if (story.failed() || story.asked < 0 || story.graph.steps(story.asked) != level) return false;
  const std::vector<bool> needed = story.graph.needed(story.asked);
  const auto idle = std::count_if(story.facts.begin(), story.facts.end(), [&](const Fact& fact) {
    return fact.quantity < 0 || !needed[static_cast<size_t>(fact.quantity)];
  });
  return distractors ? idle <= 2 : idle == 0;
}

}  // namespace

Story make_story(RandomStream& random, Language language, Split split, int level) {
  JAMSU_CHECK(level >= 1 && level <= 10);
  const Choice& choice = choose(random, level);
  const bool distractors = random.chance(35, 100);
  constexpr int kMostTries = 20000;  // far beyond what any draw takes; see the tests
  for (int i = 0; i < kMostTries; ++i) {
    Story story(random, language, split);
    choice.make(story, level);
    if (acceptable(story, level, distractors)) return story;
  }
  JAMSU_CHECK(false);
  return Story(random, language, split);
}

}  // namespace jamsu::tasks

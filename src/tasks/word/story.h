#pragma once
// A word problem while it is made: its graph, and what the text says of each quantity. Internal to tasks.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "tasks/frames.h"
#include "tasks/tasks.h"
#include "tasks/word/graph.h"
#include "tasks/word/lexicon.h"

namespace jamsu::tasks {

// One sentence.
struct Fact {
  std::string use;  // of its patterns
  Slots slots;
  int quantity = -1;  // what it tells; a fact whose quantity is not needed is a distractor
};

struct Person {
  std::string label;  // in the thinking
  std::string said;   // in the text: 민준 or 민준이
  bool she = false;
};

class Story {
 public:
  Story(RandomStream& random, Language language, Split split);

  RandomStream& random;
  const Language language;
  const Split split;

  bool korean() const { return language == Language::korean; }
  std::string say(std::string_view ko, std::string_view en) const { return std::string(korean() ? ko : en); }
  bool chance(uint32_t percent) { return random.chance(percent, 100); }

  // --- quantities
  QuantityGraph graph;
  // `label` names a quantity in the thinking; a number without a name stands only where it is used.
  int given(int64_t value, std::string label = {}) { return label_of(graph.given(value), std::move(label)); }
  // Gives up (see failed) where the result is not in [1, most] or not whole.
  int derive(Operation operation, int left, int right, std::string label, int64_t most = 1000);
  int64_t value(int id) const { return graph.value(id); }
  const std::string& label(int id) const { return labels_[static_cast<size_t>(id)]; }
  // A number as such problems have it, by the scale of this problem: mostly 2-20 or 10-99, sometimes hundreds.
  int64_t amount();
  int64_t scale() const { return scale_; }

  // --- words, none twice in a problem; what the split holds out is left out (train) or preferred (unseen). In train
  // one in six is made up, so that names and nouns are copied letter by letter, whatever they are.
  Person person();
  const Thing& thing();
  const Thing& thing_among(std::span<const Thing> list);
  std::vector<std::string> held_out_words;  // those of them that train never has

  // --- text
  void tell(std::string use, Slots slots, int quantity);
  void ask(std::string use, Slots slots, int quantity, const Unit& unit);
  void fail() { failed_ = true; }
  bool failed() const { return failed_; }

  std::vector<Fact> facts;
  Fact question;
  int asked = -1;
  Unit unit{};

 private:
  int label_of(int id, std::string label);
  bool taken(std::string_view word) const;
  std::string as_said(std::string name) const;  // 민준 or 민준이
  const Thing& made_up_thing();

  // A noun that no list has, and its Thing. Shared: a copy of the story points to the same words.
  struct MadeUp {
    std::string korean, one, many;
    Thing thing;
  };
  std::vector<std::shared_ptr<const MadeUp>> made_up_;
  std::vector<std::string> labels_;
  std::vector<std::string> used_;
  int64_t scale_ = 20;
  bool nicknames_ = false;  // 민준이 for 민준
  bool failed_ = false;
};

// Adds the forms of a number slot (word_patterns.h). `name`: one of n k j m c d p q r.
void put_number(Slots& slots, std::string_view name, int64_t value, const Unit& unit, Language language);
void put_person(Slots& slots, const Person& person);  // {he} {He} {his} {him}
// The forms of an object's name at letter x, a or b: {x} 연필, {xu} 자루, {xu1} 한 자루; pencil, {xs} pencils, {xan} a
// pencil, {xAn} A pencil.
void put_thing(Slots& slots, char letter, const Thing& thing, Language language);
// "민수, 지우, 하준" / "Tom, Sue and Ann"; the number of a few in words: 세 / three.
std::string listed(const std::vector<std::string>& words, Language language);
std::string in_words(size_t few, Language language);

// The kinds of story. Each asks for something; the caller compares the number of steps.
void holdings_story(Story& story, int level);
void plain_story(Story& story, int level);
void kinds_story(Story& story, int level);
void flow_story(Story& story, int level);
void ages_story(Story& story, int level);
void shopping_story(Story& story, int level);
void daily_story(Story& story, int level);
void travel_story(Story& story, int level);
// Whole problems in one pattern, of 1-3 steps, as people type them. REQUIRES: level <= 3.
void whole_story(Story& story, int level);

// A problem before it is put into words. REQUIRES: 1 <= level <= 10.
Story make_story(RandomStream& random, Language language, Split split, int level);

}  // namespace jamsu::tasks

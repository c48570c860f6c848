#pragma once
// Names, objects and scenes of the word problems, in both languages.
#include <span>
#include <string>
#include <string_view>

#include "tasks/tasks.h"

namespace jamsu::tasks {

// What a quantity counts: "23개", "1 apple", "23 apples", "$23".
struct Unit {
  std::string_view korean;     // the counter
  std::string_view one, many;  // English
  bool dollar_sign = false;
};
std::string counted(int64_t value, const Unit& unit, Language language);

enum class Sort { food, toy, writing, paper, book, flower, drink };  // what may happen to an object

struct Thing {
  std::string_view korean, counter;
  std::string_view one, many;
  Sort sort;
  std::string_view name(Language language) const { return language == Language::korean ? korean : one; }
  // What split.h is asked about: the entry, so that an object is held out in both languages or in none.
  std::string key() const { return std::string(korean) + "/" + std::string(one); }
  Unit unit() const { return {counter, one, many}; }
};
std::span<const Thing> things();

struct Container {
  std::string_view korean, one, many;
};
std::span<const Container> containers(Sort sort);

struct PersonName {
  std::string_view name;
  bool she = false;  // English only
};
std::span<const PersonName> names(Language language);

// Several kinds of one thing at a place: chickens and ducks on a farm.
struct KindScene {
  std::string_view place_korean, place_english;
  std::string_view counter, one, many;  // of all kinds together
  std::span<const Thing> kinds;
};
std::span<const KindScene> kind_scenes();

// A place where a number rises and falls; the patterns are those of "<key>.given", ".in", ".out" and ".ask".
struct FlowScene {
  std::string_view key;
  Unit unit;
  int64_t most;
};
std::span<const FlowScene> flow_scenes();

// What is done day by day.
struct DailyScene {
  std::string_view object_korean, past_korean;  // 책을 23쪽 "읽었"습니다
  std::string_view present_korean;              // 하루에 12쪽씩 "읽"습니다: the adnominal "읽는"
  std::string_view past, base, gerund;          // read, read, reading
  Unit unit;
  int64_t least, most;
  bool book;  // has an end: so many pages are left
};
std::span<const DailyScene> daily_scenes();

// Who or what travels.
struct Traveller {
  std::string_view korean, english;
  int64_t least, most;  // km in an hour
};
std::span<const Traveller> travellers();

}  // namespace jamsu::tasks

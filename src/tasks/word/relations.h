#pragma once
// Quantities told by comparing them: more, fewer, so many times, half, the sum of two. Internal to tasks.
#include <string>
#include <string_view>
#include <vector>

#include "tasks/word/story.h"

namespace jamsu::tasks {

// Who or what has a quantity: a person's marbles, the ducks of a farm, Monday's pages.
struct Holder {
  std::string label = {};  // in the thinking
  std::string said = {};
  std::string many = {};     // English plural where it is a kind; otherwise as said
  std::string capital = {};  // at the beginning of an English sentence
  Unit unit{};
  int quantity = -1;
  Person person{};
  bool lost = false;  // the last that happened to it
};

struct Relations {
  std::string theme;  // of the patterns: "<theme>.given", ".more", ".fewer", ".times", ".twice", ".half", ".sum"
  int64_t least = 0, most_given = 0;  // of a given value; 0: Story::amount()
  int64_t most = 1000;                // of any value
  int64_t most_more = 0;              // of a difference; 0: by the scale
  int64_t most_times = 5;
  bool half = true, sum = true;
  int fresh_percent = 12;  // how often a later holder's value is simply given
};

Slots slots_of(const Slots& common, std::string_view slot, const Holder& holder);
// Gives holder `i` its value: given, or by comparison with earlier ones.
void relate(Story& story, const Relations& relations, std::vector<Holder>& holders, size_t i, const Slots& common);

// Sums the quantities; the partial sums have one label.
int sum_up(Story& story, const std::vector<int>& quantities, int64_t most = 2000);

// Asks for one ("<theme>.ask"), two together (".asktotal2"), all (".asktotal") or a difference (".askdiff").
void ask_one(Story& story, const std::string& use, const Holder& holder, const Slots& common);
void ask_total(Story& story, const std::string& theme, const std::vector<Holder>& holders, const Unit& unit,
               const Slots& common);
void ask_difference(Story& story, const std::string& theme, const std::vector<Holder>& holders, const Unit& unit,
                    const Slots& common);
// Slots {names} and {cnt} of the holders.
void put_holders(Slots& slots, const std::vector<Holder>& holders, Language language);

}  // namespace jamsu::tasks

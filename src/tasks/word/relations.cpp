#include "tasks/word/relations.h"

#include <algorithm>

#include "base/check.h"

namespace jamsu::tasks {

namespace {

void put_holder(Slots& slots, std::string_view slot, const Holder& holder) {
  const bool first = slot == "a", second = slot == "b";
  slots.emplace_back(slot, holder.said);
  slots.emplace_back(first ? "as" : second ? "bs" : "cs", holder.many);
  slots.emplace_back(first ? "A" : second ? "B" : "C", holder.capital);
}

}  // namespace

Slots slots_of(const Slots& common, std::string_view slot, const Holder& holder) {
  Slots slots = common;
  put_holder(slots, slot, holder);
  return slots;
}

namespace {

void tell_given(Story& story, const Relations& r, Holder& self, const Slots& common) {
  const int64_t value = r.most_given == 0 ? story.amount() : story.random.between(r.least, r.most_given);
  self.quantity = story.given(value, self.label);
  Slots slots = slots_of(common, "a", self);
  put_person(slots, self.person);
  put_number(slots, "n", value, self.unit, story.language);
  story.tell(r.theme + ".given", std::move(slots), self.quantity);
}

void tell_sum(Story& story, const Relations& r, std::vector<Holder>& holders, size_t i, const Slots& common) {
  const size_t first = story.random.below(static_cast<uint32_t>(i));
  const size_t second = (first + 1 + story.random.below(static_cast<uint32_t>(i - 1))) % i;
  const Holder &a = holders[std::min(first, second)], &b = holders[std::max(first, second)];
  Holder& self = holders[i];
  self.quantity = story.derive(Operation::add, a.quantity, b.quantity, self.label, r.most);
  Slots slots = slots_of(slots_of(slots_of(common, "a", a), "b", b), "c", self);
  put_person(slots, self.person);
  story.tell(r.theme + ".sum", std::move(slots), self.quantity);
}

struct Comparison {
  std::string_view use;
  Operation operation;
  int64_t by;
};

Comparison draw_comparison(Story& story, const Relations& r, int64_t base) {
  const int64_t step = r.most_more != 0 ? r.most_more : std::max<int64_t>(4, story.scale() / 2);
  const uint32_t draw = story.random.below(100);
  if (draw < 35) return {".more", Operation::add, story.random.between(1, step)};
  if (draw < 65) {
    if (base < 3) return {".fewer", Operation::subtract, base};  // fails
    return {".fewer", Operation::subtract, story.random.between(1, std::min(step, base - 1))};
  }
  if (draw < 80 && r.half && base % 2 == 0 && story.chance(50)) return {".half", Operation::divide, 2};
  if (draw < 78) return {".twice", Operation::multiply, 2};
  return {".times", Operation::multiply, story.random.between(2, r.most_times)};
}

}  // namespace

void relate(Story& story, const Relations& r, std::vector<Holder>& holders, size_t i, const Slots& common) {
  Holder& self = holders[i];
  if (i == 0 || story.chance(static_cast<uint32_t>(r.fresh_percent))) return tell_given(story, r, self, common);
  if (r.sum && i >= 2 && story.chance(12)) return tell_sum(story, r, holders, i, common);
  const Holder& base = holders[story.chance(75) ? i - 1 : story.random.below(static_cast<uint32_t>(i))];
  const Comparison comparison = draw_comparison(story, r, story.value(base.quantity));
  const int by = story.given(comparison.by);
  self.quantity = story.derive(comparison.operation, base.quantity, by, self.label, r.most);
  Slots slots = slots_of(slots_of(common, "a", base), "b", self);
  put_person(slots, self.person);
  put_number(slots, "k", comparison.by, self.unit, story.language);
  story.tell(r.theme + std::string(comparison.use), std::move(slots), self.quantity);
}

int sum_up(Story& story, const std::vector<int>& quantities, int64_t most) {
  int sum = quantities.front();
  for (size_t i = 1; i < quantities.size() && !story.failed(); ++i) {
    sum = story.derive(Operation::add, sum, quantities[i], story.say("합", "sum"), most);
  }
  return sum;
}

void ask_one(Story& story, const std::string& use, const Holder& holder, const Slots& common) {
  Slots slots = slots_of(common, "a", holder);
  put_person(slots, holder.person);
  story.ask(use, std::move(slots), holder.quantity, holder.unit);
}

void put_holders(Slots& slots, const std::vector<Holder>& holders, Language language) {
  std::vector<std::string> words;
  for (const Holder& holder : holders) words.push_back(holder.many);
  slots.emplace_back("names", listed(words, language));
  slots.emplace_back("cnt", in_words(holders.size(), language));
}

void ask_total(Story& story, const std::string& theme, const std::vector<Holder>& holders, const Unit& unit,
               const Slots& common) {
  std::vector<int> quantities;
  for (const Holder& holder : holders) quantities.push_back(holder.quantity);
  const int sum = sum_up(story, quantities);
  Slots slots = slots_of(slots_of(common, "a", holders[0]), "b", holders[1]);
  put_holders(slots, holders, story.language);
  story.ask(theme + (holders.size() == 2 ? ".asktotal2" : ".asktotal"), std::move(slots), sum, unit);
}

void ask_difference(Story& story, const std::string& theme, const std::vector<Holder>& holders, const Unit& unit,
                    const Slots& common) {
  const size_t first = story.random.below(static_cast<uint32_t>(holders.size()));
  const size_t second = (first + 1 + story.random.below(static_cast<uint32_t>(holders.size() - 1))) % holders.size();
  const bool swap = story.value(holders[first].quantity) < story.value(holders[second].quantity);
  const Holder &more = holders[swap ? second : first], &less = holders[swap ? first : second];
  const std::string name = story.say("차", "difference");
  const int difference = story.derive(Operation::subtract, more.quantity, less.quantity, name);
  Slots slots = slots_of(slots_of(common, "a", more), "b", less);
  put_person(slots, more.person);
  story.ask(theme + ".askdiff", std::move(slots), difference, unit);
}

}  // namespace jamsu::tasks

// Stories of people and their things, of kinds at a place, of ages.
#include <algorithm>
#include <array>

#include "tasks/split.h"
#include "tasks/word/relations.h"
#include "tasks/word/story.h"

namespace jamsu::tasks {
namespace {

size_t upto(Story& story, size_t least, size_t most) {
  return static_cast<size_t>(story.random.between(static_cast<int64_t>(least), static_cast<int64_t>(most)));
}

// Who receives: 동생에게, to a friend.
std::string receiver(Story& story) {
  constexpr std::array<std::string_view, 6> korean = {"동생", "친구", "형", "이웃", "짝", "사촌"};
  constexpr std::array<std::string_view, 7> english = {"a friend",   "a neighbor",  "a cousin",     "a classmate",
                                                       "a teammate", "the teacher", "a little girl"};
  return story.korean() ? std::string(story.random.pick(korean)) : std::string(story.random.pick(english));
}

// What happens to a holder's things. {a} who (people only), {x} what.
class Happenings {
 public:
  Happenings(Story& story, std::string theme, const Thing& thing, const Slots& common)
      : story_(story), theme_(std::move(theme)), thing_(thing), common_(common) {}

  void boxes(Holder& holder) {  // begins with so many bags of so many each
    const int64_t each = story_.random.between(3, 20), count = story_.random.between(2, 9);
    const int each_id = story_.given(each), count_id = story_.given(count);
    holder.quantity = story_.derive(Operation::multiply, each_id, count_id, holder.label);
    Slots slots = box_slots(holder, each, count);
    story_.tell(theme_ + ".boxes", std::move(slots), holder.quantity);
  }

  void one(Holder& holder) {
    const uint32_t draw = story_.random.below(100);
    if (draw < 35) return gain(holder);
    if (draw < 75) return lose(holder);
    if (draw < 88) return gain_boxes(holder);
    give_each(holder);
  }

  void move(Holder& from, Holder& to) {
    const int64_t count = part_of(from);
    const int count_id = story_.given(count);
    from.quantity = story_.derive(Operation::subtract, from.quantity, count_id, from.label);
    to.quantity = story_.derive(Operation::add, to.quantity, count_id, to.label);
    from.lost = true, to.lost = false;
    Slots slots = slots_of(slots_of(common_, "a", from), "b", to);
    put_person(slots, from.person);
    put_number(slots, "k", count, holder_unit(), story_.language);
    story_.tell(theme_ + ".move", slots, from.quantity);
    story_.tell({}, {}, to.quantity);  // the same sentence tells of both
  }

 private:
  Unit holder_unit() const { return thing_.unit(); }
  int64_t part_of(const Holder& holder) {
    const int64_t has = story_.value(holder.quantity);
    if (has < 3) {
      story_.fail();
      return 1;
    }
    return story_.random.between(1, std::min(has - 1, story_.scale()));
  }
  Slots slots(const Holder& holder) {
    Slots slots = slots_of(common_, "a", holder);
    put_person(slots, holder.person);
    slots.emplace_back("f", receiver(story_));
    return slots;
  }
  Slots box_slots(const Holder& holder, int64_t each, int64_t count) {
    Slots s = slots(holder);
    const Container& box = story_.random.pick(containers(thing_.sort));
    s.emplace_back("box", story_.say(box.korean, box.one));
    s.emplace_back("boxes", story_.say(box.korean, box.many));
    put_number(s, "k", each, holder_unit(), story_.language);
    put_number(s, "m", count, {"개", box.one, box.many}, story_.language);
    return s;
  }

  void gain(Holder& holder) {
    const int64_t count = story_.random.between(1, story_.scale());
    holder.quantity = story_.derive(Operation::add, holder.quantity, story_.given(count), holder.label);
    holder.lost = false;
    Slots s = slots(holder);
    put_number(s, "k", count, holder_unit(), story_.language);
    story_.tell(theme_ + ".gain", std::move(s), holder.quantity);
  }

  void lose(Holder& holder) {
    const int64_t count = part_of(holder);
    holder.quantity = story_.derive(Operation::subtract, holder.quantity, story_.given(count), holder.label);
    holder.lost = true;
    Slots s = slots(holder);
    put_number(s, "k", count, holder_unit(), story_.language);
    const bool eaten = thing_.sort == Sort::food && story_.chance(45);
    story_.tell(theme_ + (eaten ? ".eat" : ".lose"), std::move(s), holder.quantity);
  }

  void gain_boxes(Holder& holder) {
    const int64_t each = story_.random.between(2, 12), count = story_.random.between(2, 6);
    const int bought =
        story_.derive(Operation::multiply, story_.given(each), story_.given(count), story_.say("산 것", "bought"));
    holder.quantity = story_.derive(Operation::add, holder.quantity, bought, holder.label);
    holder.lost = false;
    story_.tell(theme_ + ".gainboxes", box_slots(holder, each, count), holder.quantity);
  }

  void give_each(Holder& holder) {
    const int64_t each = story_.random.between(2, 9), count = story_.random.between(2, 7);
    const int gone =
        story_.derive(Operation::multiply, story_.given(each), story_.given(count), story_.say("준 것", "gave"));
    holder.quantity = story_.derive(Operation::subtract, holder.quantity, gone, holder.label);
    holder.lost = true;
    Slots s = slots(holder);
    put_number(s, "k", each, holder_unit(), story_.language);
    put_number(s, "m", count, {"명", "friend", "friends"}, story_.language);
    story_.tell(theme_ + ".giveeach", std::move(s), holder.quantity);
  }

  Story& story_;
  const std::string theme_;
  const Thing& thing_;
  const Slots& common_;
};

// A divisor of value in [2, most], smaller than it; 0 where there is none.
int64_t divisor(Story& story, int64_t value, int64_t most) {
  std::vector<int64_t> all;
  for (int64_t d = 2; d <= most && d < value; ++d) {
    if (value % d == 0) all.push_back(d);
  }
  return all.empty() ? 0 : story.random.pick(all);
}

void ask_share(Story& story, const std::string& use, int quantity, Slots slots, const Unit& unit) {
  const int64_t people = divisor(story, story.value(quantity), 9);
  if (people == 0) return story.fail();
  const std::string name = story.say("한 명", "each");
  const int each = story.derive(Operation::divide, quantity, story.given(people), name);
  put_number(slots, "m", people, {"명", "friend", "friends"}, story.language);
  story.ask(use, std::move(slots), each, unit);
}

void ask_pack(Story& story, const std::string& use, int quantity, Slots slots, const Thing& thing) {
  const int64_t each = divisor(story, story.value(quantity), 12);
  const Quantity& whole = story.graph[quantity];
  if (each == 0 || whole.operation == Operation::multiply) return story.fail();  // it came in packs
  const Container& box = story.random.pick(containers(thing.sort));
  const std::string name = story.say(box.korean, box.many);
  const int count = story.derive(Operation::divide, quantity, story.given(each), name);
  put_number(slots, "k", each, thing.unit(), story.language);
  slots.emplace_back("box", story.say(box.korean, box.one));
  slots.emplace_back("boxes", name);
  story.ask(use, std::move(slots), count, {"개", box.one, box.many});
}

void ask_need(Story& story, const std::string& use, const Holder& holder, Slots slots) {
  const int64_t wanted = story.value(holder.quantity) + story.random.between(1, story.scale());
  const std::string name = story.say("더 필요", "needed");
  const int need =
      story.derive(Operation::subtract, story.given(wanted, story.say("목표", "goal")), holder.quantity, name);
  put_number(slots, "n", wanted, holder.unit, story.language);
  story.ask(use, std::move(slots), need, holder.unit);
}

Slots thing_slots(Story& story, const Thing& thing) {
  Slots slots;
  put_thing(slots, 'x', thing, story.language);
  return slots;
}

// Facts that do not matter: an age, another thing.
void distract(Story& story, const Holder& holder) {
  Slots slots = slots_of({}, "a", holder);
  if (story.chance(40)) {
    const int64_t age = story.random.between(7, 13);
    put_number(slots, "n", age, {"살", "year", "years"}, story.language);
    return story.tell("x.age", std::move(slots), -1);
  }
  const Thing& other = story.thing();
  put_thing(slots, 'x', other, story.language);
  put_number(slots, "n", story.amount(), other.unit(), story.language);
  story.tell("x.other", std::move(slots), -1);
}

void ask_of_one(Story& story, const std::string& theme, const Holder& holder, const Thing& thing, const Slots& common) {
  const uint32_t draw = story.random.below(100);
  Slots slots = slots_of(common, "a", holder);
  put_person(slots, holder.person);
  if (draw < 15) return ask_share(story, theme + ".askshare", holder.quantity, std::move(slots), thing.unit());
  if (draw < 28) return ask_pack(story, theme + ".askpack", holder.quantity, std::move(slots), thing);
  if (draw < 38) return ask_need(story, theme + ".askneed", holder, std::move(slots));
  ask_one(story, theme + (holder.lost ? ".askleft" : ".ask"), holder, common);
}

void ask_of_several(Story& story, std::vector<Holder>& people, const Thing& thing, const Slots& common) {
  const uint32_t draw = story.random.below(100);
  if (draw < 20) return ask_difference(story, "h", people, thing.unit(), common);
  if (draw < 45) return ask_of_one(story, "h", people.back(), thing, common);
  if (draw >= 85) {
    std::vector<int> quantities;
    for (const Holder& holder : people) quantities.push_back(holder.quantity);
    Slots slots = common;
    put_holders(slots, people, story.language);
    return ask_share(story, "h.asktotalshare", sum_up(story, quantities), std::move(slots), thing.unit());
  }
  ask_total(story, "h", people, thing.unit(), common);
}

}  // namespace

void holdings_story(Story& story, int level) {
  const Thing& thing = story.thing();
  const Slots common = thing_slots(story, thing);
  std::vector<Holder> people(upto(story, 1, std::min<size_t>(6, static_cast<size_t>(level) + 1)));
  Happenings happenings(story, "h", thing, common);
  for (size_t i = 0; i < people.size() && !story.failed(); ++i) {
    const Person person = story.person();
    people[i] = {person.label, person.said, person.said, person.said, thing.unit(), -1, person};
    if (story.chance(i == 0 ? 18 : 6)) {
      happenings.boxes(people[i]);
    } else {
      relate(story, {.theme = "h"}, people, i, common);
    }
    if (i == 0 && story.chance(8)) distract(story, people[i]);
  }
  const size_t events = upto(story, 0, std::min<size_t>(5, static_cast<size_t>(level)));
  for (size_t i = 0; i < events && !story.failed(); ++i) {
    Holder& holder = people[story.chance(60) ? people.size() - 1 : upto(story, 0, people.size() - 1)];
    const size_t other = upto(story, 0, people.size() - 1);
    if (&people[other] != &holder && story.chance(35)) {
      happenings.move(holder, people[other]);
    } else {
      happenings.one(holder);
    }
  }
  if (story.failed()) return;
  if (people.size() == 1) return ask_of_one(story, "h", people[0], thing, common);
  ask_of_several(story, people, thing, common);
}

void plain_story(Story& story, int level) {
  const Thing& thing = story.thing();
  const Slots common = thing_slots(story, thing);
  Holder holder{.label = story.say(thing.korean, thing.many), .said = std::string(thing.name(story.language))};
  holder.many = holder.capital = holder.said;
  holder.unit = thing.unit();
  Happenings happenings(story, "p", thing, common);
  if (story.chance(25)) {
    happenings.boxes(holder);
  } else {
    std::vector<Holder> alone = {holder};
    relate(story, {.theme = "p"}, alone, 0, common);
    holder = alone[0];
  }
  const size_t events = upto(story, 0, static_cast<size_t>(level));
  for (size_t i = 0; i < events && !story.failed(); ++i) happenings.one(holder);
  if (!story.failed()) ask_of_one(story, "p", holder, thing, common);
}

void kinds_story(Story& story, int level) {
  const KindScene& scene = story.random.pick(kind_scenes());
  const size_t most = std::min({scene.kinds.size(), static_cast<size_t>(level) + 1, size_t{6}});
  std::vector<Holder> kinds(upto(story, 2, most));
  Slots common;
  common.emplace_back("place", story.say(scene.place_korean, scene.place_english));
  std::string capital(scene.place_english);
  capital[0] = static_cast<char>(capital[0] - 'a' + 'A');
  common.emplace_back("Place", capital);
  common.emplace_back("u", std::string(scene.counter));
  common.emplace_back("all", std::string(scene.many));
  for (size_t i = 0; i < kinds.size() && !story.failed(); ++i) {
    const Thing& kind = story.thing_among(scene.kinds);
    kinds[i] = {.label = story.say(kind.korean, kind.many), .said = std::string(kind.name(story.language))};
    kinds[i].many = story.say(kind.korean, kind.many);
    kinds[i].unit = kind.unit();
    if (!story.failed()) relate(story, {.theme = "s", .fresh_percent = 18}, kinds, i, common);
  }
  if (story.failed()) return;
  const Unit unit{scene.counter, scene.one, scene.many};
  const uint32_t draw = story.random.below(100);
  if (draw < 25) return ask_one(story, "s.ask", kinds.back(), common);
  if (draw < 45) return ask_difference(story, "s", kinds, unit, common);
  ask_total(story, "s", kinds, unit, common);
}

void ages_story(Story& story, int level) {
  const Unit old{"살", "year old", "years old"}, years{"살", "year", "years"};
  std::vector<Holder> people(upto(story, 1, std::min<size_t>(5, static_cast<size_t>(level) + 1)));
  const Relations relations{.theme = "a",
                            .least = 4,
                            .most_given = 40,
                            .most = 90,
                            .most_more = 12,
                            .most_times = 4,
                            .half = false,
                            .sum = false,
                            .fresh_percent = 10};
  for (size_t i = 0; i < people.size() && !story.failed(); ++i) {
    const Person person = story.person();
    people[i] = {person.label, person.said, person.said, person.said, years, -1, person};
    relate(story, relations, people, i, {});
    if (!story.failed() && story.value(people[i].quantity) < 3) story.fail();
  }
  if (story.failed()) return;
  const uint32_t draw = story.random.below(100);
  Holder& last = people.back();
  last.unit = old;
  if (people.size() == 1 || draw < 25) {  // some years later or earlier
    const bool later = story.chance(60);
    const int64_t by = story.random.between(2, later ? 20 : 9);
    last.quantity =
        story.derive(later ? Operation::add : Operation::subtract, last.quantity, story.given(by), last.label);
    Slots slots = slots_of({}, "a", last);
    put_person(slots, last.person);
    put_number(slots, "m", by, {"년", "year", "years"}, story.language);
    return story.ask(later ? "a.asklater" : "a.askearlier", std::move(slots), last.quantity, old);
  }
  if (draw < 50) return ask_one(story, "a.ask", last, {});
  if (draw < 70) return ask_difference(story, "a", people, years, {});
  ask_total(story, "a", people, years, {});
}

}  // namespace jamsu::tasks

// Stories of coming and going, of shopping, of what is done day by day, of travelling.
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

}  // namespace

void flow_story(Story& story, int level) {
  const FlowScene& scene = story.random.pick(flow_scenes());
  const std::string use = "f." + std::string(scene.key), name = story.say("수", "count");
  const int64_t few = std::min(scene.most / 3, std::max<int64_t>(5, story.scale() / 2));
  int64_t start = story.random.between(3, std::max<int64_t>(6, std::min(story.scale(), scene.most)));
  int now = story.given(start, name);
  Slots slots;
  put_number(slots, "n", start, scene.unit, story.language);
  story.tell(use + ".given", slots, now);
  for (int i = 0; i < level && !story.failed(); ++i) {
    const int64_t has = story.value(now);
    const bool in = i > 0 && story.facts.back().use.ends_with(".out") ? story.chance(70) : story.chance(35);
    const int64_t by =
        in ? story.random.between(2, few) : story.random.between(2, std::max<int64_t>(2, std::min(few, has - 1)));
    now = story.derive(in ? Operation::add : Operation::subtract, now, story.given(by), name, scene.most);
    Slots change;
    put_number(change, "k", by, scene.unit, story.language);
    story.tell(use + (in ? ".in" : ".out"), std::move(change), now);
  }
  if (!story.failed()) story.ask(use + ".ask", {}, now, scene.unit);
}

namespace {

// Prices and payments of a story in one currency.
struct Currency {
  Unit unit;
  int64_t step, least, most;     // of a price
  std::array<int64_t, 7> notes;  // what is paid with
  int64_t limit;                 // of a sum
};

Currency draw_currency(Story& story) {
  if (story.korean()) {
    const int64_t step = story.chance(70) ? 100 : 50;
    return {{"원", "won", "won"}, step, 2 * step, 2500, {1000, 2000, 3000, 5000, 10000, 20000, 50000}, 50000};
  }
  if (story.chance(25)) return {{"원", "cent", "cents"}, 5, 10, 95, {50, 100, 200, 300, 400, 500, 900}, 900};
  const bool sign = story.chance(40);
  return {{"원", "dollar", "dollars", sign}, 1, 2, 30, {10, 20, 30, 50, 100, 150, 200}, 999};
}

class Shopping {
 public:
  Shopping(Story& story, int level) : story_(story), money_(draw_currency(story)) {
    const Person person = story.person();
    buyer_.label = person.label;
    buyer_.said = buyer_.many = buyer_.capital = person.said;
    buyer_.person = person;
    items_ = upto(story, 1, std::min<size_t>(4, static_cast<size_t>(level + 1) / 2 + 1));
  }

  void run() {
    const uint32_t draw = story_.random.below(100);
    const bool wallet = draw < 45;
    if (wallet) begin_with_money();
    const bool compare = story_.chance(40);
    std::vector<int> costs;
    for (size_t i = 0; i < items_ && !story_.failed(); ++i) price(i, compare);
    for (size_t i = 0; i < items_ && !story_.failed(); ++i) costs.push_back(buy(i));
    if (story_.failed()) return;
    const int total = sum_up(story_, costs, money_.limit);
    if (story_.failed()) return;
    if (wallet) return ask_left(total);
    if (draw < 75) return ask_change(total);
    story_.ask("m.asktotal", buyer_slots(), total, money_.unit);
  }

 private:
  int64_t draw_price() {
    return story_.random.between(money_.least / money_.step, money_.most / money_.step) * money_.step;
  }
  Slots buyer_slots() {
    Slots slots;
    slots.emplace_back("w", buyer_.said);
    put_person(slots, buyer_.person);
    return slots;
  }

  void begin_with_money() {
    Slots slots = buyer_slots();
    if (story_.chance(35)) {  // saved day by day
      const int64_t each = story_.korean() ? story_.random.between(3, 30) * 100 : story_.random.between(2, 25);
      const int64_t days = story_.random.between(3, 9);
      const int each_id = story_.given(each), days_id = story_.given(days);
      has_ = story_.derive(Operation::multiply, each_id, days_id, buyer_.label, money_.limit);
      put_number(slots, "k", each, money_.unit, story_.language);
      put_number(slots, "d", days, {"일", "day", "days"}, story_.language);
      story_.tell("m.save", std::move(slots), has_);
    } else {
      const int64_t money = story_.random.pick(money_.notes);
      has_ = story_.given(money, buyer_.label);
      put_number(slots, "n", money, money_.unit, story_.language);
      story_.tell("m.has", std::move(slots), has_);
    }
    if (!story_.failed() && story_.chance(25)) {
      const int64_t more = story_.korean() ? story_.random.between(2, 50) * 100 : story_.random.between(2, 40);
      has_ = story_.derive(Operation::add, has_, story_.given(more), buyer_.label, money_.limit);
      Slots gift = buyer_slots();
      put_number(gift, "k", more, money_.unit, story_.language);
      story_.tell("m.gain", std::move(gift), has_);
    }
  }

  void price(size_t i, bool compare) {
    const Thing& thing = story_.thing();
    things_.push_back(&thing);
    Slots slots;
    if (i == 0 || !compare) {
      const int64_t value = draw_price();
      prices_.push_back(story_.given(value, name(i)));
      put_thing(slots, 'x', thing, story_.language);
      put_number(slots, "n", value, money_.unit, story_.language);
      return story_.tell("m.price", std::move(slots), prices_.back());
    }
    put_thing(slots, 'a', *things_[i - 1], story_.language);
    put_thing(slots, 'b', thing, story_.language);
    const uint32_t draw = story_.random.below(100);
    const bool times = draw < 25, more = draw < 65;
    const int64_t by =
        times ? story_.random.between(2, 4)
              : story_.random.between(1, std::max<int64_t>(1, money_.most / money_.step / 4)) * money_.step;
    const Operation operation = times ? Operation::multiply : more ? Operation::add : Operation::subtract;
    prices_.push_back(story_.derive(operation, prices_[i - 1], story_.given(by), name(i), money_.limit));
    put_number(slots, "k", by, money_.unit, story_.language);
    story_.tell(times ? "m.pricetimes" : more ? "m.pricemore" : "m.priceless", std::move(slots), prices_.back());
  }

  int buy(size_t i) {
    const int64_t count = story_.chance(25) ? 1 : story_.random.between(2, 9);
    Slots slots = buyer_slots();
    put_thing(slots, 'x', *things_[i], story_.language);
    put_number(slots, "c", count, things_[i]->unit(), story_.language);
    int cost = prices_[i];
    if (count > 1) {
      cost = story_.derive(Operation::multiply, prices_[i], story_.given(count), name(i) + story_.say(" 값", " cost"),
                           money_.limit);
    }
    story_.tell(i == 0 ? "m.buy" : "m.buyalso", std::move(slots), cost);
    return cost;
  }

  void ask_left(int total) {
    const std::string left = story_.say("남은 돈", "left");
    const int rest = story_.derive(Operation::subtract, has_, total, left, money_.limit);
    story_.ask("m.askleft", buyer_slots(), rest, money_.unit);
  }

  void ask_change(int total) {
    std::vector<int64_t> enough;
    for (int64_t note : money_.notes) {
      if (note > story_.value(total) && (enough.size() < 2)) enough.push_back(note);
    }
    if (enough.empty()) return story_.fail();
    const int64_t paid = story_.random.pick(enough);
    const std::string change = story_.say("거스름돈", "change");
    const int rest = story_.derive(Operation::subtract, story_.given(paid, story_.say("낸 돈", "paid")), total, change,
                                   money_.limit);
    Slots slots = buyer_slots();
    put_number(slots, "n", paid, money_.unit, story_.language);
    story_.ask("m.askchange", std::move(slots), rest, money_.unit);
  }

  std::string name(size_t i) const { return std::string(things_[i]->name(story_.language)); }

  Story& story_;
  const Currency money_;
  Holder buyer_;
  size_t items_ = 1;
  int has_ = -1;
  std::vector<const Thing*> things_;
  std::vector<int> prices_;
};

}  // namespace

void shopping_story(Story& story, int level) {
  Shopping(story, level).run();
}

namespace {

constexpr std::array<std::string_view, 7> kDaysKorean = {"월요일", "화요일", "수요일", "목요일",
                                                         "금요일", "토요일", "일요일"};
constexpr std::array<std::string_view, 7> kDaysEnglish = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                          "Friday", "Saturday", "Sunday"};

const DailyScene& daily_scene(Story& story) {
  std::vector<const DailyScene*> free;
  for (const DailyScene& scene : daily_scenes()) {
    if (story.split == Split::unseen || !held_out(story.korean() ? scene.object_korean : scene.base))
      free.push_back(&scene);
  }
  const DailyScene& scene = *story.random.pick(free);
  const std::string_view item = story.korean() ? scene.object_korean : scene.base;
  if (held_out(item)) story.held_out_words.emplace_back(story.korean() ? scene.object_korean : scene.past);
  return scene;
}

// So much a day for so many days; then how much, how much is left, how many days more.
void steady_story(Story& story, const DailyScene& scene, Slots slots, const Person& person) {
  const int64_t each = story.random.between(scene.least, scene.most / 2), days = story.random.between(2, 14);
  const Unit day{"일", "day", "days"};
  const int done = story.derive(Operation::multiply, story.given(each), story.given(days), person.label);
  if (story.failed()) return;
  put_number(slots, "k", each, scene.unit, story.language);
  put_number(slots, "d", days, day, story.language);
  story.tell("d.rate", slots, done);
  const uint32_t draw = story.random.below(100);
  if (!scene.book || draw < 35) return story.ask("d.askrate", slots, done, scene.unit);
  const int64_t rest_days = story.random.between(2, 9);
  const int64_t pages =
      draw < 65 ? story.value(done) + story.random.between(5, 120) : story.value(done) + rest_days * each;
  const std::string left = story.say("남은 쪽", "left");
  const int whole = story.given(pages, story.say("전체", "all")),
            rest = story.derive(Operation::subtract, whole, done, left);
  if (story.failed()) return;
  put_number(slots, "n", pages, scene.unit, story.language);
  story.tell("d.book", slots, whole);
  if (draw < 65) return story.ask("d.askleft", slots, rest, scene.unit);
  const std::string more = story.say("날수", "days");
  const int each_again = story.graph[done].left;
  const int count = story.derive(Operation::divide, rest, each_again, more);
  story.ask("d.askdays", slots, count, day);
}

}  // namespace

void daily_story(Story& story, int level) {
  const DailyScene& scene = daily_scene(story);
  const Person person = story.person();
  Slots common;
  common.emplace_back("w", person.said);
  put_person(common, person);
  common.emplace_back("o", std::string(scene.object_korean));
  common.emplace_back("v", story.say(scene.past_korean, scene.past));
  common.emplace_back("vn", story.say(scene.present_korean, scene.base));
  common.emplace_back("ing", std::string(scene.gerund));
  common.emplace_back("u", std::string(scene.unit.korean));
  common.emplace_back("us", std::string(scene.unit.many));
  if (level <= 3 && story.chance(40)) return steady_story(story, scene, common, person);
  std::vector<Holder> days(upto(story, 1, std::min<size_t>(5, static_cast<size_t>(level) + 1)));
  const size_t first = upto(story, 0, 7 - days.size());
  const Relations relations{.theme = "d",
                            .least = scene.least,
                            .most_given = scene.most,
                            .most = 999,
                            .most_more = std::max<int64_t>(5, scene.most / 3),
                            .most_times = 3,
                            .fresh_percent = 22};
  for (size_t i = 0; i < days.size() && !story.failed(); ++i) {
    days[i].label = days[i].said = story.say(kDaysKorean[first + i], kDaysEnglish[first + i]);
    days[i].many = days[i].capital = days[i].said;
    days[i].unit = scene.unit;
    days[i].person = person;
    relate(story, relations, days, i, common);
  }
  if (story.failed() || days.size() == 1) return story.fail();
  const uint32_t draw = story.random.below(100);
  if (scene.book && draw < 30) {
    std::vector<int> quantities;
    for (const Holder& day : days) quantities.push_back(day.quantity);
    const int sum = sum_up(story, quantities);
    if (story.failed()) return;
    const int64_t pages = story.value(sum) + story.random.between(5, 150);
    const std::string left = story.say("남은 쪽", "left");
    const int whole = story.given(pages, story.say("전체", "all")),
              rest = story.derive(Operation::subtract, whole, sum, left);
    Slots slots = common;
    put_number(slots, "n", pages, scene.unit, story.language);
    story.tell("d.book", slots, whole);
    return story.ask("d.askleft", slots, rest, scene.unit);
  }
  if (draw < 45) return ask_one(story, "d.ask", days.back(), common);
  if (draw < 60) return ask_difference(story, "d", days, scene.unit, common);
  ask_total(story, "d", days, scene.unit, common);
}

void travel_story(Story& story, int level) {
  std::vector<const Traveller*> free;
  for (const Traveller& traveller : travellers()) {
    if (story.split == Split::unseen || !held_out(story.korean() ? traveller.korean : traveller.english))
      free.push_back(&traveller);
  }
  const Traveller& traveller = *story.random.pick(free);
  const std::string_view item = story.korean() ? traveller.korean : traveller.english;
  if (held_out(item)) story.held_out_words.emplace_back(item);
  const Unit km{"km", "km", "km"}, hour{"시간", "hour", "hours"};
  Slots common;
  common.emplace_back("w", story.say(traveller.korean, traveller.english));
  const bool route = story.chance(40);
  const size_t legs = upto(story, 1, std::min<size_t>(4, static_cast<size_t>(level)));
  std::vector<int> distances;
  for (size_t i = 0; i < legs && !story.failed(); ++i) {
    const int64_t speed = story.random.between(traveller.least, traveller.most) / (traveller.most > 30 ? 10 : 1) *
                          (traveller.most > 30 ? 10 : 1);
    const int64_t hours = story.random.between(2, i == 0 ? 9 : 5);
    constexpr std::array<std::string_view, 4> korean = {"첫째", "둘째", "셋째", "넷째"};
    constexpr std::array<std::string_view, 4> english = {"first", "second", "third", "fourth"};
    const std::string name = legs == 1 ? story.say("거리", "distance") : story.say(korean[i], english[i]);
    distances.push_back(story.derive(Operation::multiply, story.given(speed), story.given(hours), name, 2000));
    Slots slots = common;
    put_number(slots, "p", speed, km, story.language);
    put_number(slots, "q", hours, hour, story.language);
    story.tell(i == 0 ? "t.leg" : "t.next", std::move(slots), distances.back());
  }
  if (story.failed()) return;
  const int sum = sum_up(story, distances);
  if (story.failed()) return;
  if (!route) return story.ask(legs == 1 ? "t.ask" : "t.asktotal", common, sum, km);
  const bool time = story.chance(40);
  const int64_t speed = story.random.between(2, 9) * 10, hours = story.random.between(2, 6);
  const int64_t distance = story.value(sum) + (time ? speed * hours : story.random.between(1, 30) * 10);
  const std::string left = story.say("남은 거리", "left");
  const int whole = story.given(distance, story.say("전체", "all")),
            rest = story.derive(Operation::subtract, whole, sum, left, 3000);
  if (story.failed()) return;
  Slots slots = common;
  put_number(slots, "n", distance, km, story.language);
  story.tell("t.route", slots, whole);
  if (!time) return story.ask("t.askleft", slots, rest, km);
  if (speed > traveller.most || speed < traveller.least / 2) return story.fail();
  put_number(slots, "p", speed, km, story.language);
  const std::string name = story.say("시간", "hours");
  const int needed = story.derive(Operation::divide, rest, story.given(speed), name);
  story.ask("t.asktime", slots, needed, hour);
}

}  // namespace jamsu::tasks

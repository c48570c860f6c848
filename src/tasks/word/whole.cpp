// Whole problems in one pattern, as people type them: one to three steps.
#include <algorithm>
#include <array>
#include <map>

#include "base/check.h"
#include "tasks/word/relations.h"
#include "tasks/word/story.h"

namespace jamsu::tasks {
namespace {

enum class Counts { things, boxes, money, years_old, years, km, hours, days, pages, children, people, seats, minutes };

// `formula`: postfix over the letters of the pattern's number slots.
// `draws`: for each letter its kind, divisors before what they divide:
//   a an amount of things   s 2-9 (people, boxes)   t 2-15   z 2   p a price   y a note   g an age   v km an hour
//   h hours   d days   l pages a day   b pages of a book   c children   u minutes   M a multiple of the letter before
// `names`: in the thinking, of given quantities that have one. `labels`: one a step, the last is what is asked for.
struct Form {
  std::string_view use, formula, draws;
  std::string_view names_korean, names_english;
  std::string_view labels_korean, labels_english;
  Counts counts;
  bool food = false;   // things to eat only
  bool boxed = false;  // with a container
};

// clang-format off
constexpr auto kForms = std::to_array<Form>({
    {"w.gain", "nk+", "na ka", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things},
    {"w.lose", "nk-", "na ka", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things},
    {"w.eat", "nk-", "na ka", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things, true},
    {"w.groups", "km*", "kt ms", "k=한 {box}", "k={box}", "{x}", "{xs}", Counts::things, false, true},
    {"w.share", "nm/", "ms nM", "n={x}", "n={xs}", "한 명", "each", Counts::things},
    {"w.pack", "nk/", "ks nM", "n={x}|k=한 {box}", "n={xs}|k={box}", "{box}", "{boxes}", Counts::boxes, false, true},
    {"w.price", "nc*", "np cs", "n={xu1}", "n=each", "값", "cost", Counts::money},
    {"w.unitprice", "nc/", "cs nM", "n=값", "n=cost", "{xu1}", "each", Counts::money},
    {"w.change", "nk-", "ny kp", "n=낸 돈", "n=paid", "거스름돈", "change", Counts::money},
    {"w.spend", "nk-", "ny kp", "n=돈", "n=money", "남은 돈", "left", Counts::money},
    {"w.earn", "nk+", "np kp", "n=돈", "n=money", "돈", "money", Counts::money},
    {"w.older", "nk+", "ng ks", "n={a}", "n={a}", "{b}", "{b}", Counts::years_old},
    {"w.younger", "nk-", "ng ks", "n={a}", "n={a}", "{b}", "{b}", Counts::years_old},
    {"w.agelater", "nk+", "ng kt", "n={a}", "n={a}", "{a}", "{a}", Counts::years_old},
    {"w.relolder", "nk+", "ng ks", "", "", "{r}", "{r}", Counts::years_old},
    {"w.relyounger", "nk-", "ng ks", "", "", "동생", "{r}", Counts::years_old},
    {"w.more", "nk+", "na ka", "n={a}", "n={a}", "{b}", "{b}", Counts::things},
    {"w.fewer", "nk-", "na ka", "n={a}", "n={a}", "{b}", "{b}", Counts::things},
    {"w.times", "nk*", "na ks", "n={a}", "n={a}", "{b}", "{b}", Counts::things},
    {"w.difference", "nk-", "na ka", "n={a}|k={b}", "n={a}|k={b}", "차", "difference", Counts::things},
    {"w.together", "nk+", "na ka", "n={a}|k={b}", "n={a}|k={b}", "합", "sum", Counts::things},
    {"w.bothboxes", "nk+", "na ka", "", "", "합", "sum", Counts::things, false, true},
    {"w.need", "nk-", "na ka", "n=목표|k={x}", "n=goal|k={xs}", "더 필요", "needed", Counts::things},
    {"w.class", "nk+", "nc kc", "n=남학생|k=여학생", "n=boys|k=girls", "합", "sum", Counts::children},
    {"w.girls", "nk-", "nc kc", "n=전체|k=남학생", "n=all|k=boys", "여학생", "girls", Counts::children},
    {"w.rows", "km*", "kt ms", "k=한 줄", "k=row", "합", "sum", Counts::people},
    {"w.perday", "kd*", "kl dd", "k=하루", "k=day", "쪽", "pages", Counts::pages},
    {"w.daysof", "nk/", "kl nM", "n=쪽|k=하루", "n=pages|k=day", "날수", "days", Counts::days},
    {"w.pagesleft", "nk-", "nb kl", "n=전체", "n=all", "남은 쪽", "left", Counts::pages},
    {"w.speed", "kn*", "kv nh", "k=한 시간", "k=hour", "거리", "distance", Counts::km},
    {"w.hoursof", "nk/", "kv nM", "n=거리|k=한 시간", "n=distance|k=hour", "시간", "hours", Counts::hours},
    {"w.minutes", "nk+", "nu ku", "", "", "합", "sum", Counts::minutes},
    {"w.savings", "kd*", "kp dd", "k=하루", "k=day", "돈", "money", Counts::money},
    {"w.sumtwo", "nk+", "np kp", "n={a}|k={b}", "n={a}|k={b}", "합", "sum", Counts::money},
    {"w.twice", "nk*", "na kz", "n={a}", "n={a}", "{b}", "{b}", Counts::things},
    {"w.half", "nk/", "na kz", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things},
    {"w.gain3", "nk+j+", "na ka ja", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things},
    {"w.sharerest", "nk-m/", "na ka ms", "n={x}", "n={xs}", "{x}|한 명", "{xs}|each", Counts::things},
    {"w.twicetotal", "nnk*+", "na kz", "n={a}", "n={a}", "{b}|합", "{b}|sum", Counts::things},
    {"w.twodouble", "nnk*+", "na kz", "n=첫날", "n=first", "다음 날|합", "second|sum", Counts::things},
    {"w.losegain", "nk-j+", "na ka ja", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things},
    {"w.gainlose", "nk+j-", "na ka ja", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things},
    {"w.losetwice", "nk-j-", "na ka ja", "n={x}", "n={xs}", "{x}", "{xs}", Counts::things},
    {"w.groupslose", "km*j-", "kt ms ja", "k=한 {box}", "k={box}", "{x}", "{xs}", Counts::things, false, true},
    {"w.groupsgain", "km*j+", "kt ms ja", "k=한 {box}", "k={box}", "{x}", "{xs}", Counts::things, false, true},
    {"w.groupsshare", "km*j/", "kt ms js", "k=한 {box}", "k={box}", "{x}|한 명", "{xs}|each", Counts::things, false, true},
    {"w.gainshare", "nk+m/", "na ka ms", "n={x}", "n={xs}", "{x}|한 명", "{xs}|each", Counts::things},
    {"w.pricechange", "ynk*-", "np ks yy", "n={x}|y=낸 돈", "n={xs}|y=paid", "값|거스름돈", "cost|change", Counts::money},
    {"w.buytwo", "ynk+-", "yy np kp", "y=돈|n={a}|k={b}", "y=money|n={a}|k={b}", "합|남은 돈", "sum|left", Counts::money},
    {"w.moretotal", "nnk++", "na ka", "n={a}", "n={a}", "{b}|합", "{b}|sum", Counts::things},
    {"w.fewertotal", "nnk-+", "na ka", "n={a}", "n={a}", "{b}|합", "{b}|sum", Counts::things},
    {"w.timestotal", "nnk*+", "na ks", "n={a}", "n={a}", "{b}|합", "{b}|sum", Counts::things},
    {"w.dayleft", "nkd*-", "kl dd nb", "n=전체|k=하루", "n=all|k=day", "쪽|남은 쪽", "pages|left", Counts::pages},
    {"w.twodays", "nnk++", "nl ks", "n=첫날", "n=first", "둘째 날|합", "second|sum", Counts::pages},
    {"w.savespend", "kd*j-", "kp dd jp", "k=하루", "k=day", "돈|남은 돈", "money|left", Counts::money},
    {"w.teams", "nk+m/", "nc kc ms", "", "", "합|한 팀", "sum|each", Counts::children},
    {"w.emptyseats", "km*j-", "kt ms jc", "k=한 줄", "k=row", "의자|빈자리", "seats|empty", Counts::seats},
    {"w.inout", "nk-j+", "nc ks js", "", "", "수", "count", Counts::people},
    {"w.twokinds", "nk*jm*+", "kt ns jt ms", "", "", "첫째|둘째|합", "first|second|sum", Counts::things, false, true},
    {"w.eachchange", "ynk*jm*+-", "np ks jp ms yy", "n={a}|j={b}|y=돈", "n={a}|j={b}|y=money", "{a} 값|{b} 값|합|남은 돈", "{a} cost|{b} cost|sum|left", Counts::money},
});
// clang-format on

int steps_of(const Form& form) {
  return static_cast<int>(std::count_if(form.formula.begin(), form.formula.end(),
                                        [](char c) { return c == '+' || c == '-' || c == '*' || c == '/'; }));
}

std::vector<std::string> split_bars(std::string_view labels) {
  std::vector<std::string> out;
  while (true) {
    const size_t bar = labels.find('|');
    out.emplace_back(labels.substr(0, bar));
    if (bar == std::string_view::npos) return out;
    labels.remove_prefix(bar + 1);
  }
}

struct Money {
  Unit unit;
  bool korean;
  int64_t price(RandomStream& random) const { return korean ? random.between(2, 60) * 50 : random.between(2, 40); }
  int64_t note(RandomStream& random) const {
    constexpr std::array<int64_t, 6> won = {1000, 2000, 3000, 5000, 10000, 20000};
    constexpr std::array<int64_t, 6> dollars = {10, 15, 20, 30, 50, 100};
    return random.pick(korean ? won : dollars);
  }
};

class Whole {
 public:
  Whole(Story& story, const Form& form)
      : story_(story), form_(form), money_{{"원", "dollar", "dollars", story.chance(30)}, story.korean()} {}

  void run() {
    put_words();
    labels_.insert(labels_.end(), slots_.begin(), slots_.end());
    put_numbers();
    const int result = evaluate();
    if (story_.failed()) return;
    story_.ask(std::string(form_.use), slots_, result, unit_of(form_.counts));
  }

 private:
  Unit unit_of(Counts counts) const {
    switch (counts) {
      case Counts::things:
        return thing_.unit();
      case Counts::boxes:
        return {"개", box_.one, box_.many};
      case Counts::money:
        return money_.unit;
      case Counts::years_old:
        return {"살", "year old", "years old"};
      case Counts::years:
        return {"살", "year", "years"};
      case Counts::km:
        return {"km", "km", "km"};
      case Counts::hours:
        return {"시간", "hour", "hours"};
      case Counts::days:
        return {"일", "day", "days"};
      case Counts::pages:
        return {"쪽", "page", "pages"};
      case Counts::children:
        return {"명", form_.use == "w.girls" ? "girl" : "student", form_.use == "w.girls" ? "girls" : "students"};
      case Counts::people:
        return {"명", "person", "people"};
      case Counts::seats:
        return {"개", "seat", "seats"};
      case Counts::minutes:
        return {"분", "minute", "minutes"};
    }
    JAMSU_CHECK(false);
    return {};
  }

  void put_words() {
    bool bakery = false;
    do {
      thing_ = story_.thing();
      bakery = thing_.sort == Sort::food;
    } while (form_.food && !bakery);
    put_thing(slots_, 'x', thing_, story_.language);
    box_ = story_.random.pick(containers(thing_.sort));
    slots_.emplace_back("box", story_.say(box_.korean, box_.one));
    slots_.emplace_back("boxes", story_.say(box_.korean, box_.many));
    if (form_.use == "w.sumtwo" || form_.use == "w.buytwo" || form_.use == "w.eachchange") {
      put_thing(slots_, 'a', story_.thing(), story_.language);
      put_thing(slots_, 'b', story_.thing(), story_.language);
    } else {
      const Person a = story_.person(), b = story_.person();
      slots_.emplace_back("a", a.said);
      slots_.emplace_back("b", b.said);
      labels_ = {{"a", a.label}, {"b", b.label}};
      const std::array<std::string_view, 4> older = {"형", "누나", "언니", "오빠"};
      const std::array<std::string_view, 3> relatives = {"brother", "sister", "cousin"};
      slots_.emplace_back("r",
                          std::string(story_.korean() ? story_.random.pick(older) : story_.random.pick(relatives)));
      put_person(slots_, a);
    }
    const std::array<std::string_view, 5> korean = {"동생", "친구", "형", "짝", "이웃"};
    const std::array<std::string_view, 4> english = {"a friend", "a neighbor", "a classmate", "a cousin"};
    slots_.emplace_back("f", std::string(story_.korean() ? story_.random.pick(korean) : story_.random.pick(english)));
  }

  struct Drawn {
    int64_t value;
    Unit unit;
  };
  Drawn draw(char kind, int64_t before) {
    RandomStream& random = story_.random;
    switch (kind) {
      case 'a':
        return {story_.amount(), form_.counts == Counts::pages ? unit_of(Counts::pages) : thing_.unit()};
      case 's':
        return {random.between(2, 9), form_.counts == Counts::years_old ? unit_of(Counts::years) : thing_.unit()};
      case 't':
        return {random.between(2, 15), form_.counts == Counts::years_old ? unit_of(Counts::years) : thing_.unit()};
      case 'z':
        return {2, thing_.unit()};
      case 'p':
        return {money_.price(random), money_.unit};
      case 'y':
        return {money_.note(random), money_.unit};
      case 'g':
        return {random.between(5, 45), unit_of(Counts::years)};
      case 'v':
        return {random.between(2, 10) * 10, unit_of(Counts::km)};
      case 'h':
        return {random.between(2, 9), unit_of(Counts::hours)};
      case 'd':
        return {random.between(2, 14), unit_of(Counts::days)};
      case 'l':
        return {random.between(5, 40), unit_of(Counts::pages)};
      case 'b':
        return {random.between(30, 300), unit_of(Counts::pages)};
      case 'c':
        return {random.between(8, 45), unit_of(Counts::children)};
      case 'u':
        return {random.between(2, 18) * 5, unit_of(Counts::minutes)};
      case 'M': {
        const int64_t quotient = random.between(2, 25);
        const bool money = form_.use == "w.unitprice";
        const Unit unit = money                           ? money_.unit
                          : form_.counts == Counts::hours ? unit_of(Counts::km)
                          : form_.counts == Counts::days  ? unit_of(Counts::pages)
                                                          : thing_.unit();
        return {before * (money && story_.korean() ? quotient * 50 : quotient), unit};
      }
      default:
        JAMSU_CHECK(false);
        return {0, {}};
    }
  }

  void put_numbers() {
    Drawn last{1, {}};
    for (size_t i = 0; i < form_.draws.size(); i += 3) {
      const char letter = form_.draws[i];
      last = draw(form_.draws[i + 1], last.value);
      if (letter == 'c') last.unit = thing_.unit();
      if (letter == 'm' && form_.boxed) last.unit = {"개", box_.one, box_.many};
      const size_t at = std::string_view("nkjmcdyp").find(letter);
      constexpr std::array<std::string_view, 8> names = {"n", "k", "j", "m", "c", "d", "y", "p"};
      put_number(slots_, names[at], last.value, last.unit, story_.language);
      quantities_[letter] = story_.given(last.value, name_of(letter));
    }
  }

  // Of a given quantity in the thinking; empty where it has none.
  std::string name_of(char letter) const {
    for (const std::string& entry : split_bars(story_.say(form_.names_korean, form_.names_english))) {
      if (!entry.empty() && entry[0] == letter) return fill(entry.substr(2), labels_);
    }
    return {};
  }

  int evaluate() {
    std::vector<std::string> labels = split_bars(story_.say(form_.labels_korean, form_.labels_english));
    for (std::string& label : labels) label = fill(label, labels_);
    const auto most = static_cast<size_t>(steps_of(form_));
    while (labels.size() < most) labels.insert(labels.begin(), labels.front());
    std::vector<int> stack;
    size_t step = 0;
    for (char c : form_.formula) {
      if (const auto letter = quantities_.find(c); letter != quantities_.end()) {
        stack.push_back(letter->second);
        continue;
      }
      const int right = stack.back(), left = stack[stack.size() - 2];
      stack.resize(stack.size() - 2);
      const Operation operation = c == '+'   ? Operation::add
                                  : c == '-' ? Operation::subtract
                                  : c == '*' ? Operation::multiply
                                             : Operation::divide;
      stack.push_back(story_.derive(operation, left, right, labels[step++], 50000));
      if (story_.failed()) return -1;
    }
    JAMSU_CHECK(stack.size() == 1);
    if (form_.counts != Counts::money && story_.value(stack[0]) > 1200) story_.fail();
    return stack[0];
  }

  Story& story_;
  const Form& form_;
  const Money money_;
  Thing thing_{};
  Container box_{};
  Slots slots_, labels_;  // for the text; for names in the thinking
  std::map<char, int> quantities_;
};

}  // namespace

void whole_story(Story& story, int level) {
  std::vector<const Form*> forms;
  for (const Form& form : kForms) {
    if (steps_of(form) == level) forms.push_back(&form);
  }
  Whole(story, *story.random.pick(forms)).run();
}

}  // namespace jamsu::tasks

// Units, calendar, clock.
#include <algorithm>
#include <array>

#include "tasks/korean.h"
#include "tasks/misc/misc.h"
#include "tasks/split.h"

namespace jamsu::tasks {
namespace {

std::string str(int64_t value) {
  return std::to_string(value);
}

struct Unit {
  std::string_view big_ko, small_ko, big_en, small_en;  // English as plural; the singular drops what follows '|'
  int64_t factor;
  int64_t most;  // of the big unit in a question
};
constexpr auto kUnits = std::to_array<Unit>({
    {"m", "cm", "m", "cm", 100, 60},
    {"km", "m", "km", "m", 1000, 20},
    {"cm", "mm", "cm", "mm", 10, 200},
    {"kg", "g", "kg", "g", 1000, 20},
    {"L", "mL", "L", "mL", 1000, 20},
    {"t", "kg", "t", "kg", 1000, 20},
    {"시간", "분", "hour|s", "minute|s", 60, 12},
    {"분", "초", "minute|s", "second|s", 60, 20},
    {"일", "시간", "day|s", "hour|s", 24, 14},
    {"주", "일", "week|s", "day|s", 7, 30},
    {"년", "개월", "year|s", "month|s", 12, 20},
    {"만 원", "원", "dollar|s", "cent|s", 0, 30},
    {"천 원", "원", "foot|feet", "inch|es", 0, 9},
    {"다스", "자루", "dozen", "egg|s", 12, 20},
});

// The factor of the two pairs that differ by language.
int64_t factor_of(const Unit& unit, bool korean) {
  if (unit.factor != 0) return unit.factor;
  if (unit.big_ko == "만 원") return korean ? 10000 : 100;
  return korean ? 1000 : 12;
}

// "1 hour", "2 hours", "3kg".
std::string counted(int64_t n, std::string_view unit, bool korean) {
  if (korean) return str(n) + std::string(unit);
  const size_t bar = unit.find('|');
  if (bar == std::string_view::npos) return str(n) + " " + std::string(unit);
  const std::string_view stem = unit.substr(0, bar), ending = unit.substr(bar + 1);
  if (n == 1) return "1 " + std::string(stem);
  return str(n) + " " + (ending == "feet" ? "feet" : std::string(stem) + std::string(ending));
}

std::string plural(std::string_view unit) {
  return counted(2, unit, false).substr(2);
}

constexpr std::string_view kConvertKo[] = {"{a:은/는} 몇 {u:이야/야}?",
                                           "{a:은/는} 몇 {u:이에요/예요}?",
                                           "{a:은/는} 몇 {u}인가요?",
                                           "{a:은/는} 몇 {u}입니까?",
                                           "{a:을/를} {u:으로/로} 바꾸면?",
                                           "{a:을/를} {u:으로/로} 바꿔줘",
                                           "{a:을/를} {u:으로/로} 나타내세요.",
                                           "{a:은/는} {u:으로/로} 얼마야?",
                                           "{a:이/가} 몇 {u}인지 알려줘.",
                                           "{a}, {u:으로/로} 바꾸면 얼마예요?",
                                           "{a:을/를} {u} 단위로 고치면?",
                                           "{a:은/는} {u:으로/로} 얼마인가요?",
                                           "{a} 몇 {u}?"};
constexpr std::string_view kConvertEn[] = {
    "How many {u} are in {a}?",      "how many {u} in {a}", "Convert {a} to {u}.",  "convert {a} into {u}",
    "What is {a} in {u}?",           "{a} in {u}?",         "{a} is how many {u}?", "Express {a} in {u}.",
    "How many {u} is {a}?",          "Change {a} to {u}.",  "Write {a} in {u}.",    "what's {a} in {u}",
    "Tell me how many {u} make {a}."};

constexpr std::array<std::string_view, 7> kDaysKo = {"월요일", "화요일", "수요일", "목요일",
                                                     "금요일", "토요일", "일요일"};
constexpr std::array<std::string_view, 7> kDaysEn = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                     "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonthsEn = {"January",   "February", "March",    "April",
                                                        "May",       "June",     "July",     "August",
                                                        "September", "October",  "November", "December"};
constexpr std::array<int64_t, 12> kMonthDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

constexpr std::string_view kDayAfterKo[] = {"오늘이 {d}이면 {n}일 후는 무슨 요일이야?",
                                            "오늘은 {d}입니다. {n}일 후는 무슨 요일입니까?",
                                            "{d}에서 {n}일 뒤는 무슨 요일이에요?",
                                            "{d}부터 {n}일 후는 무슨 요일?",
                                            "오늘 {d}인데 {n}일 뒤는 무슨 요일이지?",
                                            "{d} {n}일 후는?",
                                            "오늘이 {d}일 때 {n}일 뒤의 요일을 구하세요.",
                                            "{n}일 후는 무슨 요일인가요? 오늘은 {d}이에요.",
                                            "{d}의 {n}일 뒤 요일 알려줘",
                                            "오늘이 {d}이니까 {n}일 지나면 무슨 요일이야?"};
constexpr std::string_view kDayAfterEn[] = {"Today is {d}. What day is it in {n} days?",
                                            "If today is {d}, what day will it be in {n} days?",
                                            "What day is {n} days after {d}?",
                                            "what day of the week is {n} days after {d}",
                                            "It is {d}. Which weekday comes {n} days later?",
                                            "{n} days after {d} is what day?",
                                            "Starting from {d}, what day is it {n} days later?",
                                            "{d} plus {n} days?",
                                            "Which day is it {n} days from {d}?",
                                            "Today's {d}. What weekday is it after {n} days?"};
constexpr std::string_view kDayBeforeKo[] = {
    "오늘이 {d}이면 {n}일 전은 무슨 요일이야?",    "오늘은 {d}입니다. {n}일 전은 무슨 요일이었습니까?",
    "{d}에서 {n}일 전은 무슨 요일이에요?",         "{d}부터 {n}일 전은 무슨 요일?",
    "오늘 {d}인데 {n}일 전은 무슨 요일이었지?",    "{d} {n}일 전은?",
    "오늘이 {d}일 때 {n}일 전의 요일을 구하세요.", "{n}일 전은 무슨 요일이었나요? 오늘은 {d}이에요."};
constexpr std::string_view kDayBeforeEn[] = {"Today is {d}. What day was it {n} days ago?",
                                             "If today is {d}, what day was it {n} days ago?",
                                             "What day is {n} days before {d}?",
                                             "what day of the week is {n} days before {d}",
                                             "It is {d}. Which weekday was {n} days earlier?",
                                             "{n} days before {d} is what day?",
                                             "Counting back {n} days from {d}, which day is it?",
                                             "{d} minus {n} days?"};
constexpr std::string_view kMonthKo[] = {
    "{m}월은 며칠까지 있어?",      "{m}월은 며칠이에요?",        "{m}월의 날수는?",
    "{m}월은 모두 며칠입니까?",    "{m}월은 몇 일까지야?",       "{m}월에는 날이 며칠 있나요?",
    "{m}월 마지막 날은 며칠이야?", "{m}월은 며칠까지인지 알려줘"};
constexpr std::string_view kMonthEn[] = {"How many days are in {m}?",      "how many days does {m} have",
                                         "How many days does {m} have?",   "Number of days in {m}?",
                                         "{m} has how many days?",         "What is the last day number of {m}?",
                                         "Tell me how many days {m} has.", "How long is {m} in days?"};
constexpr std::string_view kDateKo[] = {"{m}월 {d}일에서 {n}일 후는 몇 월 며칠이야?",
                                        "{m}월 {d}일의 {n}일 뒤는 언제예요?",
                                        "오늘이 {m}월 {d}일이면 {n}일 후는 며칠인가요?",
                                        "{m}월 {d}일부터 {n}일 뒤 날짜는?",
                                        "{m}월 {d}일 {n}일 후는?",
                                        "오늘은 {m}월 {d}일입니다. {n}일 후는 몇 월 며칠입니까?",
                                        "{m}월 {d}일에서 {n}일 지나면 언제야?",
                                        "{n}일 후 날짜를 알려줘. 오늘은 {m}월 {d}일이야."};
constexpr std::string_view kDateEn[] = {
    "What date is {n} days after {m} {d}?",     "Today is {m} {d}. What is the date in {n} days?",
    "what date is it {n} days after {m} {d}",   "If today is {m} {d}, what date is it in {n} days?",
    "{n} days after {m} {d} is which date?",    "{m} {d} plus {n} days?",
    "Which date comes {n} days after {m} {d}?", "It is {m} {d}. Give the date {n} days later."};

constexpr std::string_view kLaterKo[] = {"{t}에서 {d} 후는 몇 시 몇 분이야?",
                                         "지금은 {t}입니다. {d} 후는 몇 시 몇 분입니까?",
                                         "{t}에서 {d} 뒤는 몇 시예요?",
                                         "{t}부터 {d} 후는?",
                                         "지금 {t}인데 {d} 지나면 몇 시야?",
                                         "{t}에 시작해서 {d} 걸리면 몇 시에 끝나요?",
                                         "{t}에 출발해 {d} 가면 몇 시에 도착하나요?",
                                         "{d} 뒤는 몇 시인가요? 지금은 {t:이에요/예요}.",
                                         "{t}의 {d} 후 시각을 구하세요.",
                                         "{t}에서 {d:이/가} 지나면 몇 시 몇 분인가요?"};
constexpr std::string_view kLaterEn[] = {"What time is it {d} after {t}?",
                                         "It is {t}. What time will it be in {d}?",
                                         "what time is {d} after {t}",
                                         "{t} plus {d}?",
                                         "A film starts at {t} and lasts {d}. When does it end?",
                                         "A bus leaves at {t} and drives for {d}. When does it arrive?",
                                         "If it is {t} now, what time is it in {d}?",
                                         "{d} after {t} is what time?",
                                         "Add {d} to {t}.",
                                         "Now it's {t}. What is the time {d} later?"};
constexpr std::string_view kEarlierKo[] = {"{t}에서 {d} 전은 몇 시 몇 분이야?",
                                           "지금은 {t}입니다. {d} 전은 몇 시 몇 분이었습니까?",
                                           "{t}의 {d} 전은 몇 시예요?",
                                           "{t} {d} 전은?",
                                           "지금 {t}인데 {d} 전은 몇 시였어?",
                                           "{t}에 도착했고 {d} 걸렸어요. 몇 시에 출발했나요?",
                                           "{d} 전은 몇 시였나요? 지금은 {t:이에요/예요}.",
                                           "{t}의 {d} 전 시각을 구하세요."};
constexpr std::string_view kEarlierEn[] = {"What time is it {d} before {t}?",
                                           "It is {t}. What time was it {d} ago?",
                                           "what time is {d} before {t}",
                                           "{t} minus {d}?",
                                           "A trip took {d} and ended at {t}. When did it start?",
                                           "If it is {t} now, what time was it {d} ago?",
                                           "{d} before {t} is what time?",
                                           "Now it's {t}. What was the time {d} earlier?"};
constexpr std::string_view kBetweenKo[] = {"{t}부터 {e}까지는 몇 시간 몇 분이야?",
                                           "{t}에서 {e}까지 얼마나 걸려요?",
                                           "{t}에 시작해 {e}에 끝났어요. 얼마나 걸렸나요?",
                                           "{t}부터 {e}까지 시간은?",
                                           "{t:과/와} {e} 사이는 몇 시간 몇 분입니까?",
                                           "{t}에 자서 {e}에 일어나면 얼마나 잔 거야?",
                                           "{t}에 출발해서 {e}에 도착하면 얼마나 걸린 거예요?",
                                           "{t}에서 {e}까지 걸린 시간을 구하세요."};
constexpr std::string_view kBetweenEn[] = {"How long is it from {t} to {e}?",
                                           "how much time is between {t} and {e}",
                                           "How much time passes from {t} to {e}?",
                                           "A class runs from {t} to {e}. How long is it?",
                                           "It starts at {t} and ends at {e}. How long does it last?",
                                           "{t} to {e} is how long?",
                                           "What is the time between {t} and {e}?",
                                           "Find the time from {t} to {e}."};

}  // namespace

void unit_problem(Problem& problem) {
  RandomStream& random = problem.random;
  StepWriter& w = problem.steps;
  const Unit& unit = random.pick(kUnits);
  const bool ko = problem.korean();
  const int64_t factor = factor_of(unit, ko);
  const std::string_view big = ko ? unit.big_ko : unit.big_en, small = ko ? unit.small_ko : unit.small_en;
  const std::string big_name = ko ? std::string(big) : plural(big),
                    small_name = ko ? std::string(small) : plural(small);
  const std::string one = counted(1, big, ko), many = counted(factor, small, ko);
  const int64_t n = random.between(1, random.chance(1, 2) ? std::min<int64_t>(9, unit.most) : unit.most);
  const bool money = small == "원", dozen = unit.big_ko == "다스";
  const uint32_t form = money || dozen ? random.below(7) : random.below(10);
  const auto restate = [&](const std::string& from, const std::string& to) {
    w.text(from + "→" + to);
    w.text(ko ? with_particle(one, "은/는") + " " + many : one + " is " + many);
  };
  if (form < 4) {
    restate(counted(n, big, ko), small_name);
    problem.value = str(w.multiply(n, factor));
    problem.said = counted(n * factor, small, ko);
    problem.ask(kConvertKo, kConvertEn, {{"a", counted(n, big, ko)}, {"u", small_name}});
  } else if (form < 7) {
    restate(counted(n * factor, small, ko), big_name);
    problem.value = str(w.divide(n * factor, factor));
    problem.said = counted(n, big, ko);
    problem.ask(kConvertKo, kConvertEn, {{"a", counted(n * factor, small, ko)}, {"u", big_name}});
  } else if (form < 9) {
    const int64_t rest = random.between(1, factor - 1);
    restate(counted(n, big, ko) + " " + counted(rest, small, ko), small_name);
    const int64_t total = w.add(w.multiply(n, factor), rest);
    problem.value = str(total);
    problem.said = counted(total, small, ko);
    problem.ask(kConvertKo, kConvertEn,
                {{"a", counted(n, big, ko) + " " + counted(rest, small, ko)}, {"u", small_name}});
  } else {
    const int64_t rest = random.between(1, factor - 1);
    const std::string both = ko ? big_name + " 몇 " + small_name : big_name + " and " + small_name;
    restate(counted(n * factor + rest, small, ko), both);
    w.divide_with_remainder(n * factor + rest, factor);
    problem.value = counted(n, big, ko) + " " + counted(rest, small, ko);
    problem.ask(kConvertKo, kConvertEn, {{"a", counted(n * factor + rest, small, ko)}, {"u", both}});
  }
}

namespace {

// From a weekday n days on (or back): the rest of n by 7, then counting the days one by one.
void weekday_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const auto& days = problem.korean() ? kDaysKo : kDaysEn;
  const int64_t start = random.between(0, 6), n = random.between(1, random.chance(1, 2) ? 10 : 100);
  const bool back = random.chance(1, 4);
  int64_t rest = n;
  if (n >= 7) {
    problem.steps.text(std::string(days[static_cast<size_t>(start)]) + (back ? " -" : " +") + str(n));
    rest = problem.steps.divide_with_remainder(n, 7).second;
  }
  // `화요일 -3, 1 월요일, 2 일요일, 3 토요일`: where from, which way and how far stand where the counting begins.
  std::string line = std::string(days[static_cast<size_t>(start)]) + (back ? " -" : " +") + str(rest), wrong = line;
  int64_t day = start;
  for (int64_t i = 1; i <= rest; ++i) {
    day = (day + (back ? 6 : 1)) % 7;
    line += ", " + str(i) + " " + std::string(days[static_cast<size_t>(day)]);
    wrong += ", " + str(i) + " " + std::string(days[static_cast<size_t>(i == rest ? (day + 1) % 7 : day)]);
  }
  problem.steps.line(line, rest > 0 ? wrong : "");
  problem.value = days[static_cast<size_t>(day)];
  const Slots slots = {{"d", std::string(days[static_cast<size_t>(start)])}, {"n", str(n)}};
  if (back) {
    problem.ask(kDayBeforeKo, kDayBeforeEn, slots);
  } else {
    problem.ask(kDayAfterKo, kDayAfterEn, slots);
  }
}

void date_problem(Problem& problem) {
  RandomStream& random = problem.random;
  size_t month = random.below(11);
  if (month >= 1) ++month;  // not February: its length hangs on the year, which the question does not give
  const int64_t days = kMonthDays[month], date = random.between(1, days), n = random.between(1, 25);
  const auto name = [&](size_t m) {
    return problem.korean() ? str(static_cast<int64_t>(m) + 1) : std::string(kMonthsEn[m]);
  };
  const auto written = [&](size_t m, int64_t d) {
    return name(m) + (problem.korean() ? "월 " : " ") + str(d) + problem.say("일", "");
  };
  const std::string length =
      problem.korean() ? name(month) + "월은 " + str(days) + "일" : name(month) + " has " + str(days) + " days";
  problem.steps.text(written(month, date) + " +" + str(n));
  problem.steps.text(length);
  int64_t day = problem.steps.add(date, n);
  size_t reached = month;
  if (day > days) {
    day = problem.steps.subtract(day, days);
    reached = (month + 1) % 12;
  }
  problem.value = written(reached, day);
  problem.steps.text(problem.value);
  problem.ask(kDateKo, kDateEn, {{"m", name(month)}, {"d", str(date)}, {"n", str(n)}});
}

void month_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const size_t month = random.pick(std::vector<size_t>{0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  problem.value = str(kMonthDays[month]);
  problem.said = problem.korean() ? problem.value + "일" : problem.value + " days";
  const std::string name = problem.korean() ? str(static_cast<int64_t>(month) + 1) : std::string(kMonthsEn[month]);
  problem.steps.text(problem.korean() ? name + "월은 " + problem.value + "일"
                                      : name + " has " + problem.value + " days");
  problem.ask(kMonthKo, kMonthEn, {{"m", name}});
}

struct Time {
  int64_t hour, minute;
};

std::string clock_text(const Time& time, bool korean) {
  if (korean) return str(time.hour) + "시" + (time.minute != 0 ? " " + str(time.minute) + "분" : "");
  return str(time.hour) + (time.minute < 10 ? ":0" : ":") + str(time.minute);
}

std::string span_text(int64_t hours, int64_t minutes, bool korean) {
  std::string out;
  if (hours > 0) out = counted(hours, korean ? "시간" : "hour|s", korean);
  if (minutes > 0 || hours == 0) out += (out.empty() ? "" : " ") + counted(minutes, korean ? "분" : "minute|s", korean);
  return out;
}

}  // namespace

void calendar_problem(Problem& problem) {
  const uint32_t form = problem.random.below(10);
  if (form < 5) return weekday_problem(problem);
  if (form < 9) return date_problem(problem);
  month_problem(problem);
}

// Minutes first, with 60 minutes carried into or borrowed from the hours; on a dial of 12 hours.
void clock_problem(Problem& problem) {
  RandomStream& random = problem.random;
  StepWriter& w = problem.steps;
  const bool ko = problem.korean();
  const auto minute = [&] { return random.chance(1, 2) ? random.between(0, 11) * 5 : random.between(0, 59); };
  const Time t{random.between(1, 12), minute()};
  const int64_t hours = random.chance(1, 2) ? 0 : random.between(1, 5);
  const int64_t minutes = hours == 0 ? std::max<int64_t>(1, minute()) : (random.chance(1, 4) ? 0 : minute());
  const std::string in_minutes = problem.say("분: ", "minutes: "), in_hours = problem.say("시: ", "hours: ");
  const uint32_t form = random.below(10);
  if (form < 7) {
    const bool later = form < 5;
    w.text(clock_text(t, false) + (later ? " +" : " -") + clock_text({hours, minutes}, false));
    Time end{t.hour, t.minute};
    if (minutes > 0 && later) {
      w.label(in_minutes);
      end.minute = w.add(t.minute, minutes);
      if (end.minute >= 60) {
        w.label(in_minutes);
        end.minute = w.subtract(end.minute, 60);
        w.label(in_hours);
        end.hour = w.add(end.hour, 1);
      }
    } else if (minutes > 0) {
      int64_t from = t.minute;
      if (from < minutes) {
        w.label(in_minutes);
        from = w.add(from, 60);
        w.label(in_hours);
        end.hour = w.subtract(end.hour, 1);
      }
      w.label(in_minutes);
      end.minute = w.subtract(from, minutes);
    }
    if (hours > 0 && !later && end.hour <= hours) {
      w.label(in_hours);
      end.hour = w.add(end.hour, 12);
    }
    if (hours > 0) {
      w.label(in_hours);
      end.hour = later ? w.add(end.hour, hours) : w.subtract(end.hour, hours);
    }
    if (end.hour > 12) {
      w.label(in_hours);
      end.hour = w.subtract(end.hour, 12);
    }
    if (end.hour == 0) {
      w.label(in_hours);
      end.hour = w.add(0, 12);
    }
    problem.value = clock_text(end, ko);
    w.text(problem.value);
    const Slots slots = {{"t", clock_text(t, ko)}, {"d", span_text(hours, minutes, ko)}};
    if (later) {
      problem.ask(kLaterKo, kLaterEn, slots);
    } else {
      problem.ask(kEarlierKo, kEarlierEn, slots);
    }
    return;
  }
  const int64_t begin = random.between(1, 11);
  const Time from{begin, minute()};
  const Time to{random.between(begin + 1, 12), minute()};
  w.text(clock_text(from, false) + "→" + clock_text(to, false));
  int64_t end_minute = to.minute, end_hour = to.hour;
  if (end_minute < from.minute) {
    w.label(in_minutes);
    end_minute = w.add(end_minute, 60);
    w.label(in_hours);
    end_hour = w.subtract(end_hour, 1);
  }
  w.label(in_minutes);
  const int64_t m = w.subtract(end_minute, from.minute);
  w.label(in_hours);
  const int64_t h = w.subtract(end_hour, from.hour);
  problem.value = span_text(h, m, ko);
  problem.ask(kBetweenKo, kBetweenEn, {{"t", clock_text(from, ko)}, {"e", clock_text(to, ko)}});
}

}  // namespace jamsu::tasks

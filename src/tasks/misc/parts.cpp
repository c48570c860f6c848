// Averages, remainders, percentages, fractions.
#include <vector>

#include "tasks/misc/misc.h"

namespace jamsu::tasks {
namespace {

std::string str(int64_t value) {
  return std::to_string(value);
}

constexpr std::string_view kAverageKo[] = {"{s}의 평균은?",           "{s}의 평균은 얼마야?",
                                           "{s}의 평균을 구하세요.",  "{s}의 평균은 얼마예요?",
                                           "{s} 평균 내줘",           "{s:을/를} 평균하면 얼마인가요?",
                                           "평균을 구해 주세요: {s}", "다음 수의 평균은 얼마입니까? {s}",
                                           "{s} 평균 계산해줘",       "점수가 {s:이면/면} 평균은 몇 점이야?"};
constexpr std::string_view kAverageEn[] = {"What is the average of {s}?",
                                           "what's the average of {s}",
                                           "Find the average of {s}.",
                                           "Average of {s}?",
                                           "Find the mean of {s}.",
                                           "What is the mean of {s}?",
                                           "Compute the mean: {s}",
                                           "calculate the average: {s}",
                                           "The scores are {s}. What is the average?",
                                           "mean of {s}"};
constexpr std::string_view kRemainderKo[] = {"{a:을/를} {b:으로/로} 나눈 나머지는?",
                                             "{a:을/를} {b:으로/로} 나누면 나머지는 얼마야?",
                                             "{a:을/를} {b:으로/로} 나누었을 때 나머지를 구하세요.",
                                             "{a} 나누기 {b}의 나머지는 얼마예요?",
                                             "{a} ÷ {b}의 나머지는?",
                                             "{a:을/를} {b:으로/로} 나누면 얼마가 남아?",
                                             "{a:을/를} {b:으로/로} 나눈 나머지 알려줘",
                                             "{a} 나누기 {b} 나머지는 얼마입니까?"};
constexpr std::string_view kRemainderEn[] = {"What is the remainder when {a} is divided by {b}?",
                                             "what's the remainder of {a} divided by {b}",
                                             "Find the remainder of {a} divided by {b}.",
                                             "Remainder of {a} / {b}?",
                                             "Divide {a} by {b}. What is the remainder?",
                                             "What is left over when you divide {a} by {b}?",
                                             "{a} mod {b}",
                                             "What is {a} modulo {b}?",
                                             "How much remains when {a} is divided by {b}?"};
constexpr std::string_view kBothKo[] = {"{a:을/를} {b:으로/로} 나누면 몫과 나머지는?",
                                        "{a:을/를} {b:으로/로} 나눈 몫과 나머지를 구하세요.",
                                        "{a} ÷ {b}의 몫과 나머지는 얼마예요?",
                                        "{a} 나누기 {b} 몫이랑 나머지 알려줘",
                                        "{a:을/를} {b:으로/로} 나눌 때 몫과 나머지는 각각 얼마야?",
                                        "{a} 나누기 {b}의 몫과 나머지는 무엇인가요?",
                                        "몫과 나머지를 구해 주세요: {a} ÷ {b}",
                                        "{a:을/를} {b:으로/로} 나누면 몫은 얼마이고 나머지는 얼마입니까?"};
constexpr std::string_view kBothEn[] = {"What are the quotient and remainder of {a} divided by {b}?",
                                        "Divide {a} by {b} and give quotient and remainder.",
                                        "quotient and remainder of {a} / {b}",
                                        "Find the quotient and the remainder: {a} ÷ {b}",
                                        "{a} divided by {b}, with remainder?",
                                        "What is {a} / {b} with remainder?",
                                        "Give the quotient and remainder when {a} is divided by {b}.",
                                        "divide {a} by {b} with remainder"};

constexpr std::string_view kPercentOfKo[] = {"{n}의 {p}%는?",
                                             "{n}의 {p}%는 얼마야?",
                                             "{n}의 {p}%는 얼마예요?",
                                             "{n}의 {p}% 계산해줘",
                                             "{n}의 {p}퍼센트는 얼마인가요?",
                                             "{n}의 {p}퍼센트를 구하세요.",
                                             "{n}에서 {p}%는 몇이야?",
                                             "{n}의 {p}%가 얼마인지 알려줘",
                                             "{n}의 {p}%를 알려 주세요.",
                                             "{n} 중 {p}%는 얼마입니까?"};
constexpr std::string_view kPercentOfEn[] = {
    "What is {p}% of {n}?", "what's {p}% of {n}",  "Find {p}% of {n}.",           "Calculate {p}% of {n}.",
    "{p}% of {n}?",         "{p} percent of {n}",  "What is {p} percent of {n}?", "How much is {p}% of {n}?",
    "compute {p}% of {n}",  "Give me {p}% of {n}."};
constexpr std::string_view kDiscountKo[] = {"{n}원짜리를 {p}% 할인하면 얼마야?",
                                            "{n}원에서 {p}% 할인된 가격은?",
                                            "정가 {n}원인 물건을 {p}% 싸게 사면 얼마예요?",
                                            "{n}원의 물건이 {p}% 할인 중이에요. 얼마를 내야 하나요?",
                                            "{p}% 세일하면 {n}원짜리는 얼마가 돼?",
                                            "{n}원에서 {p}%를 깎으면 얼마입니까?",
                                            "원래 {n}원인데 {p}% 할인이래. 얼마지?",
                                            "{n}원의 {p}% 할인가를 구하세요."};
constexpr std::string_view kDiscountEn[] = {"What is {n} dollars after a {p}% discount?",
                                            "A {n} dollar item is {p}% off. What is the price?",
                                            "{p}% off {n} dollars is how much?",
                                            "Take {p}% off {n}.",
                                            "what is {n} minus {p}%",
                                            "The price is {n} dollars with {p}% off. What do I pay?",
                                            "How much is a {n} dollar coat at {p}% off?",
                                            "Reduce {n} by {p}%."};
constexpr std::string_view kWhatPercentKo[] = {
    "{a:은/는} {n}의 몇 %야?",       "{a:은/는} {n}의 몇 퍼센트인가요?",
    "{n} 중 {a:은/는} 몇 %예요?",    "{n}에서 {a:이/가} 차지하는 비율은 몇 %?",
    "{a:은/는} {n}의 몇 %입니까?",   "{n}에 대한 {a}의 백분율은 몇 %야?",
    "{n}명 중 {a}명은 몇 퍼센트야?", "{n}개 중 {a}개는 몇 %인가요?"};
constexpr std::string_view kWhatPercentEn[] = {"{a} is what percent of {n}?",
                                               "What percent of {n} is {a}?",
                                               "what % of {n} is {a}",
                                               "{a} out of {n} is what percent?",
                                               "Express {a} out of {n} as a percentage.",
                                               "{a} of {n} in percent?",
                                               "How many percent of {n} is {a}?",
                                               "Write {a}/{n} as a percent."};

constexpr std::string_view kSimplifyKo[] = {"{f:을/를} 약분해줘",
                                            "{f:을/를} 약분하세요.",
                                            "{f:을/를} 기약분수로 나타내세요.",
                                            "{f} 약분하면?",
                                            "{f:을/를} 약분하면 얼마예요?",
                                            "분수 {f:을/를} 간단히 해 줘.",
                                            "{f:을/를} 기약분수로 바꾸면?",
                                            "{f:을/를} 더 간단한 분수로 써 주세요."};
constexpr std::string_view kSimplifyEn[] = {"Simplify {f}.",
                                            "simplify {f}",
                                            "Reduce {f} to lowest terms.",
                                            "Write {f} in lowest terms.",
                                            "What is {f} in simplest form?",
                                            "Simplify the fraction {f}.",
                                            "reduce {f}",
                                            "Can you simplify {f}?"};
constexpr std::string_view kFractionKo[] = {"{f:은/는}?",
                                            "{f:은/는} 얼마야?",
                                            "{f} 계산해줘",
                                            "{f:을/를} 계산하세요.",
                                            "분수 계산: {f}",
                                            "{f:을/를} 구해 주세요.",
                                            "{f:을/를} 기약분수로 답하세요.",
                                            "{f}의 값은 얼마인가요?",
                                            "{f} 얼마예요?"};
constexpr std::string_view kFractionEn[] = {
    "What is {f}?",       "Compute {f}.",  "calculate {f}", "Work out {f}.",
    "{f} as a fraction?", "Evaluate {f}.", "what's {f}",    "Find {f} in lowest terms.",
    "Please compute {f}."};
constexpr std::string_view kPartKo[] = {"{n}의 {f:은/는}?",
                                        "{n}의 {f:은/는} 얼마야?",
                                        "{n}의 {f:을/를} 구하세요.",
                                        "{n}의 {f:은/는} 얼마예요?",
                                        "{n}의 {f} 계산해줘",
                                        "{n}개의 {f:은/는} 몇 개야?",
                                        "{n}원의 {f:은/는} 얼마입니까?",
                                        "{n}명의 {f:은/는} 몇 명인가요?"};
constexpr std::string_view kPartEn[] = {"What is {f} of {n}?",     "Find {f} of {n}.",     "{f} of {n}?",
                                        "How much is {f} of {n}?", "calculate {f} of {n}", "what's {f} of {n}",
                                        "Work out {f} of {n}.",    "Give me {f} of {n}."};

std::string fraction_text(int64_t n, int64_t d) {
  return d == 1 ? str(n) : str(n) + "/" + str(d);
}

// Divides numerator and denominator by common primes, smallest first; writes each step.
void reduce(Problem& problem, int64_t n, int64_t d) {
  for (int64_t prime : {2, 3, 5, 7, 11, 13}) {
    while (n % prime == 0 && d % prime == 0 && n != 0) {
      const std::string before = fraction_text(n, d);
      n = problem.steps.divide(n, prime);
      d = problem.steps.divide(d, prime);
      problem.steps.line(before + "=" + fraction_text(n, d), before + "=" + fraction_text(n + 1, d));
    }
  }
  problem.value = n == 0 ? "0" : fraction_text(n, d);
}

}  // namespace

void average_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const int64_t count = random.between(2, 5);
  const int64_t largest = random.pick(std::vector<int64_t>{20, 100, 100});
  std::vector<int64_t> numbers;
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += numbers.emplace_back(random.between(1, largest));
  numbers.back() += (count - total % count) % count;  // the average is whole
  int64_t sum = numbers[0];
  std::string list = str(sum);
  for (size_t i = 1; i < numbers.size(); ++i) {
    sum = problem.steps.add(sum, numbers[i]);
    list += ", " + str(numbers[i]);
  }
  problem.value = str(problem.steps.divide(sum, count));
  problem.ask(kAverageKo, kAverageEn, {{"s", list}});
}

void remainder_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const int64_t b = random.chance(3, 4) ? random.between(2, 9) : random.between(10, 40);
  const int64_t a = random.between(b, random.pick(std::vector<int64_t>{99, 99, 999}));
  const bool both = random.chance(1, 2);
  problem.steps.text(str(a) + (both ? " div " : " mod ") + str(b));
  const auto [q, r] = problem.steps.divide_with_remainder(a, b);
  const Slots slots = {{"a", str(a)}, {"b", str(b)}};
  if (r == 0) problem.steps.text(str(a) + "=" + str(b) + "*" + str(q) + "+0");
  if (!both) {
    problem.value = str(r);
    problem.ask(kRemainderKo, kRemainderEn, slots);
  } else {
    problem.value = problem.say("몫 ", "quotient ") + str(q) + problem.say(", 나머지 ", ", remainder ") + str(r);
    problem.ask(kBothKo, kBothEn, slots);
  }
}

void percent_problem(Problem& problem) {
  RandomStream& random = problem.random;
  StepWriter& w = problem.steps;
  const uint32_t form = random.below(10);
  const int64_t p = random.between(1, 19) * 5;
  const int64_t unit = p % 50 == 0 ? 2 : p % 25 == 0 ? 4 : p % 20 == 0 ? 5 : p % 10 == 0 ? 10 : 20;
  if (form < 5) {
    const int64_t n = unit * random.between(1, random.chance(1, 2) ? 40 : 10) * (random.chance(1, 4) ? 10 : 1);
    w.text(str(n) + "*" + str(p) + "%");
    problem.value = str(w.divide(w.multiply(n, p), 100));
    problem.ask(kPercentOfKo, kPercentOfEn, {{"n", str(n)}, {"p", str(p)}});
  } else if (form < 8) {
    const int64_t n = problem.korean() ? random.between(1, 50) * 1000 : unit * random.between(2, 20);
    w.text(str(n) + " -" + str(p) + "%");
    const int64_t off = w.divide(w.multiply(n, p), 100);
    problem.value = str(w.subtract(n, off));
    problem.said = problem.korean() ? problem.value + "원" : "";
    problem.ask(kDiscountKo, kDiscountEn, {{"n", str(n)}, {"p", str(p)}});
  } else {
    const int64_t n = unit * random.between(1, 20);
    const int64_t a = n * p / 100;
    w.text(str(a) + "/" + str(n) + "→%");
    problem.value = str(w.divide(w.multiply(a, 100), n));
    problem.said = problem.value + "%";
    problem.ask(kWhatPercentKo, kWhatPercentEn, {{"n", str(n)}, {"a", str(a)}});
  }
}

void fraction_problem(Problem& problem) {
  RandomStream& random = problem.random;
  StepWriter& w = problem.steps;
  const uint32_t form = random.below(10);
  if (form < 3) {
    const int64_t d = random.between(2, 12), n = random.between(1, d - 1), k = random.between(2, 9);
    w.text(fraction_text(n * k, d * k));
    reduce(problem, n * k, d * k);
    problem.ask(kSimplifyKo, kSimplifyEn, {{"f", fraction_text(n * k, d * k)}});
    return;
  }
  if (form < 5) {
    const int64_t d = random.between(2, 9), n = random.between(1, d - 1), whole = d * random.between(2, 30);
    w.text(str(whole) + "*" + fraction_text(n, d));
    const int64_t share = w.divide(whole, d);
    problem.value = str(n == 1 ? share : w.multiply(share, n));
    problem.ask(kPartKo, kPartEn, {{"f", fraction_text(n, d)}, {"n", str(whole)}});
    return;
  }
  const int64_t d = random.between(2, 10), e = form < 7 ? d : random.between(2, 10);
  int64_t n = random.between(1, d - 1), m = random.between(1, e - 1);
  const uint32_t op = random.below(5);  // + + - - *
  const std::string space = random.chance(1, 2) ? " " : "";
  const auto asked = [&](char sign, int64_t a, int64_t b, int64_t c, int64_t f) {
    const std::string shown = sign == '*' ? (random.chance(1, 2) ? "×" : "*") : std::string(1, sign);
    problem.ask(kFractionKo, kFractionEn,
                {{"f", str(a) + "/" + str(b) + space + shown + space + str(c) + "/" + str(f)}});
    const std::string task = str(a) + "/" + str(b) + sign + str(c) + "/" + str(f);
    w.text(task);
    return task;
  };
  if (op == 4) {
    const std::string task = asked('*', n, d, m, e);
    const int64_t top = w.multiply(n, m), bottom = w.multiply(d, e);
    w.line(task + "=" + str(top) + "/" + str(bottom), task + "=" + str(top) + "/" + str(bottom + 1));
    reduce(problem, top, bottom);
    return;
  }
  const bool minus = op >= 2;
  if (minus && n * e < m * d) {  // the larger one first
    if (d != e) {
      problem.value.clear();
      const std::string task = asked('-', m, e, n, d);
      const int64_t bottom = w.multiply(e, d), a = w.multiply(m, d), b = w.multiply(n, e), top = w.subtract(a, b);
      w.line(task + "=" + str(top) + "/" + str(bottom), task + "=" + str(top + 1) + "/" + str(bottom));
      reduce(problem, top, bottom);
      return;
    }
    std::swap(n, m);
  }
  const std::string task = asked(minus ? '-' : '+', n, d, m, e);
  const int64_t bottom = d == e ? d : w.multiply(d, e);
  const int64_t a = d == e ? n : w.multiply(n, e), b = d == e ? m : w.multiply(m, d);
  const int64_t top = minus ? w.subtract(a, b) : w.add(a, b);
  w.line(task + "=" + str(top) + "/" + str(bottom), task + "=" + str(top + 1) + "/" + str(bottom));
  reduce(problem, top, bottom);
}

}  // namespace jamsu::tasks

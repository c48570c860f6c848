// Equations, sequences, sorting, comparing.
#include <algorithm>
#include <numeric>

#include "tasks/misc/misc.h"

namespace jamsu::tasks {
namespace {

std::string str(int64_t value) {
  return std::to_string(value);
}

std::string joined(const std::vector<int64_t>& numbers, std::string_view between = ", ") {
  std::string out;
  for (int64_t n : numbers) {
    if (!out.empty()) out += between;
    out += str(n);
  }
  return out;
}

constexpr std::string_view kEquationKo[] = {"{q}일 때 {v:은/는}?",
                                            "{q}일 때 {v:은/는} 얼마야?",
                                            "{q}일 때 {v}의 값을 구하세요.",
                                            "{q}에서 {v:은/는} 얼마예요?",
                                            "{q}에서 {v:을/를} 구해줘",
                                            "{q} 풀어줘",
                                            "{q} 풀어 주세요.",
                                            "방정식 {q}의 해는?",
                                            "방정식 {q:을/를} 푸세요.",
                                            "방정식 {q:을/를} 풀어 줘.",
                                            "{q}, {v:은/는}?",
                                            "{q}의 해를 구하시오.",
                                            "{q:을/를} 만족하는 {v:은/는} 얼마입니까?",
                                            "{q}이면 {v:은/는} 얼마지?",
                                            "{q}이라면 {v:은/는} 무엇인가요?",
                                            "{v:을/를} 구해 주세요. {q}",
                                            "일차방정식 {q:을/를} 풀어라.",
                                            "{q:이/가} 되려면 {v:은/는} 얼마여야 해?"};
constexpr std::string_view kEquationEn[] = {"Solve {q}.",
                                            "solve {q}",
                                            "Solve {q} for {v}.",
                                            "solve for {v}: {q}",
                                            "Solve for {v}: {q}",
                                            "What is {v} if {q}?",
                                            "what is {v} when {q}",
                                            "If {q}, what is {v}?",
                                            "If {q}, find {v}.",
                                            "Find {v}: {q}",
                                            "Find {v} if {q}.",
                                            "{q}, {v} = ?",
                                            "Given {q}, what is the value of {v}?",
                                            "What value of {v} satisfies {q}?",
                                            "Can you solve {q}?",
                                            "Please solve the equation {q}.",
                                            "Work out {v} from {q}.",
                                            "{q}. What is {v}?"};

constexpr std::string_view kSequenceKo[] = {"{s}, 다음 수는?",
                                            "{s}, ... 다음에 올 수는?",
                                            "{s} 다음 수는 뭐야?",
                                            "수열 {s}의 다음 항은?",
                                            "{s}, □ 빈칸에 들어갈 수는?",
                                            "규칙을 찾아 다음 수를 구하세요: {s}",
                                            "{s} 다음에는 어떤 수가 와요?",
                                            "{s} 다음에 오는 수를 알려줘.",
                                            "다음 수를 맞혀 봐: {s}",
                                            "{s:으로/로} 이어지는 수열에서 다음 수는 얼마인가요?",
                                            "{s}, ?",
                                            "{s}, ... 다음 숫자 알려 주세요.",
                                            "이 규칙에서 다음 수는? {s}"};
constexpr std::string_view kSequenceEn[] = {"What comes next: {s}?",
                                            "{s}, what comes next?",
                                            "What is the next number: {s}",
                                            "Find the next number: {s}",
                                            "{s}, ... what is the next term?",
                                            "Which number follows {s}?",
                                            "Continue the sequence: {s}",
                                            "Next number? {s}",
                                            "What is the next number in {s}, ...?",
                                            "Complete the pattern: {s}, ?",
                                            "{s}, ?",
                                            "what number is next in {s}",
                                            "Give the next term of the sequence {s}."};

constexpr std::string_view kAscendingKo[] = {
    "{s:을/를} 작은 수부터 차례로 쓰세요.",       "{s} 작은 순서대로 정렬해줘",
    "{s:을/를} 오름차순으로 정렬해 줘.",          "작은 것부터 나열해줘: {s}",
    "{s:을/를} 작은 순으로 나열하세요.",          "오름차순으로 정렬: {s}",
    "다음 수를 작은 것부터 쓰시오. {s}",          "{s:을/를} 작은 순서로 정리해 주세요.",
    "{s:을/를} 작은 수부터 큰 수로 늘어놓아 줘.", "작은 순으로: {s}"};
constexpr std::string_view kDescendingKo[] = {"{s:을/를} 큰 수부터 차례로 쓰세요.",
                                              "{s} 큰 순서대로 정렬해줘",
                                              "{s:을/를} 내림차순으로 정렬해 줘.",
                                              "큰 것부터 나열해줘: {s}",
                                              "{s:을/를} 큰 순으로 나열하세요.",
                                              "내림차순으로 정렬: {s}",
                                              "다음 수를 큰 것부터 쓰시오. {s}",
                                              "{s:을/를} 큰 순서로 정리해 주세요.",
                                              "{s:을/를} 큰 수부터 작은 수로 늘어놓아 줘.",
                                              "큰 순으로: {s}"};
constexpr std::string_view kAscendingEn[] = {"Sort {s} from smallest to largest.",
                                             "Sort in ascending order: {s}",
                                             "sort {s}",
                                             "Put {s} in increasing order.",
                                             "Order these numbers from least to greatest: {s}",
                                             "Arrange {s} from small to large.",
                                             "sort ascending: {s}",
                                             "List {s} starting with the smallest.",
                                             "Can you sort {s} from low to high?",
                                             "Write {s} in ascending order."};
constexpr std::string_view kDescendingEn[] = {"Sort {s} from largest to smallest.",
                                              "Sort in descending order: {s}",
                                              "sort {s} descending",
                                              "Put {s} in decreasing order.",
                                              "Order these numbers from greatest to least: {s}",
                                              "Arrange {s} from large to small.",
                                              "sort descending: {s}",
                                              "List {s} starting with the largest.",
                                              "Can you sort {s} from high to low?",
                                              "Write {s} in descending order."};

constexpr std::string_view kLargerKo[] = {"{s} 중 가장 큰 수는?",
                                          "{s} 중에서 제일 큰 수는 뭐야?",
                                          "{s} 중 가장 큰 것은 무엇인가요?",
                                          "{s} 가운데 가장 큰 수를 고르세요.",
                                          "{s} 중에 뭐가 제일 커?",
                                          "가장 큰 수는? {s}",
                                          "{s}에서 가장 큰 수를 찾아줘.",
                                          "{s} 중 최댓값은?",
                                          "{s} 중 어느 것이 가장 큽니까?",
                                          "{s} 중 제일 큰 거 알려줘"};
constexpr std::string_view kSmallerKo[] = {"{s} 중 가장 작은 수는?",
                                           "{s} 중에서 제일 작은 수는 뭐야?",
                                           "{s} 중 가장 작은 것은 무엇인가요?",
                                           "{s} 가운데 가장 작은 수를 고르세요.",
                                           "{s} 중에 뭐가 제일 작아?",
                                           "가장 작은 수는? {s}",
                                           "{s}에서 가장 작은 수를 찾아줘.",
                                           "{s} 중 최솟값은?",
                                           "{s} 중 어느 것이 가장 작습니까?",
                                           "{s} 중 제일 작은 거 알려줘"};
constexpr std::string_view kLargerEn[] = {"Which is the largest: {s}?",         "Which of {s} is the largest?",
                                          "What is the biggest of {s}?",        "which is bigger: {s}",
                                          "Find the largest of {s}.",           "Pick the greatest number: {s}",
                                          "What is the maximum of {s}?",        "largest of {s}?",
                                          "Which number is the greatest, {s}?", "Tell me the biggest of {s}."};
constexpr std::string_view kSmallerEn[] = {"Which is the smallest: {s}?",     "Which of {s} is the smallest?",
                                           "What is the least of {s}?",       "which is smaller: {s}",
                                           "Find the smallest of {s}.",       "Pick the smallest number: {s}",
                                           "What is the minimum of {s}?",     "smallest of {s}?",
                                           "Which number is the least, {s}?", "Tell me the smallest of {s}."};

std::string coefficient(int64_t k, const std::string& variable) {
  return k == 1 ? variable : str(k) + variable;
}

}  // namespace

void equation_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const uint32_t name = random.below(10);
  const std::string v = name < 7 ? "x" : name < 8 ? "y" : name < 9 ? "n" : (problem.korean() ? "□" : "z");
  const bool small = random.chance(2, 3);
  const int64_t x = random.between(1, small ? 20 : 120);
  const int64_t a = random.chance(1, 3) ? 1 : random.between(2, 12), b = random.between(1, small ? 30 : 200);
  const uint32_t form = random.below(10);
  std::string q;
  StepWriter& w = problem.steps;
  const std::string space = random.chance(1, 2) ? " " : "";
  const auto equation = [&](const std::string& left, const std::string& op, const std::string& right, int64_t value) {
    w.text(left + op + right + "=" + str(value));
    q = left + space + op + space + right + space + "=" + space + str(value);
  };
  const auto solve = [&](int64_t right) {  // a v = right
    if (a > 1) {
      w.label(v + "=");
      w.divide(right, a);
    }
  };
  if (form < 4) {
    equation(coefficient(a, v), "+", str(b), a * x + b);
    w.label(coefficient(a, v) + "=");
    solve(w.subtract(a * x + b, b));
  } else if (form < 7) {
    const int64_t less = std::min(b, a * x - (a * x > 1 ? 1 : 0));
    equation(coefficient(a, v), "-", str(less), a * x - less);
    w.label(coefficient(a, v) + "=");
    solve(w.add(a * x - less, less));
  } else if (form < 8) {
    const int64_t k = random.between(2, 12);
    w.text(str(k) + v + "=" + str(k * x));
    q = str(k) + v + space + "=" + space + str(k * x);
    w.label(v + "=");
    w.divide(k * x, k);
  } else if (form < 9) {
    const int64_t k = random.between(2, 9);
    equation(v, "/", str(k), x);
    w.label(v + "=");
    w.multiply(x, k);
    problem.value = str(x * k);
  } else {  // (a + c) v + b = c v + d
    const int64_t k = random.between(1, 5), m = random.between(1, 9);
    const std::string left = coefficient(k + m, v), right = coefficient(k, v);
    const int64_t d = m * x + b;
    w.text(left + "+" + str(b) + "=" + right + "+" + str(d));
    q = left + space + "+" + space + str(b) + space + "=" + space + right + space + "+" + space + str(d);
    w.subtract(k + m, k);
    w.label(coefficient(m, v) + "=");
    w.subtract(d, b);
    if (m > 1) {
      w.label(v + "=");
      w.divide(m * x, m);
    }
  }
  if (problem.value.empty()) problem.value = str(x);
  problem.ask(kEquationKo, kEquationEn, {{"q", q}, {"v", v}});
}

void sequence_problem(Problem& problem) {
  RandomStream& random = problem.random;
  StepWriter& w = problem.steps;
  std::vector<int64_t> terms;
  const size_t count = static_cast<size_t>(random.between(4, 5));
  const uint32_t form = random.below(10);
  int64_t value = 0;
  // The terms, their differences one by one and in a row; what they show decides how to go on.
  const auto differences = [&](bool falling) {
    w.text(joined(terms));
    std::vector<int64_t> d;
    for (size_t i = 1; i < terms.size(); ++i) {
      d.push_back(falling ? w.subtract(terms[i - 1], terms[i]) : w.subtract(terms[i], terms[i - 1]));
    }
    w.text(joined(d));
    return d;
  };
  if (form < 6) {  // constant difference
    const bool falling = form >= 4;
    const int64_t step = random.between(1, random.chance(1, 2) ? 9 : 30);
    int64_t term = falling ? step * static_cast<int64_t>(count) + random.between(0, 60) : random.between(1, 60);
    for (size_t i = 0; i < count; ++i, term += falling ? -step : step) terms.push_back(term);
    differences(falling);
    value = falling ? w.subtract(terms.back(), step) : w.add(terms.back(), step);
  } else if (form < 8) {  // constant ratio
    const int64_t ratio = random.pick(std::vector<int64_t>{2, 2, 3, 3, 4, 5, 10});
    int64_t term = random.between(1, 9);
    for (size_t i = 0; i < 4; ++i, term *= ratio) terms.push_back(term);
    differences(false);
    w.divide(terms[1], terms[0]);
    value = w.multiply(terms.back(), ratio);
  } else {  // differences that grow by a constant
    int64_t term = random.between(1, 20), step = random.between(1, 5);
    const int64_t growth = random.between(1, 3);
    for (size_t i = 0; i < count; ++i, term += step, step += growth) terms.push_back(term);
    const std::vector<int64_t> d = differences(false);
    w.subtract(d[1], d[0]);
    value = w.add(terms.back(), w.add(d.back(), growth));
  }
  problem.value = str(value);
  problem.ask(kSequenceKo, kSequenceEn, {{"s", joined(terms)}});
}

namespace {

std::vector<int64_t> distinct_numbers(RandomStream& random, size_t count, int64_t largest) {
  std::vector<int64_t> numbers;
  while (numbers.size() < count) {
    const int64_t n = random.between(1, largest);
    if (std::find(numbers.begin(), numbers.end(), n) == numbers.end()) numbers.push_back(n);
  }
  return numbers;
}

}  // namespace

// Takes the smallest (largest) that is left, again and again, by comparing: `45<63, 45>22`, `22 | 45, 63`. The last
// line is the chain 22<45<63.
void sorting_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const bool up = random.chance(3, 5);
  const int64_t largest = random.pick(std::vector<int64_t>{20, 99, 99, 999});
  std::vector<int64_t> rest = distinct_numbers(random, static_cast<size_t>(random.between(3, 6)), largest);
  const Slots slots = {{"s", joined(rest)}};
  problem.steps.text((up ? problem.say("작은 순: ", "up: ") : problem.say("큰 순: ", "down: ")) + joined(rest));
  std::vector<int64_t> done;
  while (rest.size() > 1) {
    int64_t best = rest[0];
    std::string right, wrong;
    const size_t slip = 1 + random.below(static_cast<uint32_t>(rest.size() - 1));
    for (size_t i = 1; i < rest.size(); ++i) {
      const bool less = best < rest[i];
      const std::string between = i == 1 ? "" : ", ", a = str(best), b = str(rest[i]);
      right += between + a + (less ? "<" : ">") + b;
      if (i <= slip) wrong += between + a + (less == (i != slip) ? "<" : ">") + b;
      if (less != up) best = rest[i];
    }
    problem.steps.line(right, wrong);
    rest.erase(std::find(rest.begin(), rest.end(), best));
    done.push_back(best);
    problem.steps.text(str(best) + " | " + joined(rest));
  }
  done.push_back(rest[0]);
  problem.steps.text(joined(done, up ? "<" : ">"));
  problem.value = joined(done);
  if (up) {
    problem.ask(kAscendingKo, kAscendingEn, slots);
  } else {
    problem.ask(kDescendingKo, kDescendingEn, slots);
  }
}

// Two at a time: by length, else digit by digit from the left; after the arrow the one that stays.
void comparing_problem(Problem& problem) {
  RandomStream& random = problem.random;
  const bool larger = random.chance(3, 5);
  const size_t count = static_cast<size_t>(random.between(2, 4));
  const int64_t largest = random.pick(std::vector<int64_t>{99, 999, 9999});
  std::vector<int64_t> numbers = distinct_numbers(random, count, largest);
  if (random.chance(1, 2)) {  // neighbours that share their first digits are the harder ones
    numbers[1] = std::max<int64_t>(1, numbers[0] / 10 * 10 + random.between(0, 9));
    if (std::count(numbers.begin(), numbers.end(), numbers[1]) > 1) numbers = distinct_numbers(random, count, largest);
  }
  problem.steps.text((larger ? problem.say("가장 큰 수: ", "largest: ") : problem.say("가장 작은 수: ", "smallest: ")) +
                     joined(numbers));
  int64_t best = numbers[0];
  for (size_t i = 1; i < numbers.size(); ++i) {
    const std::string a = str(best), b = str(numbers[i]);
    const bool less = best < numbers[i];
    if (a.size() == b.size()) {
      size_t k = 0;
      for (; a[k] == b[k]; ++k) problem.steps.text(std::string(1, a[k]) + "=" + b[k]);
      if (a.size() > 1) problem.steps.text(std::string(1, a[k]) + (less ? "<" : ">") + b[k]);
    }
    if (less == larger) best = numbers[i];
    problem.steps.line(a + (less ? "<" : ">") + b + "→" + str(best),
                       a + (less ? ">" : "<") + b + "→" + (less == larger ? a : b));
  }
  problem.value = str(best);
  if (larger) {
    problem.ask(kLargerKo, kLargerEn, {{"s", joined(numbers)}});
  } else {
    problem.ask(kSmallerKo, kSmallerEn, {{"s", joined(numbers)}});
  }
}

}  // namespace jamsu::tasks

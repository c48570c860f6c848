// Powers, numbers below zero, and the division that has no value.
#include "tasks/misc/misc.h"

namespace jamsu::tasks {
namespace {

constexpr std::string_view kSquareKo[] = {
    "{a}의 제곱은?", "{a}의 제곱은 얼마야?", "{a} 제곱 계산해 줘", "{a}의 제곱을 구하세요.",
    "{a}^2",         "{a}²은 얼마예요?",     "{a}의 2제곱은?",     "{a:을/를} 제곱하면 얼마인가요?",
    "{a} 제곱"};
constexpr std::string_view kSquareEn[] = {
    "What is {a} squared?",       "{a} squared", "{a}^2",           "{a}² = ?",
    "What is the square of {a}?", "Square {a}.", "calculate {a}^2", "How much is {a} squared?",
    "whats {a} squared"};
constexpr std::string_view kCubeKo[] = {
    "{a}의 세제곱은?",  "{a}의 세제곱은 얼마야?", "{a}의 세제곱을 구해 줘",           "{a}^3",
    "{a}³은 얼마예요?", "{a}의 3제곱은?",         "{a:을/를} 세제곱하면 얼마인가요?", "{a} 세제곱"};
constexpr std::string_view kCubeEn[] = {"What is {a} cubed?",       "{a} cubed", "{a}^3",           "{a}³ = ?",
                                        "What is the cube of {a}?", "Cube {a}.", "calculate {a}^3", "whats {a} cubed"};
constexpr std::string_view kPowerKo[] = {
    "{a}의 {n}제곱은?",     "{a}의 {n}제곱은 얼마야?", "{a}의 {n}제곱을 계산해 줘", "{a}^{n}",
    "{a}의 {n}승은?",       "{a}의 {n}승은 얼마예요?", "{a:을/를} {n}번 곱하면?",   "{a}**{n}",
    "{a}^{n:은/는} 얼마야?"};
constexpr std::string_view kPowerEn[] = {"What is {a} to the power of {n}?",
                                         "{a}^{n}",
                                         "{a} to the power of {n}",
                                         "{a}**{n}",
                                         "{a}^{n} = ?",
                                         "Calculate {a} to the power {n}.",
                                         "Raise {a} to the power of {n}.",
                                         "whats {a}^{n}",
                                         "What is {a} raised to {n}?"};
constexpr std::string_view kSignedKo[] = {
    "{e}",        "{e:은/는}?",          "{e} = ?",  "{e:은/는} 얼마야?", "{e} 계산해 줘", "{e:을/를} 계산하세요.",
    "{w:은/는}?", "{w:은/는} 얼마예요?", "{w} 해 줘"};
constexpr std::string_view kSignedEn[] = {"{e}", "{e} = ?",      "What is {e}?",     "whats {e}",  "Calculate {e}.",
                                          "{w}", "What is {w}?", "How much is {w}?", "compute {e}"};
constexpr std::string_view kRiseKo[] = {
    "아침 기온이 영하 {a}도였는데 낮에 {b}도 올랐어요. 낮 기온은 몇 도예요?", "영하 {a}도에서 {b}도 오르면 몇 도야?",
    "기온이 -{a}도였다가 {b}도 올랐습니다. 지금 몇 도입니까?", "새벽에 영하 {a}도였다. {b}도 더 따뜻해지면 몇 도일까?"};
constexpr std::string_view kRiseEn[] = {
    "It was -{a} degrees and it got {b} degrees warmer. What is the temperature now?",
    "The temperature was {a} degrees below zero and rose by {b} degrees. What is it now?",
    "From -{a} degrees it rises {b} degrees. How many degrees is it?",
    "At night it was minus {a} degrees, by noon {b} degrees more. How warm was it at noon?"};
constexpr std::string_view kFallKo[] = {
    "낮 기온이 {a}도였는데 밤에 {b}도 떨어졌어요. 밤 기온은 몇 도예요?", "{a}도에서 {b}도 내려가면 몇 도야?",
    "기온이 {a}도였다가 {b}도 내렸습니다. 지금 몇 도입니까?", "오늘 {a}도인데 내일은 {b}도 더 추워진대. 내일은 몇 도?"};
constexpr std::string_view kFallEn[] = {
    "It was {a} degrees and it got {b} degrees colder. What is the temperature now?",
    "The temperature was {a} degrees and fell by {b} degrees. What is it now?",
    "From {a} degrees it drops {b} degrees. How many degrees is it?",
    "At noon it was {a} degrees, at night {b} degrees less. How cold was it at night?"};
constexpr std::string_view kZeroKo[] = {"{a} 나누기 0은?",
                                        "{a}/0",
                                        "{a}÷0은 얼마야?",
                                        "{a:을/를} 0으로 나누면?",
                                        "{a:을/를} 0으로 나누면 얼마예요?",
                                        "{a}/0 = ?",
                                        "{a} 나누기 0 계산해 줘",
                                        "사탕 {a}개를 0명에게 똑같이 나누어 주면 몇 개씩이야?",
                                        "0으로 {a:을/를} 나눠 줘"};
constexpr std::string_view kZeroEn[] = {"What is {a} divided by 0?",
                                        "{a}/0",
                                        "{a} divided by zero",
                                        "{a} / 0 = ?",
                                        "Divide {a} by 0.",
                                        "whats {a}/0",
                                        "What is {a}/0?",
                                        "can you divide {a} by zero?",
                                        "How much is {a} divided by zero?"};

std::string signed_in_words(int64_t a, char op, int64_t b, bool korean) {
  const auto number = [&](int64_t n) {
    return n >= 0 ? std::to_string(n) : (korean ? "마이너스 " : "minus ") + std::to_string(-n);
  };
  const std::string_view word = op == '+'   ? (korean ? " 더하기 " : " plus ")
                                : op == '-' ? (korean ? " 빼기 " : " minus ")
                                            : (korean ? " 곱하기 " : " times ");
  return number(a) + std::string(word) + number(b);
}

}  // namespace

// Squares, cubes, powers of small numbers: one product after another.
void power_problem(Problem& p) {
  const uint32_t form = p.random.below(10);
  int64_t base = 0, exponent = 2;
  if (form < 4) {
    base = p.random.between(2, p.random.chance(1, 2) ? 20 : 99);
  } else if (form < 7) {
    base = p.random.between(2, 12), exponent = 3;
  } else {
    base = p.random.chance(1, 4) ? 10 : p.random.between(2, 5);
    exponent = p.random.between(3, base == 2 ? 10 : base == 10 ? 6 : 5);
  }
  int64_t value = base;
  for (int64_t i = 1; i < exponent; ++i) value = p.steps.multiply(value, base);
  const Slots slots = {{"a", std::to_string(base)}, {"n", std::to_string(exponent)}};
  if (form < 4) {
    p.ask(kSquareKo, kSquareEn, slots);
  } else if (form < 7) {
    p.ask(kCubeKo, kCubeEn, slots);
  } else {
    p.ask(kPowerKo, kPowerEn, slots);
  }
  p.value = std::to_string(value);
}

// Sums, differences and products of numbers below zero; temperatures.
void signed_problem(Problem& p) {
  RandomStream& random = p.random;
  const uint32_t form = random.below(10);
  int64_t a = random.between(1, random.chance(1, 2) ? 15 : 60), b = random.between(1, random.chance(1, 2) ? 20 : 80);
  int64_t value = 0;
  if (form < 6) {
    const char op = form < 3 ? '+' : form < 5 ? '-' : '*';
    if (op == '*') a = random.between(2, 12), b = random.between(2, 12);
    const uint32_t signs = random.below(3);
    if (signs != 0) b = -b;
    if (signs != 1) a = -a;
    value = op == '+' ? p.steps.add(a, b) : op == '-' ? p.steps.subtract(a, b) : p.steps.multiply(a, b);
    const std::string text = operand(a, true) + op + operand(b);
    p.ask(kSignedKo, kSignedEn, {{"e", text}, {"w", signed_in_words(a, op, b, p.korean())}});
  } else if (form < 8) {
    value = p.steps.add(-a, b);
    p.ask(kRiseKo, kRiseEn, {{"a", std::to_string(a)}, {"b", std::to_string(b)}});
  } else {
    value = p.steps.subtract(a, b);
    p.ask(kFallKo, kFallEn, {{"a", std::to_string(a)}, {"b", std::to_string(b)}});
  }
  p.value = std::to_string(value);
}

// Nothing is computed.
void zero_division_problem(Problem& p) {
  p.ask(kZeroKo, kZeroEn, {{"a", std::to_string(p.random.between(0, p.random.chance(1, 2) ? 30 : 500))}});
  p.value = p.say("0으로 나눌 수 없음", "undefined");
  p.said = p.say("0으로 나눌 수 없음", "undefined: nothing can be divided by zero");
}

}  // namespace jamsu::tasks

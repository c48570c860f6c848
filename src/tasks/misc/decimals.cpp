// Decimals: as whole numbers of tenths or hundredths, and back.
#include "tasks/misc/misc.h"

namespace jamsu::tasks {
namespace {

constexpr std::string_view kAddKo[] = {"{a} 더하기 {b:은/는}?",
                                       "{a}+{b:은/는} 얼마야?",
                                       "{a:이랑/랑} {b:을/를} 더하면?",
                                       "{a:과/와} {b}의 합은 얼마예요?",
                                       "{a}에 {b:을/를} 더해 줘",
                                       "{a}+{b}",
                                       "{a} + {b} = ?",
                                       "{a}+{b} 계산해 주세요.",
                                       "{a:과/와} {b:을/를} 합하면 얼마입니까?",
                                       "{a:이랑/랑} {b} 더해줘"};
constexpr std::string_view kAddEn[] = {"What is {a} plus {b}?", "{a} + {b}",
                                       "{a}+{b} = ?",           "whats {a} + {b}",
                                       "Add {a} and {b}.",      "What is {a} + {b}?",
                                       "{a} plus {b}",          "Find the sum of {a} and {b}.",
                                       "calculate {a}+{b}",     "How much is {a} and {b} together?"};
constexpr std::string_view kSubtractKo[] = {
    "{a} 빼기 {b:은/는}?",   "{a}-{b:은/는} 얼마야?",  "{a}에서 {b:을/를} 빼면?",
    "{a:과/와} {b}의 차는?", "{a}에서 {b} 빼 줘",      "{a}-{b}",
    "{a} - {b} = ?",         "{a}-{b} 계산해 주세요.", "{a:은/는} {b}보다 얼마나 커요?"};
constexpr std::string_view kSubtractEn[] = {
    "What is {a} minus {b}?",        "{a} - {b}",     "{a}-{b} = ?",        "whats {a} - {b}",
    "Subtract {b} from {a}.",        "{a} minus {b}", "What is {a} - {b}?", "calculate {a}-{b}",
    "How much more is {a} than {b}?"};
constexpr std::string_view kMultiplyKo[] = {
    "{a} 곱하기 {b:은/는}?", "{a}×{b:은/는} 얼마야?",  "{a}의 {b}배는?",          "{a}*{b}",
    "{a} x {b} = ?",         "{a}*{b} 계산해 주세요.", "{a:을/를} {b}번 더하면?", "{a}에 {b:을/를} 곱하면 얼마예요?"};
constexpr std::string_view kMultiplyEn[] = {
    "What is {a} times {b}?", "{a} * {b}",     "{a} x {b} = ?",     "whats {a} times {b}",
    "Multiply {a} by {b}.",   "{a} times {b}", "calculate {a}*{b}", "What is {a} x {b}?"};
constexpr std::string_view kLengthKo[] = {"끈이 {a}m 있었는데 {b}m를 잘라 썼어요. 남은 끈은 몇 m예요?",
                                          "물이 {a}L 있습니다. 그중 {b}L를 마셨습니다. 남은 물은 몇 L입니까?",
                                          "설탕 {a}kg 중에서 {b}kg을 썼다. 몇 kg이 남았을까?",
                                          "테이프 {a}m에서 {b}m를 쓰면 몇 m 남아?",
                                          "주스 {a}L에서 {b}L를 따르면 얼마나 남아요?"};
constexpr std::string_view kLengthEn[] = {"A rope is {a} m long and {b} m are cut off. How many meters are left?",
                                          "There are {a} liters of water. {b} liters are used. How many liters remain?",
                                          "A bag holds {a} kg of sugar and we use {b} kg. How many kg are left?",
                                          "From {a} m of tape I used {b} m. How much is left?",
                                          "Of {a} liters of juice {b} liters were drunk. How much is left?"};

// "6.2", "10", "0.05": no zeros at the end.
std::string decimal(int64_t value, int64_t scale) {
  std::string text = std::to_string(value / scale), rest = std::to_string(value % scale);
  while (static_cast<int64_t>(rest.size()) < (scale == 10 ? 1 : 2)) rest.insert(0, "0");
  while (!rest.empty() && rest.back() == '0') rest.pop_back();
  return rest.empty() ? text : text + "." + rest;
}

}  // namespace

// Sums, differences and products with a whole number: each number times 10 or 100, the operation, and back.
void decimal_problem(Problem& p) {
  RandomStream& random = p.random;
  StepWriter& w = p.steps;
  const int64_t scale = random.chance(2, 3) ? 10 : 100;
  const auto draw = [&] {
    // Of hundredths some have tenths alone: 2.75 + 1.5.
    int64_t value = random.between(1, random.chance(1, 2) ? scale * 10 - 1 : scale * 40);
    if (scale == 100 && random.chance(1, 3)) value = value / 10 * 10 + 10;
    return value % scale == 0 ? value + scale / 10 * 5 : value;
  };
  int64_t a = draw(), b = draw();
  const auto whole = [&](int64_t value) {  // `2.5*10=25`
    const std::string left = decimal(value, scale) + "*" + std::to_string(scale) + "=";
    w.line(left + std::to_string(value), left + std::to_string(value * 10));
  };
  const uint32_t form = random.below(10);
  if (form >= 4 && form < 8 && a < b) a += b;
  int64_t result = 0;
  whole(a);
  if (form < 4) {
    whole(b);
    result = w.add(a, b);
    p.ask(kAddKo, kAddEn, {{"a", decimal(a, scale)}, {"b", decimal(b, scale)}});
  } else if (form < 8) {
    whole(b);
    result = w.subtract(a, b);
    const bool story = form == 7 && a != b;
    const Slots slots = {{"a", decimal(a, scale)}, {"b", decimal(b, scale)}};
    story ? p.ask(kLengthKo, kLengthEn, slots) : p.ask(kSubtractKo, kSubtractEn, slots);
  } else {
    b = random.between(2, 9);
    result = w.multiply(a, b);
    p.ask(kMultiplyKo, kMultiplyEn, {{"a", decimal(a, scale)}, {"b", std::to_string(b)}});
  }
  p.value = decimal(result, scale);
  w.line(std::to_string(result) + "/" + std::to_string(scale) + "=" + p.value);
}

}  // namespace jamsu::tasks

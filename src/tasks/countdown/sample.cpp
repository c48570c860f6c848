// Countdown as people ask it.
#include "base/check.h"
#include "tasks/countdown/countdown.h"
#include "tasks/frames.h"

namespace jamsu::tasks {
namespace {

constexpr std::string_view kKorean[] = {
    "{s:을/를} 한 번씩만 써서 {t:을/를} 만들어 줘.",
    "{s:으로/로} {t:을/를} 만드는 식을 찾아줘. 각 수는 한 번만 쓸 수 있어.",
    "숫자 {s:을/를} 이용해 {t:이/가} 되는 식을 쓰세요. 각 숫자는 한 번까지만 쓸 수 있습니다.",
    "{s}, 이 수들과 +, -, *, /로 {t} 만들기. 수마다 한 번씩만!",
    "카운트다운: {s:으로/로} {t:을/를} 만드세요.",
    "카운트다운 문제야. 수는 {s}, 목표는 {t}.",
    "목표: {t}, 쓸 수 있는 수: {s}. 사칙연산으로 목표를 만들어 보세요.",
    "사칙연산만 써서 {s:으로/로} {t:을/를} 만들 수 있어?",
    "{t:을/를} 만들어라. 쓸 수 있는 수는 {s}, 각각 한 번뿐이다.",
    "{s:을/를} 더하고 빼고 곱하고 나누어 {t:이/가} 되게 해 주세요. 같은 수를 두 번 쓰면 안 됩니다.",
    "다음 수로 {t:을/를} 만드는 식은? {s}",
    "수 {s:이/가} 있다. 한 번씩만 써서 {t:이/가} 되는 식을 구하시오.",
    "{s:으로/로} {t:이/가} 나오게 식을 세워 줘",
    "주어진 수 {s}, 목표 수 {t}. 식을 하나 찾아 주세요.",
    "{s} 중에서 골라 한 번씩 써서 {t:을/를} 만드는 방법은?",
    "괄호와 +, -, *, /를 써서 {s:으로/로} {t:을/를} 만들어 보세요."};
constexpr std::string_view kEnglish[] = {
    "Use {s} to make {t}. Each number may be used at most once.",
    "Make {t} from the numbers {s}, each at most once.",
    "Using the numbers {s}, write an expression that equals {t}. Use +, -, *, / and each number only once.",
    "Countdown: numbers {s}, target {t}.",
    "Countdown! Make {t} with {s}.",
    "target {t}, numbers {s}",
    "How can you get {t} from {s}?",
    "Can you make {t} out of {s} with the four operations?",
    "Combine {s} with + - * / so that the result is {t}.",
    "Find an expression with {s} that gives {t}. No number twice.",
    "Reach {t} using {s}; every number may be used once.",
    "Given {s}, find a way to make {t}.",
    "I have the numbers {s}. Help me make {t}, please.",
    "Which expression of {s} equals {t}?",
    "Try to make {t}. You may use {s}, once each, with parentheses if you like.",
    "With {s} and basic arithmetic, make {t}."};

struct Cell {
  std::string_view name;
  size_t count;  // of numbers
};
constexpr Cell kCells[] = {{"countdown3", 3}, {"countdown4", 4}};
constexpr int kSalt = 600;  // countdown's streams among the kinds, plus the count

}  // namespace

std::vector<std::string> countdown_cells() {
  std::vector<std::string> names;
  for (const Cell& cell : kCells) names.emplace_back(cell.name);
  return names;
}

Sample countdown_cell_sample(std::string_view cell, uint64_t index, const GeneratorOptions& options) {
  size_t count = 0;
  for (const Cell& known : kCells)
    if (known.name == cell) count = known.count;
  JAMSU_CHECK(count > 0);
  RandomStream random = sample_stream(index, options, kSalt + static_cast<int>(count));
  Sample sample;
  sample.kind = Kind::countdown;
  sample.language = random.chance(1, 2) ? Language::korean : Language::english;
  sample.cell = cell;
  sample.level = static_cast<int>(count) - 1;
  const bool korean = sample.language == Language::korean;
  CountdownProblem problem;
  do {
    problem = draw_countdown(count, options.split, random);
    std::string numbers;
    for (const int64_t n : problem.numbers) numbers += (numbers.empty() ? "" : ", ") + std::to_string(n);
    const Slots slots = {{"s", numbers}, {"t", std::to_string(problem.target)}};
    const auto frame =
        korean ? pick_frame(kKorean, options.split, random) : pick_frame(kEnglish, options.split, random);
    sample.prompt = fill(frame, slots);
  } while (reserved_prompt(sample.prompt));
  CountdownThinking thinking = think_countdown(problem, sample.language, options.retry_percent, random);
  sample.thinking = std::move(thinking.text);
  sample.answer = korean ? "답은 " + thinking.expression + "입니다." : "The answer is " + thinking.expression + ".";
  sample.value = std::to_string(problem.target);
  sample.numbers = std::move(problem.numbers);
  return sample;
}

}  // namespace jamsu::tasks

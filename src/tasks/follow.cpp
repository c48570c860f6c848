// Kind E: a question about the answer before it.
#include <algorithm>
#include <string>
#include <vector>

#include "tasks/frames.h"
#include "tasks/steps.h"
#include "tasks/tasks.h"
#include "tasks/word/writer.h"

namespace jamsu::tasks {
namespace {

constexpr int kSalt = 600;  // follow's stream among the kinds
constexpr int64_t kMost = 20000;

// {k} so many of the unit ("3개", "3 apples"), {k+} "3 more apples", {n} the number alone, {u} 몇 with the unit ("몇 개").
constexpr std::string_view kMoreKo[] = {"거기에 {k:을/를} 더하면?",
                                        "그럼 {k:이/가} 더 생기면?",
                                        "{k:을/를} 더 받으면 {u:이야/야}?",
                                        "여기서 {k} 더 늘면?",
                                        "그런데 {k:을/를} 더 샀다면 모두 {u:이에요/예요}?",
                                        "{k} 추가하면?",
                                        "그러면 {k:을/를} 더 주면?",
                                        "거기에 {k} 더!",
                                        "그 뒤에 {k:이/가} 더 들어오면 {u}인가요?",
                                        "{k:을/를} 더 얻으면 어떻게 돼?",
                                        "그리고 {k:을/를} 더 만들면?",
                                        "{k} 더 있으면?",
                                        "그럼 {k} 더 사면?",
                                        "거기다 {k:을/를} 합치면 {u}입니까?",
                                        "만약 {k:이/가} 더 많았다면?",
                                        "그다음에 {k:을/를} 더 찾으면 {u}?"};
constexpr std::string_view kMoreEn[] = {"And if {n} more are added?",
                                        "What if {k+} come?",
                                        "Then {n} more come. How many now?",
                                        "plus {n} more?",
                                        "And with {n} more?",
                                        "what if I get {n} more",
                                        "Suppose {n} more arrive. How many then?",
                                        "If I add {n} to that?",
                                        "And {n} more on top?",
                                        "Now add {n}.",
                                        "How many with another {n}?",
                                        "and then {n} more?",
                                        "What would it be with {n} more?",
                                        "Then I find {n} more. How many in total?"};
constexpr std::string_view kFewerKo[] = {"거기서 {k:을/를} 더 먹으면?",
                                         "그럼 거기서 {k:을/를} 빼면?",
                                         "{k:을/를} 친구에게 주면 {u} 남아?",
                                         "{k:을/를} 잃어버리면?",
                                         "그중 {k:을/를} 쓰면 {u} 남아요?",
                                         "거기서 {k} 빼 줘",
                                         "여기서 {k:이/가} 줄면?",
                                         "그런데 {k:이/가} 없어지면?",
                                         "{k:을/를} 팔면 얼마나 남아?",
                                         "그럼 {k:을/를} 돌려주면 {u}인가요?",
                                         "그다음에 {k:을/를} 동생한테 주면?",
                                         "{k} 덜면?",
                                         "그 가운데 {k:이/가} 빠지면 {u}입니까?",
                                         "만약 {k:이/가} 더 적었다면?",
                                         "또 {k:을/를} 쓰면?",
                                         "거기서 {k} 나가면?"};
constexpr std::string_view kFewerEn[] = {"And if {n} are eaten?",
                                         "What if I give away {n}?",
                                         "minus {n}?",
                                         "Then {n} are lost. How many are left?",
                                         "And without {n} of them?",
                                         "what if {n} are taken away",
                                         "If {n} leave, how many stay?",
                                         "Suppose I use {n}. What is left?",
                                         "Now take away {n}.",
                                         "And {n} less?",
                                         "How many if {n} go?",
                                         "and then minus {n}?",
                                         "What remains after {n} are sold?",
                                         "Then I lose {n}. How many do I have?"};
constexpr std::string_view kTimesKo[] = {
    "그것의 {n}배는?",      "그럼 {n}배로 늘리면?",       "그게 {n}배가 되면?",
    "{n}배면 {u:이야/야}?", "그런 것이 {n}개 있다면?",    "거기에 {n:을/를} 곱하면?",
    "{n}배 하면 얼마예요?", "그럼 그 {n}배는 {u}인가요?", "{n:을/를} 곱해 줘"};
constexpr std::string_view kTimesEn[] = {"And {n} times that?",
                                         "What is {n} times as many?",
                                         "times {n}?",
                                         "What if there were {n} times as many?",
                                         "Multiply that by {n}.",
                                         "and if I have {n} times that",
                                         "How many are {n} times that?",
                                         "Now {n} times as much?",
                                         "What about {n} such groups?"};
constexpr std::string_view kShareKo[] = {"그걸 {n}명이 똑같이 나누면?",
                                         "그럼 {n}명에게 똑같이 나눠 주면 한 명당 {u:이야/야}?",
                                         "{n:으로/로} 나누면?",
                                         "{n}명이서 나누면 {u}씩이에요?",
                                         "그것을 {n}묶음으로 나누면?",
                                         "{n:으로/로} 나눠 줘",
                                         "그러면 {n}명이 나누어 가지면?",
                                         "한 사람이 {u}씩 가져? {n}명이야",
                                         "똑같이 {n}등분하면?"};
constexpr std::string_view kShareEn[] = {"And if {n} people share that equally?",
                                         "What if it is split among {n}?",
                                         "divided by {n}?",
                                         "Share it among {n} friends. How many each?",
                                         "Divide that by {n}.",
                                         "and shared by {n}?",
                                         "How many each for {n} children?",
                                         "Now split it into {n} equal parts.",
                                         "What does each of {n} get?"};

struct Chat {
  RandomStream& random;
  const Language language;
  const Split split;
  WordProblem::Counted counted = {};
  int64_t value = 0;

  bool korean() const { return language == Language::korean; }
};

// A problem whose answer is a whole number that can be asked about.
Turn begin(Chat& chat, uint64_t index, const GeneratorOptions& options) {
  GeneratorOptions plain = options;
  plain.retry_percent = 0;
  plain.seed ^= 0x666F6C6C6F77;  // other problems than the kinds' own
  for (uint64_t i = 0;; ++i) {
    const uint64_t at = index * 64 + i;
    Sample sample;
    WordProblem::Counted unit;
    if (chat.random.chance(7, 10)) {
      WordProblem problem = word_problem(at, chat.language, plain, static_cast<int>(chat.random.between(1, 3)));
      sample = std::move(problem.sample);
      unit = problem.counted;
    } else {
      sample = arithmetic_sample(at, plain, 1);
      if (sample.language != chat.language) continue;
    }
    const bool whole = !sample.value.empty() && sample.value.size() < 6 &&
                       sample.value.find_first_not_of("0123456789") == std::string::npos;
    if (!whole || std::stoll(sample.value) < 2) continue;
    chat.counted = unit;
    chat.value = std::stoll(sample.value);
    return {std::move(sample.prompt), std::move(sample.answer)};
  }
}

std::string said(const Chat& chat, int64_t value) {
  const Unit unit = chat.counted.unit();
  const std::string text = unit.one.empty() ? std::to_string(value) : counted(value, unit, chat.language);
  return chat.korean() ? "답은 " + text + "입니다." : "The answer is " + text + ".";
}

// One question more. `steps` gets how it is computed.
Turn follow(Chat& chat, StepWriter& steps) {
  RandomStream& random = chat.random;
  const int64_t now = chat.value;
  const uint32_t draw = random.below(100);
  int64_t n = random.between(1, random.chance(1, 2) ? 9 : 60);
  std::vector<int64_t> divisors;
  for (int64_t d = 2; d <= 9; ++d) {
    if (now % d == 0) divisors.push_back(d);
  }
  steps.named(chat.korean() ? " 다음" : " next", (chat.korean() ? "답=" : "answer=") + std::to_string(now) + ", ");
  std::string_view frame;
  const auto choose = [&](std::span<const std::string_view> ko, std::span<const std::string_view> en) {
    frame = pick_frame(chat.korean() ? ko : en, chat.split, random);
  };
  if (draw < 15 && !divisors.empty()) {
    n = random.pick(divisors);
    choose(kShareKo, kShareEn);
    chat.value = steps.divide(now, n);
  } else if (draw < 30 && now * 9 < kMost) {
    n = random.between(2, 9);
    choose(kTimesKo, kTimesEn);
    chat.value = steps.multiply(now, n);
  } else if (draw < 65 && now > 2) {
    n = random.between(1, std::min<int64_t>(now - 1, n));
    choose(kFewerKo, kFewerEn);
    chat.value = steps.subtract(now, n);
  } else {
    choose(kMoreKo, kMoreEn);
    chat.value = steps.add(now, n);
  }
  const Unit unit = chat.counted.unit();
  const std::string k = unit.one.empty() ? std::to_string(n) : counted(n, unit, chat.language);
  const std::string_view noun = n == 1 ? unit.one : unit.many;
  const std::string more = std::to_string(n) + " more" + (noun.empty() ? "" : " ") + std::string(noun);
  const std::string how_many = unit.korean.empty() ? "몇" : "몇 " + std::string(unit.korean);
  std::string prompt = fill(frame, {{"k", k}, {"k+", more}, {"n", std::to_string(n)}, {"u", how_many}});
  return {std::move(prompt), said(chat, chat.value)};
}

}  // namespace

Sample follow_sample(uint64_t index, const GeneratorOptions& options) {
  RandomStream random = sample_stream(index, options, kSalt);
  Sample sample;
  sample.kind = Kind::follow;
  sample.language = random.chance(1, 2) ? Language::korean : Language::english;
  Chat chat{random, sample.language, options.split};
  sample.before.push_back(begin(chat, index, options));
  if (random.chance(3, 10)) {
    const int64_t first = chat.value;
    StepWriter not_shown(random, 0);
    Turn turn = follow(chat, not_shown);
    if (chat.value >= 2) {
      sample.before.push_back(std::move(turn));
    } else {
      chat.value = first;
    }
  }
  sample.cell = sample.before.size() == 2 ? "second follow-up" : "follow-up";
  StepWriter steps(random, options.retry_percent);
  Turn last = follow(chat, steps);
  sample.prompt = std::move(last.prompt);
  sample.answer = std::move(last.answer);
  sample.thinking = steps.finish();
  sample.value = std::to_string(chat.value);
  return sample;
}

}  // namespace jamsu::tasks

// Countdown: its problems, their thinking, and what counts as an answer.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tasks/split.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

constexpr uint64_t kSamples = 1500;

template <class Function>
void for_each_sample(Split split, int retry_percent, Function function) {
  for (const std::string& cell : countdown_cells())
    for (uint64_t i = 0; i < kSamples; ++i)
      function(countdown_cell_sample(cell, i, {.seed = 11, .split = split, .retry_percent = retry_percent}));
}

// The values that the numbers make, by another way than the generator's: all pairs, all operations, exact fractions.
void reach(std::vector<std::pair<int64_t, int64_t>> hand, std::set<int64_t>& made) {
  for (const auto& [numerator, denominator] : hand)
    if (denominator != 0 && numerator % denominator == 0) made.insert(numerator / denominator);
  for (size_t i = 0; i < hand.size(); ++i)
    for (size_t j = 0; j < hand.size(); ++j) {
      if (i == j) continue;
      const auto [a, b] = hand[i];
      const auto [c, d] = hand[j];
      for (const auto& result :
           {std::pair{a * d + c * b, b * d}, {a * d - c * b, b * d}, {a * c, b * d}, {a * d, b * c}}) {
        if (result.second == 0) continue;
        std::vector<std::pair<int64_t, int64_t>> next = {result};
        for (size_t k = 0; k < hand.size(); ++k)
          if (k != i && k != j) next.push_back(hand[k]);
        reach(next, made);
      }
    }
}

std::string key_of(const Sample& s) {
  std::vector<int64_t> numbers = s.numbers;
  std::sort(numbers.begin(), numbers.end());
  std::string key;
  for (const int64_t n : numbers) key += std::to_string(n) + " ";
  return key + s.value;
}

TEST(Countdown, EveryProblemHasASolutionThatItsThinkingFinds) {
  for (const Split split : {Split::train, Split::unseen}) {
    int bad = 0, turned_back = 0, longest = 0;
    for_each_sample(split, 0, [&](const Sample& s) {
      const Verdict v = verify(s, s.thinking, s.answer);
      std::vector<std::pair<int64_t, int64_t>> hand;
      for (const int64_t n : s.numbers) hand.emplace_back(n, 1);
      std::set<int64_t> made;
      if (hand.size() == 3) reach(hand, made);
      const int64_t target = std::stoll(s.value);
      const bool right =
          v.answer_right && v.all_steps_right() && target >= 10 && target <= 99 &&
          (made.empty() || made.contains(target)) &&
          std::all_of(s.numbers.begin(), s.numbers.end(), [&](int64_t n) { return n >= 1 && n <= 20 && n != target; });
      if (!right && ++bad <= 3) ADD_FAILURE() << s.prompt << "\n" << s.thinking << "\n" << s.answer;
      turned_back += s.thinking.find("back to ") != std::string::npos || s.thinking.find("다시 ") != std::string::npos;
      longest = std::max(longest, static_cast<int>(s.prompt.size() + s.thinking.size() + s.answer.size()));
    });
    EXPECT_EQ(bad, 0);
    EXPECT_GT(turned_back, static_cast<int>(kSamples));  // of 2 kSamples
    EXPECT_LT(longest, 1500);
    std::printf("  longest sample: %d bytes; %d of %d turn back\n", longest, turned_back,
                static_cast<int>(2 * kSamples));
  }
}

// Two numbers and one operation are no problem: the thinking has two or three operations to put together.
TEST(Countdown, NoTwoNumbersMakeTheTarget) {
  for_each_sample(Split::train, 0, [&](const Sample& s) {
    const int64_t target = std::stoll(s.value);
    for (size_t i = 0; i < s.numbers.size(); ++i)
      for (size_t j = 0; j < s.numbers.size(); ++j) {
        if (i == j) continue;
        const int64_t a = s.numbers[i], b = s.numbers[j];
        ASSERT_TRUE(a + b != target && a - b != target && a * b != target) << s.prompt;
      }
  });
}

TEST(Countdown, AWrongLineIsTakenBack) {
  int with_mark = 0;
  for_each_sample(Split::train, 40, [&](const Sample& s) {
    const Verdict v = verify(s, s.thinking, s.answer);
    EXPECT_TRUE(v.answer_right && v.all_steps_right()) << s.thinking;
    const size_t mark = s.thinking.find(kRetryMark);
    if (mark == std::string::npos) return;
    ++with_mark;
    // Without the mark the line before it counts, and it is wrong.
    std::string kept = s.thinking;
    kept.erase(mark, kRetryMark.size());
    EXPECT_FALSE(verify(s, kept, s.answer).all_steps_right()) << s.thinking;
  });
  EXPECT_NEAR(with_mark, 0.4 * 2 * kSamples, 150);
}

TEST(Countdown, ASampleIsAFunctionOfSeedAndIndex) {
  for (const std::string& cell : countdown_cells())
    for (uint64_t i = 0; i < 50; ++i) {
      const Sample a = countdown_cell_sample(cell, i, {.seed = 3}), b = countdown_cell_sample(cell, i, {.seed = 3});
      EXPECT_EQ(a.prompt + a.thinking + a.answer, b.prompt + b.thinking + b.answer);
      EXPECT_NE(a.prompt, countdown_cell_sample(cell, i, {.seed = 4}).prompt);
      EXPECT_EQ(a.kind, Kind::countdown);
      EXPECT_EQ(a.cell, cell);
      EXPECT_EQ(a.numbers.size(), static_cast<size_t>(a.level + 1));
    }
}

TEST(Countdown, UnseenProblemsAreNeverTrained) {
  std::map<Split, std::set<std::string>> keys;
  for (const Split split : {Split::train, Split::unseen})
    for_each_sample(split, 0, [&](const Sample& s) { keys[split].insert(key_of(s)); });
  for (const std::string& key : keys[Split::unseen]) {
    EXPECT_FALSE(keys[Split::train].contains(key)) << key;
    EXPECT_TRUE(held_out(key)) << key;
  }
  EXPECT_GT(keys[Split::unseen].size(), kSamples);
  EXPECT_GT(keys[Split::train].size(), kSamples);
}

// The prompt names the numbers and the target.
TEST(Countdown, PromptsAreWhole) {
  int korean = 0;
  for_each_sample(Split::train, 0, [&](const Sample& s) {
    std::string numbers;
    for (const int64_t n : s.numbers) numbers += (numbers.empty() ? "" : ", ") + std::to_string(n);
    EXPECT_NE(s.prompt.find(numbers), std::string::npos) << s.prompt;
    EXPECT_NE(s.prompt.find(s.value), std::string::npos) << s.prompt;
    EXPECT_EQ(s.prompt.find('{'), std::string::npos) << s.prompt;
    korean += s.language == Language::korean;
  });
  EXPECT_NEAR(korean, kSamples, 150);
}

bool right(std::string_view answer, std::vector<int64_t> numbers = {3, 5, 8, 1, 2}, std::string value = "24") {
  Sample s;
  s.kind = Kind::countdown;
  s.numbers = std::move(numbers);
  s.value = std::move(value);
  return verify(s, "", answer).answer_right;
}

TEST(CountdownVerify, WhatIsRight) {
  const std::vector<std::string> answers = {"3*8",
                                            "The answer is 3*8.",
                                            "답은 3*8입니다.",
                                            "답은 8*(5-2)이에요!",
                                            "답: 8 × 3",
                                            "정답은 8 곱하기 3입니다.",
                                            "Answer: 8 times 3",
                                            "3*8 = 24",
                                            "24 = 3*8",
                                            "The answer is 3*8=24.",
                                            "= 3*8",
                                            "- 3*8",
                                            "**3*8**",
                                            "3*5+8+1",
                                            "The answer is **(5-2)*8**.",
                                            "\\boxed{(5-2) \\times 8}",
                                            "\\boxed{3 \\cdot 8 = 24}",
                                            "#### 3*8",
                                            "8·3",
                                            "8 x 3",
                                            "$8 \\div (2-5/3)$",
                                            "We try 5+8=13.\nThe answer is 8*(5-2).",
                                            "5+8 is 13, too small.\n3*8",
                                            "((3)*(8))",
                                            "The answer is 8*3, I think.",
                                            "“3*8”",
                                            "<think>5+8=13</think>3*8"};
  for (const std::string& answer : answers) EXPECT_TRUE(right(answer)) << answer;
  EXPECT_TRUE(right("\\boxed{\\frac{5+3}{2}*6}", {5, 3, 2, 6}));
  EXPECT_TRUE(right("5+5+14", {5, 5, 14}));  // given twice, used twice
  EXPECT_TRUE(right("-1+25", {1, 25}));
}

TEST(CountdownVerify, Cheats) {
  const std::string digits(10000, '1'), open(10000, '('), close(10000, ')');
  const struct {
    std::string_view what;
    std::vector<std::string> replies;
  } cheats[] = {
      {"nothing", {"", " ", "\n\n", "\\boxed{}", "none"}},
      {"no expression", {"24", "The answer is 24.", "답은 24입니다.", "24 = 24", "24==24", "\\boxed{24}", "x=24"}},
      {"numbers not given",
       {"12*2", "4*6", "48/2", "24*1", "23+1", "20+4", "0+24", "3*8+0", "12+12", "3.0*8+0.0", "2.4*10", "1/0*24"}},
      {"12 of 1 and 2", {"1 2*2", "12*2 = 24", "1_2*2", "1__2*2", "1{}2*2", "1\\,2*2", "1,2*2", "1`2*2"}},
      {"another value",
       {"8-5", "3*8*1*2", "8*5", "3*8=25", "25=3*8", "3*8=24=24", "3+5=8*3", "3*8<24", "3*8>24", "3*8>=24"}},
      {"used twice", {"3*8+5-5", "(8-5)*8/1", "-3+5*8-(5+8)", "3*8*3/3", "2*2*2*3", "8+8+8", "답은 (8-5)*8/1입니다."}},
      {"other digits",
       {"３*８", "３＊８", "٣*٨", "३*८", "三*八", "3*八", "3²+5*3", "8³", "½*48", "3*8٠/10", "3*8십", "③*⑧",
        "3 5 8 1 2 24: the answer is ３*８."}},
      {"other signs",
       {"2**3*3", "2^3*3", "8!/5", "sqrt(8*8)*3", "3*8k", "8e0*3", "3*8%", "50%*48", "|3*8|", "3*8 mod 5", "3*x", "3 8",
        "(3)(8)", "3(8)", "*3*8", "3*8*", "/3*8", "(3*8", "3*8)"}},
      {"length",
       {digits, digits + "*0+24", "3*8+" + digits + "-" + digits, open + "3*8" + close, "3*8" + std::string(10000, '+'),
        std::string(10000, ' ') + "24"}},
      {"the prompt copied",
       {"Use 3, 5, 8, 1, 2 to make 24. Each number may be used at most once.", "3, 5, 8, 1, 2→24",
        "숫자 3, 5, 8, 1, 2를 이용해 24가 되는 식을 쓰세요."}},
      {"thinking alone",
       {"<think>3*8=24</think>", "<think>3*8", "<think>The answer is 3*8.</think>24", "</think><think>3*8</think>"}},
      {"every form",
       {"3*8 or 5+8 or 12*2", "3*8, 8*3, 4*6", "3*8 4*6", "The answer is 3*8 or maybe 4*6.", "3*8 (of 3 and 8)"}},
      {"taken back", {"3*8\n24", "The answer is 3*8. The answer is 24.", "\\boxed{3*8} \\boxed{24}", "\\boxed{3*8"}},
      {"the verifier's words", {"right", "answer_right = true", "The answer is correct.", "verify 24 = 24"}},
      {"no text", {"3*8 \xFF", "\xFF 3*8", "3*8\xED\x95", std::string("3*8\0", 4)}},
  };
  for (const auto& [what, replies] : cheats)
    for (const std::string& reply : replies) EXPECT_FALSE(right(reply)) << what << ": " << reply.substr(0, 80);
  // What stands there would be right without the sign, or is right without an operation.
  EXPECT_FALSE(right("24", {24, 3}));
  EXPECT_FALSE(right("(24)", {24, 3}));
  EXPECT_FALSE(right("50%*48", {50, 48}));
  EXPECT_FALSE(right("sqrt(9)*8", {9, 8}, "72"));
  EXPECT_FALSE(right("|3-11|*9", {3, 11, 9}, "72"));
  EXPECT_FALSE(right("2**3+1", {23, 1}));
  EXPECT_FALSE(right("3!*4", {3, 4}, "12"));
}

// The expression in the thinking alone earns nothing, and a wrong step there costs the answer nothing.
TEST(CountdownVerify, ThinkingIsNoAnswer) {
  const Sample s = countdown_cell_sample("countdown3", 1, {});
  EXPECT_FALSE(verify(s, s.thinking, "").answer_right);
  EXPECT_FALSE(verify(s, s.thinking, s.value).answer_right);
  EXPECT_FALSE(verify(s, s.thinking, s.prompt).answer_right);
  EXPECT_TRUE(verify(s, "1+1=3", s.answer).answer_right);
}

}  // namespace
}  // namespace jamsu::tasks

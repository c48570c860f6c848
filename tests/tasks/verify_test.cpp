// The verifiers on texts written by hand.
#include <gtest/gtest.h>

#include <string>

#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

TEST(Expression, AsPeopleTypeIt) {
  const struct {
    std::string_view text, value;
  } cases[] = {
      {"48+57", "105"},
      {"48 + 57 = ?", "105"},
      {"37 x 12", "444"},
      {"37X12=", "444"},
      {"37×12", "444"},
      {"84÷7?", "12"},
      {"1,000-1", "999"},
      {"9000 minus 1234", "7766"},
      {"12 곱하기 15", "180"},
      {"2 더하기 3 곱하기 4", "14"},
      {"100 나누기 4 빼기 5", "20"},
      {"100 divided by 4 times 2", "50"},
      {"(15 - 6) * 4", "36"},
      {"((2+3)*(4-6))", "-10"},
      {"-5+3", "-2"},
      {"20-(-36)", "56"},
      {"7-10-3", "-6"},
      {"100/5/2", "10"},
      {"9223372036854775806+1", "9223372036854775807"},
      // None of these has a value.
      {"", ""},
      {"   ", ""},
      {"hello", ""},
      {"48+", ""},
      {"*4", ""},
      {"(15-6", ""},
      {"15-6)", ""},
      {"()", ""},
      {"5 5", ""},
      {"12/5", ""},
      {"1/0", ""},
      {"1/(3-3)", ""},
      {"7/2*2", ""},
      {"3x+5", ""},
      {"3x + 5 = 20", ""},
      {"1.5+1", ""},
      {"50%", ""},
      {"12:30+5", ""},
      {"9223372036854775807+1", ""},
      {"99999999999999999999999999999999999999999999", ""},
      {"4611686018427387904*4", ""},
      {"what's 9000 minus 1234", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(evaluate_expression(c.text), c.value) << c.text;
}

TEST(Expression, DeepOrLongTextEndsEmpty) {
  EXPECT_EQ(evaluate_expression(std::string(60, '(') + "1" + std::string(60, ')')), "1");
  EXPECT_EQ(evaluate_expression(std::string(2000, '(') + "1" + std::string(2000, ')')), "");
  EXPECT_EQ(evaluate_expression(std::string(100000, '9')), "");
  EXPECT_EQ(evaluate_expression(std::string(5000, ' ') + "1"), "");
  EXPECT_EQ(evaluate_expression("\xED\x95+\xFF\x00 1"), "");
}

TEST(FinalNumber, TheLastOneInTheAnswer) {
  const struct {
    std::string_view text, value;
  } cases[] = {{"105", "105"},
               {"답은 105입니다.", "105"},
               {"The answer is 1,234,567.", "1234567"},
               {"-5", "-5"},
               {"값은 -5입니다.", "-5"},
               {"2 and 3", "3"},
               {"12.5", "12.5"},
               {"1, 2, 3", "3"},
               {"3-5", ""},  // a range is no number (tests/cases/answers-that-are-right)
               {"−7", "-7"},
               {"없음", ""},
               {"", ""},
               {"1,23", "23"},
               {"5.", "5"}};
  for (const auto& c : cases) EXPECT_EQ(final_number(c.text), c.value) << c.text;
}

Verdict check(std::string_view thinking, std::string value = "1", std::string_view answer = "1") {
  Sample sample;
  sample.value = std::move(value);
  return verify(sample, thinking, answer);
}

void expect_steps(std::string_view thinking, int right, int all) {
  const Verdict v = check(thinking);
  EXPECT_EQ(v.steps, all) << thinking;
  EXPECT_EQ(v.steps_right, right) << thinking;
}

TEST(Verify, EquationsInAnyCompany) {
  expect_steps("7+5=12", 1, 1);
  expect_steps("7+5=13", 0, 1);
  expect_steps("3봉지 * 15개 = 45개", 1, 1);
  expect_steps("사과는 3개 + 4개 = 7개입니다.", 1, 1);
  expect_steps("7 apples + 5 apples = 12 apples.", 1, 1);
  expect_steps("She has 3 bags, so 3 * 15 = 45 marbles and 45 - 7 = 38 are left.", 2, 2);
  expect_steps("8+7=15 4+5+1=10", 2, 2);
  expect_steps("8+7=15→5", 1, 1);
  expect_steps("4*7+5=28+5=33", 2, 2);
  expect_steps("24=7*3+3→3", 1, 1);
  expect_steps("24-7*3=24-21=3→3", 2, 2);
  expect_steps("2-8<0,12-8=4→4", 2, 2);
  expect_steps("2-1<0,12-1=11", 1, 2);
  expect_steps("3<7<12", 2, 2);
  expect_steps("3<7>12", 1, 2);
  expect_steps("1/2+1/3=5/6", 1, 1);
  expect_steps("300*20%=60", 1, 1);
  expect_steps("1,200 x 3 = 3,600원", 1, 1);
  expect_steps("Step 3: -5+7=2", 1, 1);
  expect_steps("1) 9-4=5", 1, 1);
}

TEST(Verify, NotEverythingWithAnEqualsSignIsAStep) {
  expect_steps("3x+5=20", 0, 0);
  expect_steps("□+5=12", 0, 0);
  expect_steps("3x=20-5=15\nx=15/3=5", 2, 2);
  expect_steps("값은 모른다 = 정말", 0, 0);
  expect_steps("", 0, 0);
  EXPECT_FALSE(check("").all_steps_right());
}

TEST(Verify, AnOpenOperationIsClosedByItsResult) {
  expect_steps("남은 구슬: 23-8\n13-8=5→5\n2-0-1=1\n=15", 3, 3);
  expect_steps("남은 구슬: 23-8\n13-8=5→5\n2-0-1=1\n=14", 2, 3);
  expect_steps("(48+57)*3-12\n48+57\n=105\n=105*3-12\n105*3\n=315\n=315-12\n=303", 5, 5);
  expect_steps("(48+57)*3-12\n48+57\n=105\n=106*3-12\n106*3\n=318\n=318-12\n=306", 2, 5);
  expect_steps("12-48=-(48-12)\n=-36", 2, 2);
  expect_steps("23*9\n=207>187", 2, 2);
  expect_steps("23*8\n=184>187", 1, 2);
  expect_steps("=5", 0, 1);
}

TEST(Verify, ANameStandsForOneValue) {
  expect_steps(" Tom=14\n Sue: Tom=14, 14+5\n4+5=9→9\n1+0=1\n Sue=19", 5, 5);
  expect_steps(" Tom=14\n Sue: Tom=14, 14+5\n4+5=9→9\n1+0=1\n Sue=18", 4, 5);              // wrongly closed
  expect_steps(" Tom=14\n Sue: Tom=15, 15+5\n5+5=10→0\n1+0+1=2\n Sue=20", 4, 5);           // not what was said of Tom
  expect_steps(" Tom=14\n Sue: Tom=14, 15+5\n5+5=10→0\n1+0+1=2\n Sue=20", 4, 5);           // recalls one, adds another
  expect_steps(" 민수: 민수=9, 9+1\n 민수=10\n 합: 민수=10, 지우=2, 10+2\n 합=12", 6, 6);  // 지우 is told in passing
  expect_steps(" 민수: 민수=9, 9+1\n 민수=10\n 합: 민수=9, 지우=2, 9+2\n 합=11", 5, 6);    // the value before the last
  expect_steps(" 민수=9\n 민수? \n 민수=9", 1, 1);
  expect_steps(" 민수=9\n 민수=8", 0, 1);
  expect_steps(" each: sum=115, 115/5\n11-5*2=11-10=1→2|5\n15-5*3=15-15=0\n each=23", 6, 6);
}

TEST(Verify, WhatTheMarkTakesBackIsNotCounted) {
  expect_steps("48+57\n8+7=14→4\n<|retry|>8+7=15→5\n4+5+1=10\n=105", 3, 3);
  expect_steps("48+57\n8+7=15→5\n4+5+1=10\n=115\n<|retry|>=105", 3, 3);
  expect_steps("7+5=13<|retry|>7+5=12", 1, 1);
  expect_steps("7+5=12\n7+6=14\n<|retry|>7+6=14", 1, 2);  // the correction is wrong
  expect_steps("<|retry|>7+5=12", 1, 1);
}

TEST(Verify, CountingAloudIsAStepOfItsKinds) {
  Sample sample;
  sample.cell = "counting";
  sample.value = "2";
  const auto right = [&](std::string_view thinking) { return verify(sample, thinking, "2").all_steps_right(); };
  EXPECT_TRUE(right("1 b, 2 a, 3 n"));
  EXPECT_TRUE(right("Monday, 1 Tuesday, 2 Wednesday"));
  EXPECT_FALSE(right("1 b, 3 a, 4 n"));
  EXPECT_TRUE(right("l 0, e 0, t 1, t 2, e 2"));
  EXPECT_FALSE(right("l 0, e 0, t 1, t 1, e 1"));
  EXPECT_FALSE(right("l 0, e 1, t 2, t 3, e 3"));
  EXPECT_FALSE(right("t 0, e 0, t 1"));
  sample.cell = "word";
  EXPECT_EQ(verify(sample, "1 b, 3 a", "2").steps, 0);
}

TEST(Verify, AnswerMustHoldTheValue) {
  EXPECT_TRUE(check("", "105", "답은 105입니다.").answer_right);
  EXPECT_TRUE(check("", "9000", "It costs 9,000 won.").answer_right);
  EXPECT_FALSE(check("", "105", "답은 1050입니다.").answer_right);
  EXPECT_FALSE(check("", "105", "답은 -105입니다.").answer_right);
  EXPECT_FALSE(check("", "105", "").answer_right);
  EXPECT_TRUE(check("", "3/4", "답은 3/4입니다.").answer_right);
  EXPECT_FALSE(check("", "3/4", "답은 13/4입니다.").answer_right);
  EXPECT_FALSE(check("", "3/4", "답은 3/44입니다.").answer_right);
  EXPECT_TRUE(check("", "금요일", "답은 금요일입니다.").answer_right);
  EXPECT_FALSE(check("", "금요일", "답은 토요일입니다.").answer_right);
  EXPECT_TRUE(check("", "12:30", "The answer is 12:30.").answer_right);
  EXPECT_FALSE(check("", "2:30", "The answer is 12:30.").answer_right);
  EXPECT_TRUE(check("", "3, 7, 12", "답은 3, 7, 12입니다.").answer_right);
  EXPECT_FALSE(check("", "3, 7, 12", "답은 3, 7, 12, 15입니다.").answer_right);
}

}  // namespace
}  // namespace jamsu::tasks

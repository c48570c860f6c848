// Counting planted replies, and the interval against published values.
#include "eval/tally.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace jamsu::eval {
namespace {

using boost::json::object;

tasks::Sample problem(const std::string& value, const std::string& cell = "add") {
  tasks::Sample s;
  s.kind = tasks::Kind::arithmetic;
  s.cell = cell;
  s.prompt = "?";
  s.value = value;
  return s;
}
session::Reply says(const std::string& content, const std::string& reasoning = "", int64_t tokens = 1) {
  session::Reply r;
  r.content = content;
  r.reasoning = reasoning;
  r.done.output_tokens = tokens;
  return r;
}

// Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3: the score interval without continuity
// correction, to its four decimals.
TEST(Wilson, EqualsNewcombesTable) {
  const struct {
    int64_t right, problems;
    double low, high;
  } published[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (const auto& p : published) {
    const Interval i = wilson(p.right, p.problems);
    EXPECT_NEAR(i.low, p.low, 5e-5) << p.right << "/" << p.problems;
    EXPECT_NEAR(i.high, p.high, 5e-5) << p.right << "/" << p.problems;
  }
}

TEST(Wilson, IsMirroredStaysWithinBoundsAndNarrows) {
  const Interval all = wilson(20, 20), none = wilson(0, 20), nothing = wilson(0, 0);
  EXPECT_NEAR(all.low, 1 - none.high, 1e-12);
  EXPECT_EQ(all.high, 1);
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(nothing.low, 0);
  EXPECT_EQ(nothing.high, 1);
  const Interval few = wilson(5, 10), many = wilson(500, 1000);
  EXPECT_LT(many.high - many.low, (few.high - few.low) / 5);
}

TEST(Tally, CountsTheFirstSamplePassAndMajorityApart) {
  Tally tally("A");
  // First right, majority wrong.
  tally.add(problem("5"), 0, {says("5"), says("6"), says("6")});
  // First wrong, majority right.
  tally.add(problem("5"), 1, {says("4"), says("5"), says("5")});
  // One right among three different: passes; of equally frequent values the first counts, which is wrong.
  tally.add(problem("5"), 2, {says("7"), says("8"), says("5")});
  // None right.
  tally.add(problem("5"), 3, {says("1"), says("2"), says("2")});
  const Report r = tally.report();
  EXPECT_EQ(r.name, "A");
  EXPECT_EQ(r.problems, 4);
  EXPECT_EQ(r.right, 1);
  EXPECT_EQ(r.pass_at_k, 3);
  EXPECT_EQ(r.majority_at_k, 1);
}

TEST(Tally, TheMajorityIsOfFinalNumbersNotOfWordings) {
  Tally tally("A");
  tally.add(problem("1200"), 0, {says("9"), says("It is 1,200 won."), says("1200원이에요."), says("9 8")});
  EXPECT_EQ(tally.report().majority_at_k, 1);  // 1200 twice, though worded differently
  // Where the value is no number, whole answers vote.
  Tally days("C");
  days.add(problem("금요일"), 0, {says("월요일"), says("금요일"), says("금요일")});
  EXPECT_EQ(days.report().majority_at_k, 1);
}

TEST(Tally, CellsHoldTheFirstSamplesAndAreSortedByName) {
  Tally tally("A");
  tally.add(problem("1", "mul"), 0, {says("1"), says("2")});
  tally.add(problem("1", "add"), 1, {says("2"), says("1")});
  tally.add(problem("1", "mul"), 2, {says("1"), says("1")});
  const Report r = tally.report();
  ASSERT_EQ(r.cells.size(), 2u);
  EXPECT_EQ(r.cells[0].name, "add");
  EXPECT_EQ(r.cells[0].problems, 1);
  EXPECT_EQ(r.cells[0].right, 0);
  EXPECT_EQ(r.cells[1].name, "mul");
  EXPECT_EQ(r.cells[1].problems, 2);
  EXPECT_EQ(r.cells[1].right, 2);
}

TEST(Tally, StepsCountForRightAnswersThatShowThem) {
  Tally tally("A");
  tally.add(problem("12"), 0, {says("12", "7+5=12")});
  tally.add(problem("12"), 1, {says("12", "7+5=13")});                   // right by luck: a step is wrong
  tally.add(problem("12"), 2, {says("12", "7+5=13\n<|retry|>7+5=12")});  // taken back
  tally.add(problem("12"), 3, {says("12")});                             // no steps
  tally.add(problem("12"), 4, {says("11", "7+5=12")});                   // wrong answer: not asked
  const Report r = tally.report();
  EXPECT_EQ(r.right, 4);
  EXPECT_EQ(r.with_steps, 3);
  EXPECT_EQ(r.steps_verified, 2);
}

TEST(Tally, ErrorsAndCutRepliesAreCountedAndErrorsAreNeverRight) {
  Tally tally("A");
  session::Reply cut = says("5", "", 30), broken = says("5", "", 2);
  cut.done.reason = engine::FinishReason::length;
  broken.done.reason = engine::FinishReason::error;
  broken.done.error = "prompt: too long";
  tally.add(problem("5"), 0, {cut, broken});
  tally.add(problem("5"), 1, {broken, broken});
  const Report r = tally.report();
  EXPECT_EQ(r.truncated, 1);
  EXPECT_EQ(r.errors, 3);
  EXPECT_EQ(r.right, 1);
  EXPECT_EQ(r.pass_at_k, 1);
  EXPECT_EQ(r.tokens, 36);
}

TEST(Tally, OneItemASampleTellsEverything) {
  std::vector<object> items;
  Tally tally("B ko", [&](const object& item) { items.push_back(item); });
  session::Reply broken = says("");
  broken.done.error = "no room";
  tally.add(problem("12", "word ko 1 step"), 7, {says("12개", "7+5=12", 9), broken});
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(
      boost::json::serialize(items[0]),
      R"({"set":"B ko","index":7,"sample":0,"cell":"word ko 1 step","prompt":"?","reasoning":"7+5=12","content":"12개",)"
      R"("value":"12","answer":"12","right":true,"steps":1,"steps_right":1,"tokens":9})");
  EXPECT_EQ(items[1].at("sample").to_number<int>(), 1);
  EXPECT_FALSE(items[1].at("right").as_bool());
  EXPECT_EQ(items[1].at("error").as_string(), "no room");
  EXPECT_FALSE(items[0].contains("error"));
}

}  // namespace
}  // namespace jamsu::eval

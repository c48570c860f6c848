// Answers against the judgements that a person gave them (answers.jsonl, README.md).
#include "tasks/answer/answer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <string>

#include "tasks/answer/exact.h"
#include "tasks/answer/plain_text.h"
#include "tasks/tasks.h"

namespace jamsu::tasks {
namespace {

TEST(Answers, AreJudgedAsInTheTable) {
  std::ifstream file(JAMSU_SOURCE_DIR "/tests/tasks/answers.jsonl");
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const boost::json::object row = boost::json::parse(line).as_object();
    const std::string given(row.at("given").as_string()), expected(row.at("expected").as_string());
    EXPECT_EQ(answer_is(given, expected), row.at("right").as_bool()) << given << " against " << expected;
  }
  EXPECT_GE(rows, 200);
}

// What a reply said is the same whoever wrote it down: a right pair is right in the other direction too, where both are
// answers and no sentences.
TEST(Answers, OfVotesAreEqualByValue) {
  const auto same = [](std::string_view a, std::string_view b) { return same_answer(read_answer(a), read_answer(b)); };
  EXPECT_TRUE(same("The answer is 5.", "\\boxed{5.0}"));
  EXPECT_TRUE(same("1/2", "0.5"));
  EXPECT_TRUE(same("(A)", "a"));
  EXPECT_FALSE(same("5", "6"));
  EXPECT_FALSE(same("5", "none"));
  EXPECT_FALSE(same("3:15", "15"));
}

// A fraction that was to be reduced counts in lowest terms alone.
TEST(Answers, OfFractionsThatAreReducedHaveAForm) {
  Sample sample;
  sample.value = "3/4";
  EXPECT_TRUE(verify(sample, "", "6/8").answer_right);
  sample.cell = "fraction";
  EXPECT_FALSE(verify(sample, "", "6/8").answer_right);
  EXPECT_TRUE(verify(sample, "", "3/4입니다.").answer_right);
}

// "How many thousands are 9000 won?" is answered in thousands; elsewhere 9천 is 9000.
TEST(Answers, InTheUnitThatWasAskedFor) {
  Sample sample;
  sample.value = "9";
  EXPECT_FALSE(verify(sample, "", "답은 9천 원입니다.").answer_right);
  sample.cell = "unit";
  EXPECT_TRUE(verify(sample, "", "답은 9천 원입니다.").answer_right);
  EXPECT_FALSE(verify(sample, "", "답은 8천 원입니다.").answer_right);
  EXPECT_FALSE(verify(sample, "", "답은 90천 원입니다.").answer_right);
  sample.value = "9000";
  EXPECT_TRUE(verify(sample, "", "답은 9000원입니다.").answer_right);
}

TEST(Exact, IsExactOrNothing) {
  EXPECT_EQ(to_text(*from_digits("0.10")), "0.1");
  EXPECT_EQ(to_text(*exact(-7, 2)), "-3.5");
  EXPECT_EQ(to_text(*exact(2, 6)), "1/3");
  EXPECT_EQ(to_text(*from_digits("123456789012345678901234567890")), "123456789012345678901234567890");
  EXPECT_FALSE(from_digits(std::string(40, '9')));
  EXPECT_FALSE(from_digits("1.2.3"));
  EXPECT_FALSE(from_digits("."));
  EXPECT_FALSE(exact(1, 0));
  EXPECT_FALSE(power({10, 1}, 40));
  EXPECT_FALSE(power({10, 1}, int64_t{1} << 62));
  EXPECT_EQ(power({2, 1}, -2), exact(1, 4));
  EXPECT_FALSE(power({0, 1}, -1));
}

TEST(PlainText, TakesAnyBytes) {
  EXPECT_EQ(plain_text("\\"), "\\");
  EXPECT_EQ(plain_text("\\frac{1}"), "\\frac1");
  EXPECT_EQ(plain_text("\\frac{{{"), "\\frac");
  EXPECT_EQ(plain_text("\xEF\xBC"), "\xEF\xBC");
  for (int seed = 0; seed < 2000; ++seed) {  // cut and spliced pieces of all that is read
    static constexpr std::string_view kPieces[] = {
        "\\boxed{", "}", "\\frac", "{1}",  "12", ",345", "1e9",        "answer is ", "####", "삼십", "만", "$",
        " ",        "-", "½",      "\xFF", ".",  "%",    "twenty-one", "\\,",        "10^",  "분의", "=",  "\n"};
    std::string text;
    for (unsigned i = 0, x = static_cast<unsigned>(seed) * 2654435761u; i < 12; ++i, x = x * 1664525u + 1013904223u)
      text += kPieces[(x >> 16) % std::size(kPieces)].substr(0, (x >> 8) % 12 + 1);
    const Answer answer = read_answer(text);
    EXPECT_TRUE(same_answer(answer, answer)) << text;
    (void)answer_is(text, text);
  }
}

}  // namespace
}  // namespace jamsu::tasks

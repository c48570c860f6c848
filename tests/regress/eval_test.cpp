// jamsu eval, with the shipped model.
#include <fstream>

#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

using Eval = ProgramTest;

std::vector<std::string> names(const std::vector<boost::json::object>& reports) {
  std::vector<std::string> out;
  for (const auto& r : reports) out.emplace_back(r.at("set").as_string());
  return out;
}

TEST_F(Eval, JsonHoldsCountsAndIntervals) {
  const Ended ended = jamsu({"eval", "--sets", "A,C", "--problems", "6", "--json"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto reports = ended.lines();
  ASSERT_EQ(names(reports), (std::vector<std::string>{"A", "C"}));
  for (const auto& r : reports) {
    EXPECT_EQ(r.at("problems").as_int64(), 6);
    const double share = static_cast<double>(r.at("right").as_int64()) / 6;
    for (const char* interval : {"interval", "pass_at_k_interval", "majority_at_k_interval"}) {
      const auto& bounds = r.at(interval).as_array();
      ASSERT_EQ(bounds.size(), 2u);
      EXPECT_LE(bounds[0].to_number<double>(), share);
      EXPECT_GE(bounds[1].to_number<double>(), share);
    }
    int64_t problems = 0;
    for (const auto& cell : r.at("cells").as_object()) {
      problems += cell.value().at("problems").as_int64();
      EXPECT_EQ(cell.value().at("interval").as_array().size(), 2u);
    }
    EXPECT_EQ(problems, 6);
  }
}

TEST_F(Eval, ShowsTheUnseenSetsApartByDefault) {
  const Ended all = jamsu({"eval", "--problems", "1", "--json", "--max-tokens", "4"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(names(all.lines()), (std::vector<std::string>{"A", "B ko", "B en", "B longer", "C", "D", "E", "A unseen",
                                                          "B ko unseen", "B en unseen", "C unseen", "E unseen"}));
  const Ended unseen = jamsu({"eval", "--unseen", "--problems", "1", "--json", "--max-tokens", "4"});
  EXPECT_EQ(names(unseen.lines()),
            (std::vector<std::string>{"D", "A unseen", "B ko unseen", "B en unseen", "C unseen", "E unseen"}));
}

TEST_F(Eval, AnUnknownSetIsNamed) {
  const Ended ended = jamsu({"eval", "--sets", "A,Z", "--problems", "1"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "\"Z\" is none of A, B ko,")) << ended.err;
  EXPECT_EQ(jamsu({"eval", "--sets", "A", "--unseen"}).code, 2);
}

TEST_F(Eval, ATableForPeople) {
  const Ended ended = jamsu({"eval", "--sets", "B ko unseen", "--problems", "8", "-k", "2", "--temperature", "1",
                             "--max-tokens", "30", "--cells"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* part : {"B ko unseen ", " of 8 ", "pass@2", "maj@2", "word ko 1 step ", "word ko 8 steps", "cut "})
    EXPECT_TRUE(contains(ended.out, part)) << part << "\n" << ended.out;
}

TEST_F(Eval, ItemsAreWrittenALineEach) {
  const std::string path = folder_ / "items.jsonl";
  const Ended ended = jamsu({"eval", "--sets", "A", "--problems", "3", "-k", "2", "--temperature", "1", "--items", path,
                             "--max-tokens", "60"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto lines = Ended{.code = 0, .out = *read_file(path), .err = {}}.lines();
  ASSERT_EQ(lines.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(lines[i].at("index").to_number<size_t>(), i / 2);
    EXPECT_EQ(lines[i].at("sample").to_number<size_t>(), i % 2);
    EXPECT_FALSE(lines[i].at("prompt").as_string().empty());
  }
}

TEST_F(Eval, ItemsThatCannotBeWrittenAreAnError) {
  const Ended full = jamsu({"eval", "--sets", "A", "--problems", "2", "--items", "/dev/full", "--max-tokens", "8"});
  EXPECT_EQ(full.code, 1);
  EXPECT_TRUE(contains(full.err, "/dev/full: cannot be written: No space left on device")) << full.err;
  const Ended folder = jamsu({"eval", "--sets", "A", "--problems", "2", "--items", folder_ / "no/items.jsonl"});
  EXPECT_EQ(folder.code, 1);
  EXPECT_TRUE(contains(folder.err, "no/items.jsonl: cannot be written")) << folder.err;
}

TEST_F(Eval, AFileOfQuestions) {
  const std::string path =
      file("q.jsonl",
           "{\"prompt\": \"7+5\", \"answer\": \"12\"}\n{\"question\": \"2+3\", \"answer\": \"so\\n#### 1,005\"}\n");
  const Ended ended = jamsu({"eval", "--task", "qa", path, "--json"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto reports = ended.lines();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].at("problems").as_int64(), 2);
  EXPECT_EQ(reports[0].at("right").as_int64(), 1);  // 2+3 is not 1005
  const struct {
    const char *content, *expected;
  } bad[] = {
      {"{\"prompt\": \"a\"}\n", "bad.jsonl:1"}, {"\nnonsense\n", "bad.jsonl:2"}, {"", "bad.jsonl: no questions"}};
  for (const auto& b : bad) {
    const Ended refused = jamsu({"eval", "--task", "gsm8k", file("bad.jsonl", b.content)});
    EXPECT_EQ(refused.code, 1);
    EXPECT_TRUE(contains(refused.err, b.expected)) << refused.err;
  }
}

TEST_F(Eval, ChoicesPerplexityAndTheExactPrompt) {
  const std::string choices =
      file("c.jsonl",
           "{\"prompt\": \"7+5\", \"choices\": [\"답은 12입니다.\", \"xq\"], \"answer\": \"A\"}\n"
           "{\"prompt\": \"2+3\", \"choices\": [\"5\", \"6\"], \"answer\": 0}\n");
  const Ended chosen = jamsu({"eval", "--task", "choice", choices, "--json", "--items", folder_ / "items.jsonl"});
  EXPECT_EQ(chosen.code, 0) << chosen.err;
  ASSERT_EQ(chosen.lines().size(), 1u);
  EXPECT_EQ(chosen.lines()[0].at("problems").as_int64(), 2);
  EXPECT_EQ((Ended{.code = 0, .out = *read_file(folder_ / "items.jsonl"), .err = {}}.lines().size()), 2u);
  const Ended prompt = jamsu({"eval", "--task", "choice", choices, "--show-item", "1"});
  EXPECT_EQ(prompt.code, 0) << prompt.err;
  EXPECT_TRUE(contains(prompt.out, "2+3")) << prompt.out;
  EXPECT_EQ(jamsu({"eval", "--task", "choice", choices, "--show-item", "2"}).code, 1);

  const std::string text = file("t.txt", "민수는 사과를 7개 가지고 있습니다. Tom has 14 apples.");
  const Ended whole = jamsu({"eval", "--task", "perplexity", text, "--json"});
  EXPECT_EQ(whole.code, 0) << whole.err;
  const Ended pieces = jamsu({"eval", "--task", "perplexity", text, "--json", "--window", "8"});
  ASSERT_EQ(pieces.lines().size(), 1u) << pieces.err;
  EXPECT_EQ(whole.lines()[0].at("tokens"), pieces.lines()[0].at("tokens"));
  EXPECT_NE(whole.lines()[0].at("nll"), pieces.lines()[0].at("nll"));
  EXPECT_EQ(jamsu({"eval", "--task", "perplexity", file("empty.txt", "")}).code, 1);
  EXPECT_EQ(jamsu({"eval", "--task", "poetry", text}).code, 1);
  EXPECT_EQ(jamsu({"eval", "--task", "qa"}).code, 2);
}

}  // namespace
}  // namespace jamsu::regress

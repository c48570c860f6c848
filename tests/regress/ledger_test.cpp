// Every run has its row, however it ended; none holds a word of a prompt.
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

class LedgerVerb : public ProgramTest {
 protected:
  // Starts the program, waits until its run has counted tokens, kills it, and returns its row.
  boost::json::object killed_run(std::vector<std::string> arguments) {
    const Background program({.arguments = std::move(arguments), .home = home()});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kTimeoutSeconds);
    for (;;) {
      const auto listed = runs();
      if (!listed.empty() && listed[0].at("tokens").as_int64() > 0) {
        EXPECT_EQ(listed[0].at("ending").as_string(), "running");
        break;
      }
      if (!program.running() || std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "the run counted nothing";
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    program.kill(SIGKILL);
    return runs().at(0);
  }
};

TEST_F(LedgerVerb, AFinishedRunHasItsTokensPromptIncluded) {
  const auto reply = jamsu({"generate", "--chat", "-p", "7+5", "--json"}).lines().at(0);
  const auto run = runs().at(0);
  EXPECT_EQ(run.at("kind").as_string(), "generate");
  EXPECT_EQ(run.at("ending").as_string(), "finished");
  EXPECT_EQ(run.at("tokens").as_int64(), reply.at("tokens").as_int64() + reply.at("prompt_tokens").as_int64());
  EXPECT_GT(run.at("flops").as_double(), 1e6);
  EXPECT_TRUE(contains(std::string(run.at("model").as_string()), "pretrained/nano"));
}

TEST_F(LedgerVerb, AnEvaluationCountsItsPromptsToo) {
  const auto report = jamsu({"eval", "--sets", "B en", "--problems", "3", "--max-tokens", "5", "--json"}).lines().at(0);
  const auto run = runs().at(0);
  EXPECT_EQ(run.at("kind").as_string(), "eval");
  EXPECT_EQ(report.at("tokens").as_int64(), 15);
  EXPECT_GT(run.at("tokens").as_int64(), 15 + 3 * 10);  // three English word problems
}

TEST_F(LedgerVerb, RunsThatFailWhileOpeningTheirModelAreRows) {
  for (const char* verb : {"generate", "chat", "eval"}) {
    std::vector<std::string> arguments = {verb, "--model", folder_ / "gone"};
    if (std::string(verb) == "generate") arguments.insert(arguments.end(), {"-p", "x"});
    EXPECT_EQ(jamsu(arguments).code, 1);
    const auto run = runs().at(0);
    EXPECT_EQ(run.at("kind").as_string(), verb);
    EXPECT_EQ(run.at("ending").as_string(), "failed");
    EXPECT_TRUE(contains(std::string(run.at("model").as_string()), "gone"));
  }
  // A folder whose weights are missing is found later, in the loading itself.
  file("config.json", *read_file(JAMSU_SOURCE_DIR "/pretrained/nano/config.json"));
  EXPECT_EQ(jamsu({"generate", "-p", "x", "--model", folder_.path()}).code, 1);
  EXPECT_EQ(runs().at(0).at("ending").as_string(), "failed");
  EXPECT_EQ(runs().size(), 4u);
  const Ended text = jamsu({"ledger"});
  EXPECT_TRUE(contains(text.out, "failed")) << text.out;
  EXPECT_TRUE(contains(text.out, "generate       2 runs, 2 not finished")) << text.out;
}

TEST_F(LedgerVerb, AKilledEvaluationIsFoundAndKeepsWhatItCounted) {
  const auto run = killed_run({"eval", "--sets", "A", "--problems", "1000000"});
  EXPECT_EQ(run.at("kind").as_string(), "eval");
  EXPECT_EQ(run.at("ending").as_string(), "killed");
  EXPECT_GT(run.at("tokens").as_int64(), 0);
  EXPECT_GT(run.at("seconds").as_double(), 0);
}

TEST_F(LedgerVerb, AKilledGenerationIsFoundAndKeepsWhatItCounted) {
  std::string prompts;
  for (int i = 0; i < 20000; ++i) prompts += "{\"prompt\": \"" + std::to_string(i) + "+1\"}\n";
  const auto run = killed_run({"generate", "--chat", "--prompts", file("p.jsonl", prompts)});
  EXPECT_EQ(run.at("kind").as_string(), "generate");
  EXPECT_EQ(run.at("ending").as_string(), "killed");
  EXPECT_GT(run.at("tokens").as_int64(), 0);
}

TEST_F(LedgerVerb, NoWordOfAPromptOrAReplyIsInAnyFile) {
  const std::string secret = "Zerubbabel eats 48 quinces";
  const auto reply = jamsu({"generate", "--chat", "-p", secret, "--json"}).lines().at(0);
  const std::string answer(reply.at("reasoning").as_string()), said(reply.at("content").as_string());
  jamsu({"generate", "-p", secret, "--stop", secret});
  jamsu({"chat"}, secret + "\n");
  jamsu({"generate", "-p", secret, "--model", folder_ / "gone"});
  jamsu({"eval", "--task", "qa", file("q.jsonl", "{\"prompt\": \"" + secret + "\", \"answer\": \"1\"}\n")});
  EXPECT_EQ(runs().size(), 5u);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home())) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string bytes = *read_file(entry.path().string());
    EXPECT_FALSE(contains(bytes, "Zerubbabel")) << entry.path();
    EXPECT_FALSE(contains(bytes, "quinces")) << entry.path();
    for (const std::string& text : {answer, said})
      EXPECT_FALSE(text.size() > 12 && contains(bytes, text.substr(0, 12))) << entry.path();
  }
  EXPECT_GE(files, 1);
}

TEST_F(LedgerVerb, PricesAreSetAndLaterRunsCost) {
  EXPECT_EQ(jamsu({"ledger", "--currency", "KRW", "--per-hour", "3600000"}).code, 0);
  jamsu({"generate", "-p", "a", "--max-tokens", "2"});
  const auto json = jamsu({"ledger", "--json"}).json();
  const auto& run = json.at("runs").at(0);
  EXPECT_EQ(run.at("currency").as_string(), "KRW");
  EXPECT_NEAR(run.at("price").as_double(), 1000 * run.at("seconds").as_double(), 1e-6);
  EXPECT_EQ(json.at("totals").at(0).at("runs").as_int64(), 1);
  file("home/rates.json", "{\"per_hour\": -1}");
  const Ended damaged = jamsu({"ledger"});
  // The runs are shown all the same, and a price that is set takes the file's place.
  EXPECT_EQ(damaged.code, 0);
  EXPECT_TRUE(contains(damaged.err, "rates.json")) << damaged.err;
  EXPECT_EQ(jamsu({"ledger", "--per-hour", "1"}).code, 0);
  const Ended mended = jamsu({"ledger"});
  EXPECT_FALSE(contains(mended.err, "rates.json")) << mended.err;
}

TEST_F(LedgerVerb, ALedgerThatCannotBeWrittenStopsNoWork) {
  const Ended ended = run({.arguments = {"generate", "--chat", "-p", "7+5"}, .home = file("a-file", "x") + "/home"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_TRUE(contains(ended.out, "12")) << ended.out;
  EXPECT_TRUE(contains(ended.err, "this run is not in the ledger")) << ended.err;
}

}  // namespace
}  // namespace jamsu::regress

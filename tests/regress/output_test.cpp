// What jamsu generate writes, where and when; where prompts come from; names of models.
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

using Output = ProgramTest;

// What jamsu trained (runs/NAME/model) has its run's name; a run's folder is enough, too. Neither it nor what comes with
// jamsu is removed by rm.
TEST_F(Output, TrainedAndShippedModelsHaveNames) {
  namespace fs = std::filesystem;
  const fs::path nano = std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano", runs_folder = fs::path(home()) / "runs";
  fs::create_directories(runs_folder / "own-text-pretrain");
  fs::create_directories(runs_folder / "own-text-sft");  // not there yet
  fs::copy(nano, runs_folder / "own-text-pretrain/model");
  fs::create_directories(folder_ / "run");
  fs::copy(nano, folder_ / "run/model");
  const auto listed = jamsu({"ls", "--json"}).lines();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].at("name").as_string(), "own-text-pretrain");
  EXPECT_EQ(listed[1].at("name").as_string(), "nano");
  for (const std::string& name : {std::string("own-text-pretrain"), std::string("nano"), std::string("pretrained/nano"),
                                  folder_ / "run", folder_ / "run/model"})
    EXPECT_EQ(jamsu({"show", name}).code, 0) << name;
  for (const auto& [name, why] : {std::pair("nano", "comes with jamsu"), std::pair("own-text-pretrain", "training run"),
                                  std::pair("nanno", "did you mean \"nano\"?")}) {
    const Ended kept = jamsu({"rm", name, "--yes"});
    EXPECT_EQ(kept.code, 1);
    EXPECT_TRUE(contains(kept.err, why)) << kept.err;
  }
  EXPECT_TRUE(fs::exists(runs_folder / "own-text-pretrain/model/config.json"));
  const Ended near = jamsu({"show", "own-txt-pretrain"});
  EXPECT_TRUE(contains(near.err, "did you mean \"own-text-pretrain\"?")) << near.err;
}

TEST_F(Output, APromptComesFromStdin) {
  const auto content = [&](const std::vector<std::string>& more, const std::string& input) {
    std::vector<std::string> arguments = {"generate", "--json", "--max-tokens", "8"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = jamsu(arguments, input);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const auto lines = ended.lines();
    return lines.empty()
               ? ""
               : std::string(lines[0].at("prompt").as_string()) + "|" + std::string(lines[0].at("content").as_string());
  };
  const std::string given = content({"-p", "Tom has\n3"}, "unread");
  EXPECT_EQ(content({"-p", "-"}, "Tom has\n3\n"), given);
  EXPECT_EQ(content({}, "Tom has\n3\r\n"), given);
  EXPECT_NE(content({}, "Tom has\n3\n\n"), given);  // one line end alone is dropped
  const Ended file =
      jamsu({"generate", "--prompts", "-", "--max-tokens", "2"}, "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n");
  EXPECT_EQ(file.lines().size(), 2u) << file.err;
  for (const auto& nothing : {std::string(), std::string("\n")})
    EXPECT_EQ(jamsu({"generate", "-p", "-"}, nothing).code, 1);
}

TEST_F(Output, ThinkingIsShownAsAsked) {
  const auto out = [&](const std::string& show) {
    const Ended ended = jamsu({"generate", "--chat", "-p", "48+57", "--show-thinking", show});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out;
  };
  const std::string all = out("yes");
  const size_t close = all.find("\n</think>\n");
  ASSERT_NE(close, std::string::npos) << all;
  EXPECT_EQ(out("no"), all.substr(close + 10));
  EXPECT_EQ(out("dim"), all);  // no terminal
  Terminal terminal({.arguments = {"generate", "--chat", "-p", "48+57"}, .home = home()});
  int code = -1;
  const std::string seen = terminal.rest(code);
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(seen.starts_with("\033[2m") && contains(seen, "\033[0m") && !contains(seen, "<think>")) << seen;
}

TEST_F(Output, AReplyThatWasCutSaysSo) {
  const Ended cut = jamsu({"generate", "--chat", "-p", "48+57", "--max-tokens", "3"});
  EXPECT_EQ(cut.code, 3);
  EXPECT_EQ(cut.err, "jamsu: cut at --max-tokens 3\n");
  const Ended json = jamsu({"generate", "--chat", "--json", "-p", "48+57", "--max-tokens", "3"});
  EXPECT_EQ(json.code, 0);
  EXPECT_EQ(json.json().at("finish_reason").as_string(), "length");
  EXPECT_TRUE(contains(json.err, "1 of 1 were cut")) << json.err;
  const Ended continued = jamsu({"generate", "-p", "48+57", "--max-tokens", "3"});
  EXPECT_EQ(continued.code, 0);  // a text has no end of its own
  EXPECT_EQ(continued.err, cut.err);
  const Ended context = jamsu({"generate", "--chat", "-p", "7+5", "--max-tokens", "5000", "--end-loops", "off",
                               "--repetition-penalty", "0.01"});
  EXPECT_EQ(context.code, 3);
  EXPECT_TRUE(contains(context.err, "context of 1024 tokens is full")) << context.err;
}

TEST_F(Output, ALoopIsEndedAndSaid) {
  // A penalty below 1 prefers what was said before.
  const std::vector<std::string> again = {"generate", "-p", "7+5", "--max-tokens", "700", "--repetition-penalty",
                                          "0.01"};
  const auto with = [&](const std::vector<std::string>& more) {
    auto arguments = again;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return jamsu(arguments);
  };
  const Ended ended = with({"--chat"});
  EXPECT_EQ(ended.code, 3);
  EXPECT_TRUE(contains(ended.err, "said the same again and again (--end-loops off lets it)")) << ended.err;
  const auto json = with({"--chat", "--json"}).json();
  EXPECT_EQ(json.at("finish_reason").as_string(), "length");
  EXPECT_TRUE(json.at("looped").as_bool());
  EXPECT_LT(json.at("tokens").as_int64(), 600);
  EXPECT_EQ(with({"--chat", "--json", "--end-loops", "off"}).json().at("tokens").as_int64(), 700);
  EXPECT_EQ(with({"--json"}).json().at("tokens").as_int64(), 700);  // a text is continued as it stands
  EXPECT_LT(with({"--json", "--end-loops", "on"}).json().at("tokens").as_int64(), 600);
}

// Ctrl-C while replies are written: the whole lines of those that have ended.
TEST_F(Output, AFileOfPromptsIsWrittenAsItGoesAndSurvivesCtrlC) {
  std::string prompts;
  for (int i = 0; i < 3000; ++i) prompts += "{\"prompt\": \"7+5\", \"id\": " + std::to_string(i) + "}\n";
  const std::string out = file("out.jsonl", "");
  for (const bool ordered : {true, false}) {
    std::ofstream(out).close();
    Start start{
        .arguments = {"generate", "--prompts", file("p.jsonl", prompts), "--temperature", "100", "--max-tokens", "300"},
        .home = home()};
    if (!ordered) start.arguments.emplace_back("--unordered");
    start.output = out;
    const Background program(start);
    while (program.running() && read_file(out)->empty()) ::usleep(10'000);
    ASSERT_TRUE(program.running());
    EXPECT_EQ(program.kill(SIGINT), 130);
    const std::string written = *read_file(out);
    EXPECT_TRUE(written.ends_with("}\n"));
    const auto lines = Ended{.code = 0, .out = written, .err = {}}.lines();
    EXPECT_LT(lines.size(), 3000u);
    for (size_t i = 0; i < lines.size(); ++i) {
      if (!ordered) {
        EXPECT_EQ(lines[i].at("index"), lines[i].at("id"));
      } else if (i > 0) {
        EXPECT_LT(lines[i - 1].at("id").as_int64(), lines[i].at("id").as_int64());
      }
      EXPECT_NE(lines[i].at("finish_reason").as_string(), "cancelled");
    }
    EXPECT_EQ(runs().at(0).at("ending").as_string(), "interrupted");
  }
}

// One reply: what was written when Ctrl-C came.
TEST_F(Output, AReplyIsWrittenAsItComes) {
  Terminal terminal(
      {.arguments = {"generate", "-p", "hello", "--temperature", "100", "--max-tokens", "900"}, .home = home()});
  terminal.until("\n");  // of its babble
  terminal.type("\x03");
  int code = -1;
  terminal.rest(code);
  EXPECT_TRUE(code == 130 || code == 0) << code;  // 0: it was over before the key came
}

// A stream that was closed is no file of ours: nothing is printed into the ledger or the weights.
TEST_F(Output, ClosedStandardStreamsAreSurvived) {
  const std::string program = std::string(JAMSU_PROGRAM) + " generate --chat -p 7+5 ";
  const auto shell = [&](const std::string& command) {
    return run({.arguments = {"-c", command}, .home = home(), .program = "sh"});
  };
  const Ended no_out = shell(program + ">&-");
  EXPECT_EQ(no_out.code, 1);
  EXPECT_TRUE(contains(no_out.err, "the output cannot be written")) << no_out.err;
  EXPECT_EQ(shell(program + "<&- 2>&-").code, 0);
  EXPECT_EQ(shell(std::string(JAMSU_PROGRAM) + " ledger --json <&- 2>&-").json().at("runs").as_array().size(), 2u);
  const Ended head = shell("{ " + std::string(JAMSU_PROGRAM) +
                           " generate -p hello --temperature 100 --max-tokens 900; echo $? >&2; } | head -1");
  EXPECT_TRUE(contains(head.err, "141") || contains(head.err, "0")) << head.err;  // SIGPIPE, and no word
  EXPECT_FALSE(contains(head.err, "jamsu: the")) << head.err;
}

#ifndef JAMSU_SANITIZED
// Too little address space is said as such, whatever could not be had first; or the answer comes.
TEST_F(Output, TooLittleAddressSpaceIsSaid) {
  const std::string nano = JAMSU_SOURCE_DIR "/pretrained/nano";
  int answers = 0, errors = 0;
  for (int kib = 28'000; kib <= 108'000; kib += 8'000) {
    const Ended ended = run({.arguments = {"-c", "ulimit -v " + std::to_string(kib) + "; exec " + JAMSU_PROGRAM +
                                                     " generate --threads 1 --chat -p 48+57 --model " + nano},
                             .home = home(),
                             .program = "sh"});
    if (ended.code == 127) continue;  // the system's loader found none
    if (ended.code == 0) {
      EXPECT_TRUE(contains(ended.out, "105")) << kib;
      ++answers;
      continue;
    }
    EXPECT_EQ(ended.code, 1) << kib << ended.err;
    EXPECT_TRUE(contains(ended.err, "out of memory") || contains(ended.err, "ulimit -v")) << kib << ": " << ended.err;
    EXPECT_FALSE(contains(ended.err, "holds neither") || contains(ended.err, "jamsu: Resource")) << kib << ended.err;
    ++errors;
  }
  EXPECT_GT(answers, 0);
  EXPECT_GT(errors, 0);
}
#endif

}  // namespace
}  // namespace jamsu::regress

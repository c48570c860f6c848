// jamsu chat at a terminal, and from a pipe.
#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

constexpr const char *kPrompt = "> ", *kDim = "\033[2m", *kPlain = "\033[0m", *kCtrlC = "\x03", *kCtrlD = "\x04",
                     *kBackspace = "\x7f";
// Draws among all tokens alike: a reply that goes on to its limit.
const std::vector<std::string> kBabble = {"--temperature", "100", "--max-tokens", "900"};

class Chat : public ProgramTest {
 protected:
  Start chat(const std::vector<std::string>& more = {}) const {
    Start start{.arguments = {"chat"}, .home = home()};
    start.arguments.insert(start.arguments.end(), more.begin(), more.end());
    return start;
  }
  // The conversation that /save wrote.
  std::vector<boost::json::object> saved(const std::string& path) const {
    const auto text = read_file(path);
    if (!text) {
      ADD_FAILURE() << text.error().message;
      return {};
    }
    return Ended{.code = 0, .out = *text, .err = {}}.lines();
  }
};

TEST_F(Chat, ThinksDimmedWithLengthAndTimeAnswersAndLeaves) {
  Terminal terminal(chat());
  EXPECT_TRUE(contains(terminal.until(kPrompt), "pretrained/nano: type a question"));
  terminal.type("48+57\n");
  terminal.until(kDim);
  EXPECT_TRUE(contains(terminal.until(kPlain), "48+57"));  // the thinking, as it streams
  EXPECT_TRUE(contains(terminal.until("[thought "), "105"));
  const std::string times = terminal.until("in all]");
  EXPECT_TRUE(contains(times, " tokens in ") && contains(times, " s, ")) << times;
  terminal.until(kPrompt);
  terminal.type(kCtrlD);
  int code = -1;
  terminal.rest(code);
  EXPECT_EQ(code, 0);
  EXPECT_EQ(runs().at(0).at("ending").as_string(), "finished");
  EXPECT_GT(runs().at(0).at("tokens").as_int64(), 10);
}

TEST_F(Chat, CommandsAreUnderstood) {
  const std::string path = folder_ / "talk.jsonl";
  Terminal terminal(chat());
  const auto after = [&](const std::string& line) {
    terminal.until(kPrompt);
    terminal.type(line + "\n");
    return terminal.until("\n");  // its echo
  };
  after("/help");
  const std::string help = terminal.until("leaves.");
  for (const char* command : {"/new", "/think", "/seed", "/save", "/stats", "/help"})
    EXPECT_TRUE(contains(help, command)) << command;
  after("/think off");
  terminal.until("(thinking off)");
  after("7+5");
  after("/think on");
  terminal.until("(thinking on)");
  after("7+5");
  terminal.until("[thought ");
  after("/seed 42");
  terminal.until("(seed 42)");
  after("/stats");
  EXPECT_TRUE(contains(terminal.until("of state at most"), " tokens in "));
  after("/save " + path);
  terminal.until("(4 messages in ");
  const auto messages = saved(path);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0].at("role").as_string(), "user");
  EXPECT_EQ(messages[0].at("content").as_string(), "7+5");
  EXPECT_EQ(messages[1].at("role").as_string(), "assistant");
  EXPECT_FALSE(messages[1].contains("reasoning_content"));  // thinking was off
  EXPECT_TRUE(messages[3].contains("reasoning_content"));
  after("/save /dev/full");
  terminal.until("/dev/full: cannot be written");
  after("/new");
  terminal.until("(a new conversation)");
  after("/save " + path);
  terminal.until("(0 messages in ");
  EXPECT_TRUE(saved(path).empty());
  for (const char* wrong : {"/fly", "/think maybe", "/seed x", "/seed", "/save"}) {
    after(wrong);
    terminal.until("not a command");
  }
  after("/save " + (folder_ / "no/talk.jsonl"));
  terminal.until("talk.jsonl: cannot be written");
}

TEST_F(Chat, CtrlCStopsTheReplyAndKeepsTheChat) {
  Terminal terminal(chat(kBabble));
  terminal.until(kPrompt);
  // A reply takes some tenths of a second: on a busy machine it may be over before the key arrives, so ask again then.
  std::string seen;
  for (int seed = 1; seed <= 8 && !contains(seen, "[stopped]"); ++seed) {
    terminal.type("/new\n");  // what was babbled would soon fill the context
    terminal.until("(a new conversation)");
    terminal.until(kPrompt);
    terminal.type("/seed " + std::to_string(seed) + "\n");
    terminal.until("(seed ");
    terminal.until(kPrompt);
    terminal.type("hello\n");
    terminal.until("hello");
    terminal.until("\n");
    terminal.type(kCtrlC);
    terminal.type("/stats\n");
    seen = terminal.until("of state at most");  // the chat goes on
  }
  EXPECT_TRUE(contains(seen, "[stopped]")) << seen;
  terminal.until(kPrompt);
  terminal.type("/save " + (folder_ / "talk.jsonl") + "\n");
  EXPECT_FALSE(contains(terminal.until(" messages in "), "(0"));  // what was said until then is kept
  terminal.until(kPrompt);
  terminal.type(kCtrlD);
  int code = -1;
  terminal.rest(code);
  EXPECT_EQ(code, 0);
}

TEST_F(Chat, AFullContextLeavesTheEarliestTurnsOut) {
  std::string question;  // some 500 of the 1,024 tokens of the context
  for (int i = 0; i < 170; ++i) question += "1+";
  question += "1\n";
  const Ended ended = jamsu({"chat", "--max-tokens", "20"},
                            question + question + question + "/save " + (folder_ / "talk.jsonl") + "\n");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "[the context of 1024 tokens is full: the 1 earliest")) << ended.out;
  EXPECT_EQ(saved(folder_ / "talk.jsonl").size(), 6u);  // nothing said is lost
}

TEST_F(Chat, CtrlCAtThePromptDropsTheLineAndKeepsTheChat) {
  Terminal terminal(chat());
  terminal.until(kPrompt);
  terminal.type("never sent");
  terminal.until("sent");
  terminal.type(kCtrlC);
  terminal.until(kPrompt);
  terminal.type("/stats\n");  // nothing of the dropped line stands before it
  EXPECT_TRUE(contains(terminal.until("of state at most"), "0 tokens in"));
  terminal.until(kPrompt);
  terminal.type(kCtrlD);
  int code = -1;
  terminal.rest(code);
  EXPECT_EQ(code, 0);
}

TEST_F(Chat, BackspaceRemovesOneKoreanSyllable) {
  const std::string path = folder_ / "talk.jsonl";
  Terminal terminal(chat({"--max-tokens", "2"}));
  terminal.until(kPrompt);
  terminal.type(std::string("가나다") + kBackspace + "라" + kBackspace + kBackspace + "a마\n");
  terminal.until(kPrompt);
  terminal.type("/save " + path + "\n");
  terminal.until("(2 messages in ");
  ASSERT_EQ(saved(path).size(), 2u);
  EXPECT_EQ(saved(path)[0].at("content").as_string(), "가a마");
}

TEST_F(Chat, TheCursorMovesOverWholeSyllablesAndHistoryComesBack) {
  const std::string path = folder_ / "talk.jsonl";
  Terminal terminal(chat({"--max-tokens", "2"}));
  terminal.until(kPrompt);
  terminal.type("가다\033[D나\n");  // left arrow
  terminal.until(kPrompt);
  terminal.type("\033[A\n");  // up arrow: the line again
  terminal.until(kPrompt);
  terminal.type("/save " + path + "\n");
  terminal.until("(4 messages in ");
  ASSERT_EQ(saved(path).size(), 4u);
  EXPECT_EQ(saved(path)[0].at("content").as_string(), "가나다");
  EXPECT_EQ(saved(path)[2].at("content").as_string(), "가나다");
}

TEST_F(Chat, FromAPipeThereIsNoPromptAndNoColour) {
  const Ended ended = jamsu({"chat"}, "48+57\n/fly\n\n/stats");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "105")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "/fly: not a command")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "of state at most")) << ended.out;
  EXPECT_FALSE(contains(ended.out, "\033")) << ended.out;
  EXPECT_FALSE(contains(ended.out, "> ")) << ended.out;
}

TEST_F(Chat, AModelThatIsMissingIsSaid) {
  const Ended ended = jamsu({"chat", "--model", folder_ / "gone"}, "hi\n");
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "gone: no folder with a config.json")) << ended.err;
}

TEST_F(Chat, AMessageBeyondTheContextIsRefusedAndForgotten) {
  const Ended ended = jamsu({"chat"}, std::string(9000, 'q') + "\n48+57\n");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "jamsu: prompt: ")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "105")) << ended.out;
}

}  // namespace
}  // namespace jamsu::regress

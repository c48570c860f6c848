// jamsu chat at a terminal, and from a pipe.
#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

constexpr const char *kPrompt = "> ", *kMarksPastes = "\033[?2004h", *kPaste = "\033[200~", *kPasteEnds = "\033[201~",
                     *kDim = "\033[2m", *kPlain = "\033[0m", *kCtrlC = "\x03", *kCtrlD = "\x04", *kBackspace = "\x7f";
// Draws among all tokens alike: a reply that goes on to its limit.
const std::vector<std::string> kBabble = {"--temperature", "100", "--max-tokens", "900"};

class Chat : public ProgramTest {
 protected:
  Start chat(const std::vector<std::string>& more = {}) const {
    Start start{.arguments = {"chat"}, .home = home()};
    start.arguments.insert(start.arguments.end(), more.begin(), more.end());
    return start;
  }
  // What the user said, by the conversation that /save writes: typed into the terminal, at its prompt.
  std::vector<std::string> said(Terminal& terminal) const {
    const std::string path = folder_ / "said.jsonl";
    terminal.type("/save " + path + "\n");
    terminal.until(" messages in ");
    std::vector<std::string> texts;
    for (const auto& message : saved(path))
      if (message.at("role").as_string() == "user") texts.emplace_back(message.at("content").as_string());
    return texts;
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
  for (const char* command :
       {"/new", "/clear", "/regen", "/system", "/set", "/think", "/seed", "/save", "/load", "/stats", "/help", "/bye"})
    EXPECT_TRUE(contains(help, command)) << command;
  after("/think off");
  terminal.until("(thinking off)");
  after("hello");
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
  EXPECT_EQ(messages[0].at("content").as_string(), "hello");
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

using Texts = std::vector<std::string>;

TEST_F(Chat, APasteOfSeveralLinesIsOneMessage) {
  Terminal terminal(chat({"--max-tokens", "2"}));
  terminal.until(kMarksPastes);
  terminal.until(kPrompt);
  terminal.type(std::string("See: ") + kPaste + "/new\r1+1=2\r\n\n가나\t다" + kPasteEnds + " right?");
  terminal.until("right?");
  terminal.type("\n");
  terminal.until(kPrompt);
  // One line is edited like what is typed; Alt-Enter goes on in another line; the up arrow brings all lines back.
  terminal.type(std::string(kPaste) + "ab" + kPasteEnds + kBackspace + "\033\nc\n");
  terminal.until(kPrompt);
  terminal.type("\033[A\033[A\n");
  terminal.until(kPrompt);
  const Texts expected = {"See: /new\n1+1=2\n\n가나\t다 right?", "a\nc", "See: /new\n1+1=2\n\n가나\t다 right?"};
  EXPECT_EQ(said(terminal), expected);
}

TEST_F(Chat, ALargePasteArrivesWhole) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += (i ? "\r" : "") + std::to_string(i) + ". 가나다라마바사 abcdefghij";
  Terminal terminal(chat({"--max-tokens", "2"}));
  terminal.until(kPrompt);
  terminal.type(std::string(kPaste));
  for (size_t at = 0; at < text.size(); at += 1000) terminal.type(text.substr(at, 1000));
  terminal.type(std::string(kPasteEnds) + "\n");
  terminal.until("jamsu: prompt: ");  // it is longer than the context: nano's answer
  terminal.until(kPrompt);
  terminal.type("\033[A\n");  // and here it is again
  terminal.until("jamsu: prompt: ");
}

TEST_F(Chat, LinesBetweenFencesAreOneMessageInAPipeToo) {
  const std::string path = folder_ / "talk.jsonl";
  const Ended ended =
      jamsu({"chat", "--max-tokens", "2"},
            "\"\"\"\n1\n/new\n\n2\"\"\"\n\"\"\"/one line\"\"\"\r\n /blank\n/save " + path + "\n\"\"\"never\nclosed");
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto messages = saved(path);
  ASSERT_EQ(messages.size(), 6u);
  EXPECT_EQ(messages[0].at("content").as_string(), "1\n/new\n\n2");
  EXPECT_EQ(messages[2].at("content").as_string(), "/one line");
  EXPECT_EQ(messages[4].at("content").as_string(), " /blank");
  Terminal terminal(chat({"--max-tokens", "2"}));
  terminal.until(kPrompt);
  terminal.type("\"\"\"a\n");
  terminal.until("... ");
  terminal.type(kCtrlC);  // drops the block
  terminal.until(kPrompt);
  terminal.type("\"\"\"a\n");
  terminal.until("... ");
  terminal.type("b\"\"\"\n");
  terminal.until(kPrompt);
  EXPECT_EQ(said(terminal), Texts({"a\nb"}));
}

TEST_F(Chat, SettingsRegenSystemLoadAndBye) {
  const std::string path = folder_ / "talk.jsonl";
  const Ended ended =
      jamsu({"chat", "--max-tokens", "8"},
            "/regen\n/set\n/set temperature 100\n/set parameter max-tokens 3\n/set top_p=2\n/set temprature 1\n"
            "/set seed 18446744073709551615\n/set seed -1\n/set think off\n/system 짧게.\n7+5\n/regen\n/save " +
                path + "\n/new\n/load " + path + "\n/system\n/lod x\n/load " + path + "x\n/bye\nnever asked\n");
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* part :
       {"(there is no reply to write again)", "repetition_penalty  as the model's makers want it",
        "max_tokens          8", "(temperature 100)", "(max_tokens 3)",
        "/set top_p=2: top_p is a number from 1e-09 to 1", "no such setting; did you mean \"temperature\"?",
        "(seed 18446744073709551615)", "seed is a whole number", "(thinking off)", "(system: 짧게.)",
        "[cut at --max-tokens 3", "(3 messages in ", "(3 messages from ",
        "/lod x: not a command, or not with that; did you mean \"/load\"?", "talk.jsonlx"})
    EXPECT_TRUE(contains(ended.out, part)) << part << "\n" << ended.out;
  EXPECT_FALSE(contains(ended.out, "never asked"));
  const auto messages = saved(path);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].at("role").as_string(), "system");
  EXPECT_EQ(messages[1].at("content").as_string(), "7+5");
}

TEST_F(Chat, RegenDrawsTheNextSample) {
  const auto reply = [&](const std::string& commands) {
    const std::string path = folder_ / "talk.jsonl";
    jamsu({"chat", "--max-tokens", "20", "--temperature", "3"}, "7+5\n" + commands + "/save " + path + "\n");
    const auto messages = saved(path);
    EXPECT_EQ(messages.size(), 2u);
    return messages.empty() ? std::string() : boost::json::serialize(messages.back());
  };
  EXPECT_NE(reply(""), reply("/regen\n"));
  EXPECT_EQ(reply("/regen\n"), reply("/regen\n"));
}

TEST_F(Chat, AConversationThatIsNoneIsNotLoaded) {
  for (const auto& [content, named] : std::vector<std::pair<std::string, std::string>>{
           {"{\"role\": \"user\"\n", "bad.jsonl:1"}, {"[1]\n", "bad.jsonl"}, {"", "bad.jsonl"}}) {
    const Ended ended = jamsu({"chat"}, "/load " + file("bad.jsonl", content) + "\n/bye\n");
    EXPECT_EQ(ended.code, 0);
    EXPECT_TRUE(contains(ended.out, named)) << ended.out;
    EXPECT_FALSE(contains(ended.out, "messages from")) << ended.out;
  }
}

// What is typed while a reply is written is not mixed into it: it comes at the next prompt.
TEST_F(Chat, KeysTypedWhileItWritesWaitForThePrompt) {
  Terminal terminal(chat(kBabble));
  terminal.until(kPrompt);
  terminal.type("hello\n/stats\n");  // the second line comes while the first is answered
  terminal.until("hello");
  const std::string reply = terminal.until(kMarksPastes);
  EXPECT_FALSE(contains(reply, "/stats")) << reply;
  terminal.until("of state at most");
}

TEST_F(Chat, WithoutColourThinkingStandsBetweenMarks) {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"NO_COLOR", "1"}, {"TERM", "dumb"}}) {
    Start start = chat();
    start.environment[name] = value;
    Terminal terminal(start);
    terminal.until(kPrompt);
    terminal.type("48+57\n");
    std::string seen = terminal.until("in all]");
    EXPECT_TRUE(contains(seen, "<think>") && contains(seen, "</think>")) << seen;
    EXPECT_FALSE(contains(seen, kDim)) << seen;
    EXPECT_EQ(contains(seen, "\033[?2004l"), name == "NO_COLOR");
    terminal.until(kPrompt);
    terminal.type(kCtrlD);
    int code = -1;
    terminal.rest(code);
    EXPECT_EQ(code, 0);
  }
}

TEST_F(Chat, AWindowThatIsClosedEndsItAndTheLedgerKnows) {
  for (const bool while_it_writes : {false, true}) {
    Terminal terminal(chat(kBabble));
    terminal.until(kPrompt);
    if (while_it_writes) terminal.type("hello\n");
    if (while_it_writes) terminal.until("hello");
    EXPECT_EQ(terminal.hang_up(), 129);
    EXPECT_EQ(runs().at(0).at("ending").as_string(), "interrupted");
  }
}

TEST_F(Chat, RunIsChatByItsModelsName) {
  const Ended talk = jamsu({"run", "nano"}, "48+57\n");
  EXPECT_EQ(talk.code, 0) << talk.err;
  EXPECT_TRUE(contains(talk.out, "105")) << talk.out;
  const Ended once = jamsu({"run", "nano", "48", "+", "57", "--show-thinking", "no"});
  EXPECT_EQ(once.code, 0) << once.err;
  EXPECT_TRUE(contains(once.out, "105")) << once.out;
  EXPECT_FALSE(contains(once.out, "think")) << once.out;
  const Ended unknown = jamsu({"run", "nanno"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(contains(unknown.err, "did you mean \"nano\"?")) << unknown.err;
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

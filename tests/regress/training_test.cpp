// jamsu pretrain: what a resume counts, compares and says, and what the ledger keeps of runs that never began.
#include <filesystem>

#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

namespace fs = std::filesystem;

// A model of a few thousand weights on a file of its owner's; 12 steps of 64 tokens.
constexpr const char* kRecipe = R"([model]
vocab_size = 300
hidden_size = 16
num_hidden_layers = 2
first_k_dense_replace = 1
intermediate_size = 24
num_attention_heads = 2
q_lora_rank = 8
kv_lora_rank = 8
qk_nope_head_dim = 8
qk_rope_head_dim = 4
v_head_dim = 8
n_routed_experts = 4
moe_intermediate_size = 8
num_experts_per_tok = 2
n_group = 2
topk_group = 1
max_position_embeddings = 64

[data]
tasks_weight = 0
[[data.files]]
path = "mine.txt"
split = "blank_lines"

[pretrain]
tokens = 768
batch_tokens = 64
micro_batch_tokens = 32
context = 32
checkpoint_every_steps = 2
)";

class TrainingVerb : public ProgramTest {
 protected:
  void SetUp() override {
    recipe_ = file("small.toml", kRecipe);
    write_data("the sea is deep");
    const Ended made = jamsu({"tokenizer", "train", "--samples", "200", "--vocab", "300", "--out", tokenizer_});
    ASSERT_EQ(made.code, 0) << made.err;
  }
  void write_data(const std::string& line) const {
    std::string text;
    for (int i = 0; i < 30; ++i) text += line + " " + std::to_string(i * i) + "\n\n";
    file("mine.txt", text);
  }
  Ended pretrain(std::vector<std::string> more) const {
    std::vector<std::string> arguments = {"pretrain", recipe_, "--folder", folder_ / "run", "--tokenizer", tokenizer_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return jamsu(arguments);
  }
  std::string metrics() const { return *read_file(folder_ / "run/metrics.jsonl"); }

  std::string recipe_, tokenizer_ = folder_ / "tokenizer.json";
};

TEST_F(TrainingVerb, EachRowOfTheLedgerHoldsItsOwnTokensAlone) {
  ASSERT_EQ(pretrain({"--max-steps", "4"}).code, 0);
  const Ended resumed = pretrain({"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  const auto rows = runs();
  ASSERT_EQ(rows.size(), 2u);
  const int64_t first = rows[1].at("tokens").as_int64(), second = rows[0].at("tokens").as_int64();
  // All tokens of the run are in its last line of metrics.
  const std::string text = metrics();
  const size_t line = text.rfind('\n', text.size() - 2) + 1;
  const auto last = boost::json::parse(text.substr(line));
  EXPECT_EQ(last.at("step").as_int64(), 12);
  EXPECT_EQ(static_cast<double>(first + second), last.at("tokens").to_number<double>());
  EXPECT_GT(first, 4 * 32);
  EXPECT_GT(second, first);
  EXPECT_NEAR(rows[0].at("flops").as_double() / static_cast<double>(second),
              rows[1].at("flops").as_double() / static_cast<double>(first), 1);
  EXPECT_TRUE(contains(resumed.out, "resume from step 4, " + std::to_string(first) + " tokens")) << resumed.out;
}

TEST_F(TrainingVerb, AResumeNamesWhatDiffersAndTouchesNothing) {
  ASSERT_EQ(pretrain({"--max-steps", "4"}).code, 0);
  const std::string before = metrics(), tokenizer = *read_file(tokenizer_);
  const auto refused = [&](const std::vector<std::string>& more, const std::string& name) {
    std::vector<std::string> arguments = {"--resume"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = pretrain(arguments);
    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(contains(ended.err, name + " (was ")) << ended.err;
    EXPECT_EQ(metrics(), before);
    EXPECT_EQ(runs().at(0).at("ending").as_string(), "failed");
    EXPECT_EQ(runs().at(0).at("tokens").as_int64(), 0);
  };
  refused({"--f32"}, "number mode");
  write_data("the sea is dark");
  refused({}, "data 1: mine.txt");
  write_data("the sea is deep");
  fs::copy(folder_ / "run/model", folder_ / "other");
  refused({"--from", folder_ / "other"}, "starting weights");
  ASSERT_EQ(jamsu({"tokenizer", "train", "--samples", "9", "--vocab", "300", "--out", tokenizer_}).code, 0);
  ASSERT_NE(*read_file(tokenizer_), tokenizer);
  refused({}, "tokenizer");
  file("tokenizer.json", tokenizer);
  EXPECT_EQ(pretrain({"--resume"}).code, 0);
}

TEST_F(TrainingVerb, ABeginningIsSaid) {
  const Ended begun = pretrain({"--resume", "--max-steps", "2"});
  EXPECT_EQ(begun.code, 0) << begun.err;
  EXPECT_TRUE(contains(begun.out, "no checkpoint was saved yet; starting at step 0")) << begun.out;
}

TEST_F(TrainingVerb, RunsThatNeverBeginAreRowsThatFailed) {
  EXPECT_EQ(jamsu({"pretrain", recipe_, "--tokenizer", folder_ / "gone"}).code, 1);
  EXPECT_EQ(pretrain({"--from", folder_ / "gone"}).code, 1);
  fs::remove(folder_ / "mine.txt");
  EXPECT_EQ(pretrain({}).code, 1);
  const auto rows = runs();
  ASSERT_EQ(rows.size(), 3u);
  for (const auto& row : rows) {
    EXPECT_EQ(row.at("kind").as_string(), "pretrain");
    EXPECT_EQ(row.at("ending").as_string(), "failed");
    EXPECT_EQ(row.at("note").as_string(), "small.toml");
  }
  // Nothing ran: the recipe does not parse, or is explained only.
  EXPECT_EQ(jamsu({"pretrain", file("bad.toml", "[model]\n")}).code, 1);
  EXPECT_EQ(jamsu({"pretrain", recipe_, "--explain"}).code, 0);
  EXPECT_EQ(runs().size(), 3u);
}

TEST_F(TrainingVerb, TheLineOfProgressCostsWhatTheLedgerSays) {
  ASSERT_EQ(jamsu({"ledger", "--currency", "KRW", "--per-hour", "3600000"}).code, 0);
  const Ended ended = pretrain({"--max-steps", "4"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const size_t done = ended.out.find("\ndone  "), end = ended.out.find(" KRW", done);
  ASSERT_TRUE(done != std::string::npos && end != std::string::npos) << ended.out;
  const double shown = std::stod(ended.out.substr(done + 7, end - done - 7));
  const auto row = runs().at(0);
  EXPECT_GT(shown, 0);
  // At the last step; exporting comes after it.
  EXPECT_LE(shown, row.at("price").as_double());
  EXPECT_GE(shown, row.at("price").as_double() / 4);
}

// What Ctrl-C says to type is typed, by a shell, and goes on where it stopped.
TEST_F(TrainingVerb, TheHintAfterAStopWorksAsItIsPasted) {
  std::string longer = kRecipe;
  longer.replace(longer.find("tokens = 768"), 12, "tokens = 25600");
  longer.replace(longer.find("steps = 2"), 9, "steps = 1000");
  const std::string folder = folder_ / "a run's folder", recipe = file("it's small.toml", longer);
  Terminal terminal(
      {.arguments = {"pretrain", recipe, "--folder", folder, "--tokenizer", tokenizer_, "--restart"}, .home = home()});
  terminal.until("left");
  terminal.type("\x03");
  int code = 0;
  const std::string out = terminal.rest(code);
  const size_t hint = out.find("Continue with:");
  ASSERT_EQ(code, 130) << out;
  ASSERT_NE(hint, std::string::npos) << out;
  const size_t begin = out.find('\n', hint) + 1;
  const std::string command = out.substr(begin, out.find_first_of("\r\n", begin) - begin);
  EXPECT_FALSE(contains(command, "--restart")) << command;
  const Ended resumed = run({.arguments = {"-c", command}, .home = home(), .program = "sh"});
  EXPECT_EQ(resumed.code, 0) << command << "\n" << resumed.err;
  EXPECT_TRUE(contains(resumed.out, "resume from step ")) << resumed.out;
  EXPECT_TRUE(std::filesystem::exists(folder + "/model/model.safetensors"));
}

TEST_F(TrainingVerb, TheLineFitsTheTerminalAndBeginsWithTheTimeLeft) {
  Terminal terminal({.arguments = {"pretrain", recipe_, "--folder", folder_ / "run", "--tokenizer", tokenizer_},
                     .home = home()});  // of 100 columns
  int code = 0;
  const std::string out = terminal.rest(code);
  ASSERT_EQ(code, 0) << out;
  int lines = 0;
  for (size_t at = 0; (at = out.find("\033[J", at)) != std::string::npos; ++lines) {
    at += 3;
    const std::string line = out.substr(at, out.find_first_of("\r\n\033", at) - at);
    EXPECT_LT(line.size(), 100u) << line;
    EXPECT_TRUE(line.empty() || contains(line, " left  step ") || line.starts_with("done  step ") ||
                line.starts_with("model  ") || line.starts_with("validation "))
        << line;
  }
  EXPECT_GE(lines, 3);
}

// Files alone: a recipe is made, shown with its reasons, written into the folder, and resumed from there.
TEST_F(TrainingVerb, FilesNeedNoRecipe) {
  std::string chats;
  for (int i = 0; i < 30; ++i)
    chats += "{\"messages\":[{\"role\":\"user\",\"content\":\"room " + std::to_string(i) +
             "?\"},{\"role\":\"assistant\",\"content\":\"up the stairs\"}]}\n";
  const std::string data = file("chats.jsonl", chats), folder = folder_ / "run";
  const std::string nano = std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano";
  const Ended explained = jamsu({"sft", "--from", nano, data, "--explain"});
  ASSERT_EQ(explained.code, 0) << explained.err;
  for (const char* part : {"# Made for 1 file: 30 documents", "[sft]", "epochs = ", "validation.percent = 10",
                           "# this model answers generated problems", "path = \"/"})
    EXPECT_TRUE(contains(explained.out, part)) << part << "\n" << explained.out;
  const std::vector<std::string> words = {"sft", "--from", nano, data, "--folder", folder, "--max-steps"};
  const auto go = [&](const std::string& steps, bool resume) {
    std::vector<std::string> all = words;
    all.push_back(steps);
    if (resume) all.emplace_back("--resume");
    return jamsu(all);
  };
  const Ended begun = go("1", false);
  ASSERT_EQ(begun.code, 0) << begun.err;
  for (const char* part : {"data   27 documents of your files, 3 more are kept for validation", "validation loss ",
                           "samples after step 1", "   asked ", "   says  ", "   data  "})
    EXPECT_TRUE(contains(begun.out, part)) << part << "\n" << begun.out;
  EXPECT_EQ(*read_file(folder + "/recipe.toml"), explained.out);
  const Ended resumed = go("2", true);
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.out, "resume from step 1,"));
  // The recipe is one like any other.
  const Ended by_recipe =
      jamsu({"sft", folder + "/recipe.toml", "--from", nano, "--folder", folder, "--resume", "--max-steps", "3"});
  EXPECT_EQ(by_recipe.code, 0) << by_recipe.err;
  EXPECT_TRUE(contains(by_recipe.out, "resume from step 2,"));
  const Ended others = jamsu({"sft", "--from", nano, file("b.jsonl", chats), "--folder", folder, "--resume"});
  EXPECT_EQ(others.code, 1);
  EXPECT_TRUE(contains(others.err, "was begun with other files (" + data + ")")) << others.err;
  const Ended mixed = jamsu({"sft", "--from", nano, data, recipe_});
  EXPECT_EQ(mixed.code, 1);
  EXPECT_TRUE(contains(mixed.err, "small.toml: is none of .txt, .md, .jsonl and .json files")) << mixed.err;
}

// A reply that begins with thinking does not end at the mark of it.
TEST_F(TrainingVerb, SampleRepliesGoOnBehindTheMarkOfThinking) {
  std::string chats;
  for (int i = 0; i < 12; ++i)
    chats += R"({"messages":[{"role":"user","content":")" + std::to_string(i + 10) +
             R"(+7"},{"role":"assistant","reasoning_content":"so many","content":"up the stairs"}]})" + "\n";
  const std::string nano = std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano";
  const Ended ended =
      jamsu({"sft", "--from", nano, file("chats.jsonl", chats), "--folder", folder_ / "run", "--max-steps", "1"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::string line = "   says  ";
  const size_t at = ended.out.find(line);
  ASSERT_NE(at, std::string::npos) << ended.out;
  EXPECT_GT(ended.out.find('\n', at) - at, line.size() + 3) << ended.out;
}

TEST_F(TrainingVerb, AModelOfATextAloneIsMadeFromNothing) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "the sea is deep " + std::to_string(i * i % 97) + " and wide\n";
  const Ended ended = jamsu({"pretrain", file("book.txt", text), "--folder", folder_ / "run", "--max-steps", "2"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "3.15M parameters")) << ended.out;
  const Ended tokens =
      jamsu({"tokenizer", "encode", "--tokenizer", folder_ / "run/model", "--json", "the sea is deep"});
  EXPECT_LE(tokens.json().at("ids").as_array().size(), 4u);  // made from the text
  EXPECT_TRUE(contains(*read_file(folder_ / "run/recipe.toml"), "schedule = \"wsd\""));
}

TEST_F(TrainingVerb, ATextAloneMakesATokenizerOfItself) {
  std::string text;
  for (int i = 0; i < 2000; ++i)
    text += std::string({'q', static_cast<char>('a' + i % 26), static_cast<char>('a' + i % 19), i % 7 ? ' ' : '\n'});
  const std::string path = file("odd.txt", text), own = folder_ / "own.json", mixed = folder_ / "mixed.json";
  ASSERT_EQ(jamsu({"tokenizer", "train", "--text", path, "--vocab", "300", "--out", own}).code, 0);
  ASSERT_EQ(jamsu({"tokenizer", "train", "--text", path, "--vocab", "300", "--samples", "0", "--out", mixed}).code, 0);
  EXPECT_EQ(*read_file(own), *read_file(mixed));
}

}  // namespace
}  // namespace jamsu::regress

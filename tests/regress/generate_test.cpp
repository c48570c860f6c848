// jamsu generate, with the shipped model.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "regress/program.h"
#include "regress/restored_stories.h"

namespace jamsu::regress {
namespace {

using Generate = ProgramTest;

// What golden/models/NAME holds for its first prompt: the ids as --tokens takes them, and 16 greedy ones.
struct Ids {
  std::string prompt;
  boost::json::array greedy;
};
Ids first_prompt(const std::string& folder) {
  std::ifstream in(folder + "/case.safetensors", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  const auto header = boost::json::parse(std::string_view(bytes).substr(8, length)).as_object();
  const auto row = [&](const char* name) {
    const auto& entry = header.at(name).as_object();
    std::vector<int64_t> ids(entry.at("shape").as_array()[1].to_number<size_t>());
    std::memcpy(ids.data(), bytes.data() + 8 + length + entry.at("data_offsets").as_array()[0].to_number<size_t>(),
                ids.size() * sizeof(int64_t));
    return ids;
  };
  Ids ids;
  for (const int64_t id : row("input_ids")) ids.prompt += (ids.prompt.empty() ? "" : ",") + std::to_string(id);
  for (const int64_t id : row("greedy")) ids.greedy.emplace_back(id);
  return ids;
}

const std::string kStories = JAMSU_SOURCE_DIR "/tests/golden/data/models/stories260k";

// As generate --tokens takes and gives them.
std::string spaced(const boost::json::value& ids) {
  std::string text;
  for (const auto& id : ids.as_array()) text += (text.empty() ? "" : " ") + std::to_string(id.as_int64());
  return text;
}

// A folder without a tokenizer, trained elsewhere (TinyStories, 260,000 parameters; mixed up since,
// restored_stories.h): in f32 the ids are those of transformers.
TEST_F(Generate, TakesAndGivesIdsWhereThereIsNoTokenizer) {
  const std::string& folder = kStories;
  const auto golden = boost::json::parse(*read_file(folder + "/greedy.json"));
  const Ended ids =
      jamsu({"--f32", "generate", "--model", folder, "--tokens", "1", "--max-tokens", "200", "--temperature", "0"});
  EXPECT_EQ(ids.code, 0) << ids.err;
  EXPECT_EQ(ids.out, spaced(golden.at("tokens")) + "\n");
  const Ended words = jamsu({"generate", "--model", folder, "-p", "Once upon a time"});
  EXPECT_EQ(words.code, 1);
  EXPECT_TRUE(contains(words.err, "tokenizer.json: no such file")) << words.err;
  EXPECT_TRUE(contains(words.err, "generate --tokens")) << words.err;
}

// The same model as it was trained: in f32 the ids of transformers, which begin as other programs published them; bf16
// tells that beginning too, the mixed-up weights do not.
TEST_F(Generate, TellsTheStoryOfRestoredWeights) {
  const std::string restored = folder_ / "stories";
  restore_stories(kStories, restored);
  const auto told = boost::json::parse(*read_file(kStories + "/story.json"));
  for (const auto& story : told.at("stories").as_array()) {
    const std::string prompt = spaced(story.at("prompt")), published = spaced(story.at("published")) + " ";
    const auto tell = [&](const std::string& folder, std::vector<std::string> arguments) {
      arguments.insert(arguments.end(), {"generate", "--model", folder, "--tokens", prompt, "--max-tokens", "200",
                                         "--temperature", "0"});
      const Ended ended = jamsu(arguments);
      EXPECT_EQ(ended.code, 0) << ended.err;
      return ended.out;
    };
    const std::string f32 = tell(restored, {"--f32"});
    EXPECT_EQ(f32, spaced(story.at("tokens")) + "\n");
    EXPECT_TRUE(f32.starts_with(published)) << f32;
    const std::string bf16 = tell(restored, {}), mixed_up = tell(kStories, {"--f32"});
    EXPECT_TRUE(bf16.starts_with(published)) << bf16;
    EXPECT_FALSE(mixed_up.starts_with(published.substr(0, published.find(' ') + 1))) << mixed_up;
  }
}

// The line of quickstart.sh.
TEST_F(Generate, ShowsASolvedExample) {
  const Ended ended = jamsu({"generate", "--chat", "-p", "48+57은?"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(ended.out.starts_with("<think>\n")) << ended.out;
  const size_t close = ended.out.find("\n</think>\n");
  ASSERT_NE(close, std::string::npos) << ended.out;
  EXPECT_TRUE(contains(ended.out.substr(close), "105")) << ended.out;
  EXPECT_EQ(ended.err, "");
}

TEST_F(Generate, JsonHoldsContentReasoningTokensAndSeconds) {
  const Ended ended = jamsu({"generate", "--chat", "-p", "7+5", "--json"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto lines = ended.lines();
  ASSERT_EQ(lines.size(), 1u);
  const auto& reply = lines[0];
  EXPECT_EQ(reply.at("prompt").as_string(), "7+5");
  EXPECT_FALSE(reply.at("content").as_string().empty());
  EXPECT_FALSE(reply.at("reasoning").as_string().empty());
  EXPECT_GT(reply.at("tokens").as_int64(), 0);
  EXPECT_GT(reply.at("reasoning_tokens").as_int64(), 0);
  EXPECT_LT(reply.at("reasoning_tokens").as_int64(), reply.at("tokens").as_int64());
  EXPECT_GT(reply.at("prompt_tokens").as_int64(), 3);
  EXPECT_GT(reply.at("seconds").as_double(), 0);
  EXPECT_EQ(reply.at("finish_reason").as_string(), "stop");
  EXPECT_FALSE(reply.contains("error"));
}

TEST_F(Generate, ThinkingIsSwitchedOffAndOn) {
  const auto prompt = [&](const std::string& think) {
    return jamsu({"generate", "--chat", "-p", "48+57", "--show-prompt", "--think", think}).out;
  };
  EXPECT_NE(prompt("off"), prompt("on"));
  // nano thinks all the same where it was told not to; what stands before its `</think>` is no part of the answer.
  for (const char* think : {"off", "on"}) {
    const auto reply = jamsu({"generate", "--chat", "-p", "48+57", "--json", "--think", think}).json();
    EXPECT_EQ(reply.at("content").as_string(), "105") << think;
    EXPECT_NE(reply.at("reasoning").as_string(), "") << think;
  }
}

// Without --chat no role mark is put around the text: the model goes on with it, and BOS is all it gets besides.
TEST_F(Generate, WithoutChatATextIsContinuedAsItStands) {
  const auto tokens = [&](const std::string& text) {
    return jamsu({"tokenizer", "encode", "--json", text}).json().at("ids").as_array().size();
  };
  const std::string text = "Tom has 3";
  const auto raw = jamsu({"generate", "-p", text, "--json", "--max-tokens", "8"}).lines();
  const auto chat = jamsu({"generate", "--chat", "-p", text, "--json", "--max-tokens", "8"}).lines();
  ASSERT_EQ(raw.size(), 1u);
  ASSERT_EQ(chat.size(), 1u);
  EXPECT_EQ(raw[0].at("prompt_tokens").to_number<size_t>(), tokens(text) + 1);
  EXPECT_GT(chat[0].at("prompt_tokens").to_number<size_t>(), tokens(text) + 1);
  EXPECT_EQ(raw[0].at("reasoning").as_string(), "");
  EXPECT_NE(raw[0].at("content"), chat[0].at("content"));
  // A mark that a user types is text, not a token.
  const auto marked = jamsu({"generate", "-p", "<|user|>", "--json", "--max-tokens", "1"}).lines();
  ASSERT_EQ(marked.size(), 1u);
  EXPECT_GT(marked[0].at("prompt_tokens").as_int64(), 2);
  const Ended said = jamsu({"generate", "-p", "<|user|>", "--max-tokens", "1"});
  EXPECT_TRUE(contains(said.err, "<|user|>") && contains(said.err, "--special")) << said.err;
  const Ended silent = jamsu({"generate", "-p", "a <b>", "--max-tokens", "1"});
  EXPECT_FALSE(contains(silent.err, "--special")) << silent.err;
  // --special makes it one.
  const auto special = jamsu({"generate", "-p", "<|user|>", "--special", "--json", "--max-tokens", "1"}).lines();
  ASSERT_EQ(special.size(), 1u);
  EXPECT_EQ(special[0].at("prompt_tokens").as_int64(), 2);
  const Ended template_too = jamsu({"generate", "--chat", "-p", "x", "--special"});
  EXPECT_EQ(template_too.code, 1);
  EXPECT_TRUE(contains(template_too.err, "--special")) << template_too.err;
  const Ended think = jamsu({"generate", "-p", "x", "--think", "on"});
  EXPECT_EQ(think.code, 1);
  EXPECT_TRUE(contains(think.err, "--chat")) << think.err;
}

TEST_F(Generate, AFileOfPromptsGivesALineEachInItsOrder) {
  const std::string path =
      file("p.jsonl",
           "{\"prompt\": \"7+5\", \"id\": 4}\n\n{\"prompt\": \"9-3은?\", \"note\": \"kept\"}\r\n{\"prompt\": \"2*3\"}");
  const Ended ended = jamsu({"generate", "--chat", "--prompts", path});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto lines = ended.lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("prompt").as_string(), "7+5");
  EXPECT_EQ(lines[0].at("id").as_int64(), 4);
  EXPECT_EQ(lines[1].at("note").as_string(), "kept");
  EXPECT_EQ(lines[2].at("prompt").as_string(), "2*3");
  // The same alone: a batch changes no reply.
  const auto alone = jamsu({"generate", "--chat", "-p", "9-3은?", "--json"}).lines();
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].at("content"), lines[1].at("content"));
  EXPECT_EQ(alone[0].at("reasoning"), lines[1].at("reasoning"));
}

TEST_F(Generate, BadPromptFilesNameFileAndLine) {
  const struct {
    const char *content, *expected;
  } bad[] = {{"{\"prompt\": \"a\"}\n{\"prompt\": \n", "bad.jsonl:2"},
             {"{\"prompt\": 7}\n", "bad.jsonl:1: not an object with either a string \"prompt\" or"},
             {"[1]\n", "bad.jsonl:1"},
             {"{\"prompt\": \"a\", \"prompt\": \"b\"}\n", "bad.jsonl:1"},
             {"{\"prompt\": \"a\"} x\n", "bad.jsonl:1"},
             {"\n \n", "bad.jsonl: no prompts"}};
  for (const auto& b : bad) {
    const Ended ended = jamsu({"generate", "--prompts", file("bad.jsonl", b.content)});
    EXPECT_EQ(ended.code, 1) << b.content;
    EXPECT_TRUE(contains(ended.err, b.expected)) << ended.err;
    EXPECT_EQ(ended.out, "");
  }
  const Ended missing = jamsu({"generate", "--prompts", folder_ / "none.jsonl"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(contains(missing.err, "none.jsonl")) << missing.err;
}

TEST_F(Generate, WrongUseIsSaid) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"generate"},
                                                    {"generate", "-p", "a", "--prompts", "b.jsonl"},
                                                    {"generate", "-p", ""}}) {
    const Ended ended = jamsu(arguments);
    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(contains(ended.err, "one of -p TEXT, --prompts FILE and --tokens IDS")) << ended.err;
  }
  const Ended model = jamsu({"generate", "-p", "a", "--model", folder_ / "no-model"});
  EXPECT_EQ(model.code, 1);
  EXPECT_TRUE(contains(model.err, "no-model: no folder with a config.json there")) << model.err;
}

// A folder without a tokenizer: ids in, ids out.
// The values are those of golden/models/llama3: the first prompt's 16 greedy tokens.
TEST_F(Generate, WholeConversationsAreContinued) {
  const std::string path =
      file("chats.jsonl",
           "{\"id\": 1, \"messages\": [{\"role\": \"user\", \"content\": \"7+5\"}]}\n"
           "{\"id\": 2, \"prompt\": \"7+5\"}\n"
           "{\"id\": 3, \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}, {\"role\": "
           "\"assistant\", \"content\": \"Hello!\"}, {\"role\": \"user\", \"content\": \"7+5\"}]}\n");
  const Ended ended = jamsu({"generate", "--chat", "--prompts", path});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto lines = ended.lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("content"), lines[1].at("content"));
  EXPECT_EQ(lines[0].at("prompt_tokens"), lines[1].at("prompt_tokens"));
  EXPECT_GT(lines[2].at("prompt_tokens").as_int64(), lines[0].at("prompt_tokens").as_int64());
  const Ended system = jamsu({"generate", "--chat", "--json", "--system", "짧게 답해 주세요.", "-p", "7+5"});
  EXPECT_EQ(system.code, 0) << system.err;
  EXPECT_GT(system.json().at("prompt_tokens").as_int64(), lines[0].at("prompt_tokens").as_int64());

  const Ended plain = jamsu({"generate", "--prompts", path});
  EXPECT_EQ(plain.code, 1);
  EXPECT_TRUE(contains(plain.err, "add --chat")) << plain.err;
  const std::string broken = file("broken.jsonl", "{\"messages\": [{\"role\": \"user\"}]}\n");
  const Ended said = jamsu({"generate", "--chat", "--prompts", broken});
  EXPECT_EQ(said.code, 1);
  EXPECT_TRUE(contains(said.err, "messages[0]: \"content\" is missing")) << said.err;
  const std::string tools = file("tools.json", "{\"name\": \"weather\"}");
  const Ended no_list = jamsu({"generate", "--chat", "-p", "x", "--tools", tools});
  EXPECT_EQ(no_list.code, 1);
  EXPECT_TRUE(contains(no_list.err, "tools.json is an object, not a list of tools")) << no_list.err;
}

// Ids end where any file says that a text ends; advice that cannot be followed is said and ends nothing.
TEST_F(Generate, TokensObeyEveryEnd) {
  namespace fs = std::filesystem;
  const std::string copy = folder_ / "llama3";
  fs::copy(std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/llama3", copy);
  const std::vector<std::string> ask = {"--f32", "generate", "--model", copy, "--tokens", "1,2,3", "--json"};
  std::string said;
  const auto ids = [&] {
    const Ended ended = jamsu(ask);
    EXPECT_EQ(ended.code, 0) << ended.err;
    said = ended.err;
    return ended.json().at("ids").as_array();
  };
  const auto all = ids();
  ASSERT_GT(all.size(), 6u);
  const auto fourth = boost::json::serialize(all.at(3));
  std::ofstream(copy + "/generation_config.json")
      << R"({"top_k": -1, "surprise": 1, "eos_token_id": [)" << fourth << "]}";
  EXPECT_LE(ids().size(), 4u);
  EXPECT_TRUE(contains(said, "\"surprise\" is not used")) << said;
  fs::remove(copy + "/generation_config.json");
  std::ofstream(copy + "/tokenizer_config.json")
      << R"({"eos_token": "<end>", "added_tokens_decoder": {")" << fourth << R"(": {"content": "<end>"}}})";
  EXPECT_LE(ids().size(), 4u);
}

// A model whose makers want it sampled: so it is, unless the command line says otherwise.
TEST_F(Generate, TheModelsOwnSamplingIsUsedInChats) {
  namespace fs = std::filesystem;
  const std::string copy = folder_ / "model";
  fs::copy(std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano", copy);
  std::ofstream(copy + "/generation_config.json") << R"({"do_sample": true, "temperature": 20, "eos_token_id": 1})";
  const auto content = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"generate",     "--chat", "--json",  "-p", "7+5",
                                          "--max-tokens", "20",     "--model", copy};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = jamsu(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const auto reply = ended.json();
    return std::string(reply.at("reasoning").as_string()) + "|" + std::string(reply.at("content").as_string());
  };
  EXPECT_NE(content({}), content({"--temperature", "0"}));
  EXPECT_NE(content({}), content({"--seed", "1"}));
  std::ofstream(copy + "/generation_config.json") << R"({"do_sample": true, "top_p": 2})";
  // It is advice: what cannot be followed is said.
  const Ended bad = jamsu({"generate", "--chat", "-p", "7+5", "--json", "--model", copy});
  EXPECT_EQ(bad.code, 0);
  EXPECT_TRUE(contains(bad.err, "\"top_p\" = 2")) << bad.err;
}

TEST_F(Generate, TokensAreContinuedWithoutATokenizer) {
  const std::string folder = std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/llama3";
  const Ids ids = first_prompt(folder);
  const Ended ended =
      jamsu({"--f32", "generate", "--model", folder, "--tokens", ids.prompt, "--max-tokens", "16", "--json"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto reply = ended.json().as_object();
  EXPECT_EQ(reply.at("ids").as_array(), ids.greedy) << ended.out;
  EXPECT_EQ(reply.at("logprobs").as_array().size(), 16u);
  EXPECT_EQ(reply.at("tokens").to_number<int>(), 16);
  const Ended plain = jamsu({"--f32", "generate", "--model", folder, "--tokens", ids.prompt, "--max-tokens", "2"});
  EXPECT_EQ(plain.out,
            std::to_string(ids.greedy[0].as_int64()) + " " + std::to_string(ids.greedy[1].as_int64()) + "\n");

  const Ended text = jamsu({"generate", "--model", folder, "-p", "Once"});
  EXPECT_EQ(text.code, 1);
  EXPECT_TRUE(contains(text.err, "tokenizer.json: no such file")) << text.err;
  EXPECT_TRUE(contains(text.err, "generate --tokens")) << text.err;
  for (const auto& [tokens, error] : std::vector<std::pair<std::string, std::string>>{
           {"1,x", "at character 3"}, {"1,-2", "at character 3"}, {",", "no token id"}, {"1,317", "317"}}) {
    const Ended bad = jamsu({"generate", "--model", folder, "--tokens", tokens});
    EXPECT_EQ(bad.code, 1) << tokens;
    EXPECT_TRUE(contains(bad.err, error)) << bad.err;
  }
}

// ORG/NAME in the Hugging Face cache: refs/main names the snapshot, whose files are links to blobs outside it.
TEST_F(Generate, AModelIsFoundInTheHubsCache) {
  namespace fs = std::filesystem;
  const fs::path from = std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/llama3",
                 repository = fs::path(home()) / "hub/models--someone--tiny-llama",
                 snapshot = repository / "snapshots/0123abcd";
  fs::create_directories(snapshot);
  fs::create_directories(repository / "blobs");
  fs::create_directories(repository / "refs");
  for (const char* name : {"config.json", "model.safetensors"}) {
    fs::copy(from / name, repository / "blobs" / name);
    fs::create_symlink(fs::path("../../blobs") / name, snapshot / name);
  }
  std::ofstream(repository / "refs/main") << "0123abcd\n";
  const Ended shown = jamsu({"show", "someone/tiny-llama", "--json"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(shown.json().as_object().at("architecture").as_string(), "LlamaForCausalLM");
  EXPECT_EQ(jamsu({"generate", "--model", "someone/tiny-llama", "--tokens", "1 2", "--max-tokens", "4"}).code, 0);
  const Ended missing = jamsu({"show", "someone/else"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(contains(missing.err, "someone/else: no folder with a config.json there")) << missing.err;
  // ls and rm know it, and a copy under JAMSU_HOME/models.
  fs::create_directories(fs::path(home()) / "models");
  fs::copy(from, fs::path(home()) / "models/mine");
  const auto listed = jamsu({"ls", "--json"}).lines();
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[2].at("name").as_string(), "nano");  // the shipped one, last
  EXPECT_EQ(listed[0].at("name").as_string(), "mine");
  EXPECT_EQ(listed[1].at("name").as_string(), "someone/tiny-llama");
  EXPECT_EQ(listed[1].at("stored_dtype").as_string(), "BF16");
  EXPECT_TRUE(contains(jamsu({"ls"}).out, "LlamaForCausalLM"));
  const Ended unsure = jamsu({"rm", "mine"});
  EXPECT_EQ(unsure.code, 1);
  EXPECT_TRUE(contains(unsure.err, "say --yes")) << unsure.err;
  EXPECT_EQ(jamsu({"rm", "mine", "--yes"}).code, 0);
  EXPECT_FALSE(fs::exists(fs::path(home()) / "models/mine"));
  EXPECT_EQ(jamsu({"rm", "../hub", "--yes"}).code, 1);
  std::ofstream(repository / "refs/main") << "../../..";
  EXPECT_EQ(jamsu({"show", "someone/tiny-llama"}).code, 1);
}

TEST_F(Generate, AStopTextEndsTheReply) {
  const auto all = jamsu({"generate", "-p", "1, 2, 3, ", "--json", "--max-tokens", "40"}).lines();
  ASSERT_EQ(all.size(), 1u);
  const std::string content(all[0].at("content").as_string());
  ASSERT_GT(content.size(), 6u);
  size_t at = 3;  // the beginning of a character
  const auto inside = [&](size_t i) {
    return i < content.size() && (static_cast<unsigned char>(content[i]) & 0xC0) == 0x80;
  };
  while (inside(at)) ++at;
  size_t end = at + 1;
  while (inside(end)) ++end;
  ASSERT_LT(end, content.size());
  const std::string stop = content.substr(at, end - at);
  const auto cut = jamsu({"generate", "-p", "1, 2, 3, ", "--json", "--max-tokens", "40", "--stop", stop}).lines();
  ASSERT_EQ(cut.size(), 1u);
  EXPECT_EQ(std::string(cut[0].at("content").as_string()), content.substr(0, content.find(stop)));
  EXPECT_EQ(cut[0].at("finish_reason").as_string(), "stop");
  const Ended half = jamsu({"generate", "-p", "1, 2, 3, ", "--stop", "\xEA\xB0"});
  EXPECT_EQ(half.code, 1);
  EXPECT_TRUE(contains(half.err, "not UTF-8")) << half.err;
}

TEST_F(Generate, OnePromptThatFailsMakesTheExitCodeAndTheRunFailed) {
  const std::string path = file(
      "p.jsonl", "{\"prompt\": \"7+5\"}\n{\"prompt\": \"" + std::string(9000, 'q') + "\"}\n");  // beyond the context
  const Ended ended = jamsu({"generate", "--chat", "--prompts", path});
  EXPECT_EQ(ended.code, 1);
  const auto lines = ended.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_FALSE(lines[0].contains("error"));
  EXPECT_TRUE(contains(std::string(lines[1].at("error").as_string()), "context"));
  EXPECT_EQ(lines[1].at("finish_reason").as_string(), "error");
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(runs()[0].at("ending").as_string(), "failed");
}

TEST_F(Generate, AFullDiskBehindTheOutputIsAnError) {
  const Ended ended = run({.arguments = {"generate", "--chat", "-p", "7+5"}, .home = home(), .output = "/dev/full"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "the output cannot be written")) << ended.err;
}

TEST_F(Generate, SamplingRepeatsWithItsSeedAndThreadsChangeNothing) {
  const auto content = [&](const std::string& seed, const std::string& threads) {
    const auto lines = jamsu({"generate", "-p", "Tom", "--json", "--max-tokens", "30", "--temperature", "1", "--seed",
                              seed, "--threads", threads})
                           .lines();
    return lines.empty() ? std::string() : std::string(lines[0].at("content").as_string());
  };
  EXPECT_EQ(content("1", "1"), content("1", "3"));
  EXPECT_NE(content("1", "1"), content("2", "1"));
}

}  // namespace
}  // namespace jamsu::regress

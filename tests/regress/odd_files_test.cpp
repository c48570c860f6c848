// A FIFO, a device, a folder or a socket where a file is expected: said at once by every reader. What a shell puts in
// the place of a file, <(command), is read.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

namespace fs = std::filesystem;

const std::string kNano = JAMSU_SOURCE_DIR "/pretrained/nano";

struct Odd {
  const char* what;
  void (*make)(const std::string& path);
};
const Odd kOdd[] = {{"a FIFO (named pipe)", [](const std::string& p) { ASSERT_EQ(::mkfifo(p.c_str(), 0600), 0); }},
                    {"a device", [](const std::string& p) { fs::create_symlink("/dev/zero", p); }},
                    {"a folder", [](const std::string& p) { fs::create_directory(p); }},
                    {"a socket", [](const std::string& p) {
                       const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
                       sockaddr_un address{};
                       address.sun_family = AF_UNIX;
                       ASSERT_LT(p.size(), sizeof(address.sun_path));
                       std::memcpy(address.sun_path, p.c_str(), p.size());
                       ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
                       ::close(fd);
                     }}};

class OddFiles : public ProgramTest {
 protected:
  Ended bash(const std::string& command) const {
    return run({.arguments = {"-c", command}, .home = home(), .program = "bash"});
  }
};

TEST_F(OddFiles, OfAModelsFolder) {
  int number = 0;
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja",
                           "tokenizer_config.json", "generation_config.json"})
    for (const Odd& odd : kOdd) {
      const std::string folder = folder_ / std::to_string(number++), path = folder + "/" + name;
      fs::create_directory(folder);
      for (const auto& file : fs::directory_iterator(kNano))
        fs::create_symlink(file.path(), folder + "/" + file.path().filename().string());
      fs::remove(path);
      odd.make(path);
      const Ended ended = jamsu({"generate", "--model", folder, "--chat", "-p", "48+57"});
      const bool advice = name == std::string("generation_config.json");
      EXPECT_EQ(ended.code, advice ? 0 : 1) << path << ended.err;
      EXPECT_TRUE(contains(ended.err, fmt::format("{}: is {}, where a file is read.", path, odd.what))) << ended.err;
    }
}

// A link into a cache whose blob has gone: not as if the file were not there, which would mean other defaults.
TEST_F(OddFiles, LinksThatLeadNowhere) {
  for (const char* name : {"chat_template.jinja", "tokenizer_config.json", "tokenizer.json", "generation_config.json",
                           "model.safetensors"}) {
    const std::string folder = folder_ / name, path = folder + "/" + name;
    fs::copy(kNano, folder);
    fs::remove(path);
    fs::create_symlink("../../blobs/gone", path);
    const Ended ended = jamsu({"generate", "--model", folder, "--chat", "-p", "48+57"});
    EXPECT_EQ(ended.code, name == std::string("generation_config.json") ? 0 : 1) << ended.err;
    EXPECT_TRUE(contains(ended.err, path + ": cannot be read: No such file")) << ended.err;
  }
}

TEST_F(OddFiles, OnTheCommandLine) {
  const std::string recipe = file("good.toml", "[[data.files]]\npath = \"odd.txt\"\n");
  const std::vector<std::pair<const char*, std::vector<std::string>>> verbs = {
      {"odd.jsonl", {"generate", "--model", kNano, "--prompts", "@"}},
      {"odd.json", {"generate", "--model", kNano, "--chat", "-p", "x", "--tools", "@"}},
      {"odd.toml", {"pretrain", "@", "--explain"}},
      {"odd.jsonl", {"sft", "--from", kNano, "@", "--explain"}},
      {"odd.txt", {"pretrain", "--from", kNano, "@", "--explain"}},
      {"odd.txt", {"pretrain", "@", "--explain"}},
      {"odd.txt", {"tokenizer", "train", "--text", "@", "--vocab", "300", "--out", folder_ / "t.json"}},
      {"odd.txt", {"eval", "--model", kNano, "--task", "perplexity", "@"}},
      {"odd.jsonl", {"eval", "--model", kNano, "--task", "qa", "@"}},
      {"odd.json", {"plan", "@"}}};
  for (const auto& [name, verb] : verbs)
    for (const Odd& odd : kOdd) {
      const std::string path = folder_ / name;
      odd.make(path);
      std::vector<std::string> arguments = verb;
      for (std::string& argument : arguments)
        if (argument == "@") argument = path;
      const Ended ended = jamsu(arguments);
      EXPECT_EQ(ended.code, 1) << arguments[0] << " " << path << ended.out << ended.err;
      // A folder may be a model's, and so may what is no file at all for plan.
      const bool model = odd.what == std::string("a folder") || verb[0] == "plan";
      EXPECT_TRUE(model || contains(ended.err, fmt::format("{}: is {}, where a file is read.", path, odd.what)))
          << arguments[0] << ": " << ended.err;
      EXPECT_TRUE(contains(ended.err, path)) << ended.err;
      fs::remove(path);
    }
}

TEST_F(OddFiles, WhatAShellPutsThereIsRead) {
  const std::string generate = std::string(JAMSU_PROGRAM) + " generate --model " + kNano + " --chat ";
  const auto replies = [&](const std::string& command) {
    const Ended ended = bash(command);
    EXPECT_EQ(ended.code, 0) << command << ended.err;
    return ended.lines().size();
  };
  const std::string prompt = R"({"prompt": "48+57"})";
  EXPECT_EQ(replies(generate + "--prompts <(echo '" + prompt + "'; sleep 0.2; echo '" + prompt + "')"), 2u);
  EXPECT_EQ(replies("echo '" + prompt + "' | " + generate + "--prompts -"), 1u);
  EXPECT_EQ(replies("echo '" + prompt + "' | " + generate + "--prompts /dev/stdin"), 1u);
  EXPECT_EQ(replies(generate + "--prompts /dev/stdin <<< '" + prompt + "'"), 1u);
  EXPECT_EQ(replies("(echo 48+; sleep 0.2; echo 57) | " + generate + "--json -p -"), 1u);
  EXPECT_EQ(bash(generate + "-p 48+57 --tools <(echo '[]')").code, 0);
  EXPECT_EQ(bash(std::string(JAMSU_PROGRAM) + " pretrain <(cat recipes/nano.toml) --explain").code, 0);
  const Ended zero = bash(generate + "-p - < /dev/zero");
  EXPECT_EQ(zero.code, 1);
  EXPECT_TRUE(contains(zero.err, "stdin: is a device, where a file is read.")) << zero.err;
}

}  // namespace
}  // namespace jamsu::regress

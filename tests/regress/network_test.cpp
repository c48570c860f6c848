// The program opens no socket: as strace sees it (here for every verb; JAMSU_WATCH=1 for every start of the suite,
// program.h), and because nothing that is loaded could.
#include <set>
#include <sstream>

#include "regress/program.h"

namespace jamsu::regress {
namespace {

class Network : public ProgramTest {
 protected:
  Network() { watched_ = true; }
};

constexpr const char* kRecipe = R"([model]
vocab_size = 300
hidden_size = 16
num_hidden_layers = 1
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
max_position_embeddings = 256

[pretrain]
tokens = 1024
batch_tokens = 512
micro_batch_tokens = 256
context = 256

[sft]
tokens = 1024
batch_tokens = 512
micro_batch_tokens = 256
context = 256
)";

// Every verb, some of them with what makes them fail: an error opens no socket either.
TEST_F(Network, NoVerbOpensASocket) {
  if (!why_not_watched().empty()) GTEST_SKIP() << why_not_watched();
  const std::string recipe = file("small.toml", kRecipe), tokenizer = folder_ / "tokenizer.json";
  const std::string nano = "pretrained/nano", run = folder_ / "run";
  const struct {
    std::vector<std::string> arguments;
    std::string input;
    int code;
  } starts[] = {
      {{"--help"}, {}, 0},
      {{"--version"}, {}, 0},
      {{"generate", "--chat", "-p", "7+5", "--max-tokens", "8"}, {}, 3},  // cut
      {{"generate", "-p", "http://example.com/", "--max-tokens", "4"}, {}, 0},
      {{"chat", "--max-tokens", "8"}, "7+5\n/help\n", 0},
      {{"eval", "--problems", "2", "--max-tokens", "8"}, {}, 0},
      {{"show", nano}, {}, 0},
      {{"plan", nano, "--peak-gflops", "100", "--bandwidth-gbs", "20", "--memory-gib", "20"}, {}, 0},
      {{"check", nano}, {}, 0},
      {{"tokenizer", "train", "--samples", "100", "--vocab", "300", "--out", tokenizer}, {}, 0},
      {{"tokenizer", "encode", "--tokenizer", tokenizer, "12"}, {}, 0},
      {{"pretrain", recipe, "--folder", run, "--tokenizer", tokenizer, "--max-steps", "2"}, {}, 0},
      {{"sft", recipe, "--folder", folder_ / "sft", "--from", run + "/model", "--max-steps", "2"}, {}, 0},
      {{"data", "show", recipe, "--tokenizer", tokenizer}, {}, 0},
      {{"doctor", "--help"}, {}, 0},
      {{"bench", "--help"}, {}, 0},
      {{"ledger"}, {}, 0},
      {{"ls"}, {}, 0},
      {{"show", "deepseek-ai/DeepSeek-V3"}, {}, 1},
      {{"generate", "-p", "x", "--model", "https://huggingface.co/x/y"}, {}, 1},
  };
  for (const auto& start : starts) {
    const Ended ended = jamsu(start.arguments, start.input);
    EXPECT_EQ(ended.code, start.code) << start.arguments[0] << ": " << ended.err;
    EXPECT_EQ(network_calls(), "") << start.arguments[0];
  }
  Terminal terminal({.arguments = {"chat", "--max-tokens", "8"}, .home = home(), .watched = true});
  terminal.until("> ");
  terminal.type("7+5\n");
  terminal.until("> ");
  terminal.type("\x04");
  int code = -1;
  terminal.rest(code);
  EXPECT_EQ(code, 0);
  EXPECT_EQ(network_calls(), "") << "chat at a terminal";
}

// Of a sanitized program that is not so: its runtime can.
#ifndef JAMSU_SANITIZED
// The names of a program or library that others have to define.
std::set<std::string> undefined_names(const std::string& path, const std::string& home) {
  const Ended nm = run({.arguments = {"-D", "--undefined-only", path}, .home = home, .program = "nm"});
  EXPECT_EQ(nm.code, 0) << nm.err;
  std::set<std::string> names;
  std::istringstream lines(nm.out);
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(line.rfind(' ') + 1);  // "    U connect@GLIBC_2.2.5"
    names.insert(name.substr(0, name.find('@')));
  }
  return names;
}

// The C library has the functions, of course: who calls them would name them.
TEST_F(Network, NothingThatIsLoadedCouldConnect) {
  const Ended ldd = run({.arguments = {JAMSU_PROGRAM}, .home = home(), .program = "ldd"});
  ASSERT_EQ(ldd.code, 0) << ldd.err;
  std::vector<std::string> loaded = {JAMSU_PROGRAM};
  std::istringstream lines(ldd.out);
  for (std::string line;
       std::getline(lines, line);) {  // "	libfmt.so.9 => /lib/x86_64-linux-gnu/libfmt.so.9 (0x...)"
    const size_t begin = line.find("=> /"), end = line.find(" (", begin);
    if (begin != std::string::npos && !contains(line, "libc.so"))
      loaded.push_back(line.substr(begin + 3, end - begin - 3));
  }
  EXPECT_GT(loaded.size(), 5u) << ldd.out;
  for (const std::string& path : loaded) {
    const auto names = undefined_names(path, home());
    EXPECT_FALSE(names.empty()) << path;
    for (const char* name : {"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto",
                             "sendmsg", "recvfrom", "getaddrinfo", "gethostbyname", "gethostbyname_r", "res_query"})
      EXPECT_FALSE(names.contains(name)) << path << " calls " << name;
  }
  EXPECT_TRUE(undefined_names(JAMSU_OPENS_A_SOCKET, home()).contains("socket"));  // the control
}
#endif

}  // namespace
}  // namespace jamsu::regress

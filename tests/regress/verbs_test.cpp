// Help, unknown words, and the verbs that only look: show, doctor, data, tokenizer.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "regress/program.h"

namespace jamsu::regress {
namespace {

using Verbs = ProgramTest;

// The names under "Subcommands:" of a help text.
std::vector<std::string> subcommands(const std::string& help) {
  std::vector<std::string> names;
  std::istringstream lines(help);
  bool listing = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("Subcommands:"))
      listing = true;
    else if (listing && line.starts_with("  ") && line.size() > 2 && line[2] != ' ')
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
    else if (listing && line.empty())
      break;
  }
  return names;
}

TEST_F(Verbs, EveryHelpShowsAnExampleOfItsVerb) {
  const Ended top = jamsu({"--help"});
  EXPECT_EQ(top.code, 0);
  EXPECT_TRUE(contains(top.out, "Example: jamsu chat"));
  const auto verbs = subcommands(top.out);
  for (const char* named : {"chat", "generate", "show", "plan", "check", "pretrain", "sft", "eval", "tokenizer", "data",
                            "doctor", "bench", "ledger"})
    EXPECT_TRUE(std::find(verbs.begin(), verbs.end(), named) != verbs.end()) << named;
  for (const std::string& verb : verbs) {
    const Ended help = jamsu({verb, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_TRUE(contains(help.out, "Example: jamsu " + verb)) << help.out;
    for (const std::string& part : subcommands(help.out)) {
      const Ended inner = jamsu({verb, part, "--help"});
      EXPECT_EQ(inner.code, 0);
      EXPECT_TRUE(contains(inner.out, "Example: jamsu " + verb + " " + part)) << inner.out;
    }
  }
}

// Every option of every verb that takes a number with a fraction, as its help says. NaN is within no range, although no
// comparison says so.
TEST_F(Verbs, NoNumberOptionTakesNanOrInfinity) {
  std::vector<std::vector<std::string>> verbs;
  for (const std::string& verb : subcommands(jamsu({"--help"}).out)) {
    if (verb == "pull") continue;  // a program of its own
    const auto parts = subcommands(jamsu({verb, "--help"}).out);
    for (const std::string& part : parts) verbs.push_back({verb, part});
    if (parts.empty()) verbs.push_back({verb});
  }
  int options = 0;
  for (const auto& verb : verbs) {
    std::vector<std::string> arguments = verb;
    arguments.emplace_back("--help");
    std::istringstream help(jamsu(arguments).out);
    for (std::string line; std::getline(help, line);) {
      const size_t name = line.find("--");
      const bool number = line.find(" FLOAT") != std::string::npos || line.find(" INT") != std::string::npos ||
                          line.find(" UINT") != std::string::npos;
      if (!line.starts_with("  ") || name == std::string::npos || !number) continue;
      const std::string option = line.substr(name, line.find_first_of(" ,", name) - name);
      ++options;
      for (const char* value : {"nan", "inf", "-inf", "1e999"}) {
        arguments = verb;
        arguments.push_back(option + "=" + value);
        const Ended ended = jamsu(arguments);
        EXPECT_EQ(ended.code, 2) << verb[0] << " " << option << " " << value << ": " << ended.err;
        EXPECT_TRUE(contains(ended.err, option)) << verb[0] << " " << option << " " << value << ": " << ended.err;
      }
    }
  }
  EXPECT_GT(options, 30);
}

TEST_F(Verbs, UnknownWordsAndFlagsAreErrorsThatNameThem) {
  const struct {
    std::vector<std::string> arguments;
    const char* named;
  } bad[] = {{{"fly"}, "fly"},
             {{"generate", "-p", "x", "--colour"}, "--colour"},
             {{"show", "--jsn"}, "--jsn"},
             {{"data", "hide"}, "hide"},
             {{"--threads", "0", "show"}, "--threads"},
             {{"generate", "-p", "x", "--temperature", "hot"}, "--temperature"},
             {{"generate", "-p", "x", "--top-p", "2"}, "--top-p"},
             {{"generate", "-p", "x", "--think", "maybe"}, "--think"},
             {{"eval", "--problems", "0"}, "--problems"},
             {{"tokenizer", "train"}, "--out"},
             {{}, "subcommand"},
             {{"data"}, "subcommand"}};
  for (const auto& b : bad) {
    const Ended ended = jamsu(b.arguments);
    EXPECT_EQ(ended.code, 2) << b.named;
    EXPECT_TRUE(contains(ended.err, b.named)) << ended.err;
    EXPECT_EQ(ended.out, "");
  }
  EXPECT_TRUE(runs().empty());  // nothing was run
}

TEST_F(Verbs, WhatMayHaveBeenMeantIsSaid) {
  for (const auto& [arguments, meant] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"chta"}, "\"chat\""},
           {{"genrate", "-p", "x"}, "\"generate\""},
           {{"generate", "-p", "x", "--temprature", "1"}, "\"--temperature\""},
           {{"show", "--jsn"}, "\"--json\""},
           {{"data", "shw"}, "\"show\""}}) {
    const Ended ended = jamsu(arguments);
    EXPECT_EQ(ended.code, 2);
    EXPECT_TRUE(contains(ended.err, "did you mean " + meant)) << ended.err;
  }
}

// Words of the command line come back in errors, as what they are.
TEST_F(Verbs, ControlCharactersOfTheLineAreShown) {
  const std::string evil = "x\x1b]0;owned\x07\n";
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{evil},
                                                    {"show", evil},
                                                    {"generate", "-p", "x", "--" + evil},
                                                    {"pretrain", evil},
                                                    {"generate", "-p", "x", "--think", evil},
                                                    {"eval", "--sets", evil},
                                                    {"eval", "--task", evil, evil},
                                                    {"generate", "--prompts", evil},
                                                    {"tokenizer", "encode", "--tokenizer", evil, "x"},
                                                    {"data", "show", evil},
                                                    {"rm", evil},
                                                    {"chat", "--model", evil},
                                                    {"plan", evil}}) {
    const Ended ended = jamsu(arguments);
    EXPECT_NE(ended.code, 0);
    EXPECT_FALSE(contains(ended.err + ended.out, "\x1b") || contains(ended.err + ended.out, "\x07")) << ended.err;
    EXPECT_TRUE(contains(ended.err, "x\\x1b]0;owned\\x07")) << arguments[0] << ": " << ended.err;
  }
}

TEST_F(Verbs, AnUnknownInstructionSetIsRefused) {
  const Ended ended = run({.arguments = {"show"}, .home = home(), .isa = "mmx"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "JAMSU_ISA=mmx: this CPU has ")) << ended.err;
}

TEST_F(Verbs, ShowTellsArchitectureParametersAndMemory) {
  const Ended text = jamsu({"show", "pretrained/nano"});
  EXPECT_EQ(text.code, 0) << text.err;
  for (const char* part : {"DeepseekV3ForCausalLM", "3,154,304 total, 1,417,600 active", "1,024 tokens", "latent"})
    EXPECT_TRUE(contains(text.out, part)) << text.out;
  const auto json = jamsu({"show", "--json"}).json();
  EXPECT_EQ(json.at("architecture").as_string(), "DeepseekV3ForCausalLM");
  EXPECT_EQ(json.at("parameters").as_int64(), 3154304);
  EXPECT_EQ(json.at("active_parameters").as_int64(), 1417600);
  EXPECT_EQ(json.at("experts").as_int64(), 16);
  EXPECT_EQ(json.at("context").as_int64(), 1024);
  const auto& kv = json.at("kv_bytes").at("1024");
  EXPECT_GT(kv.at("expanded").as_int64(), kv.at("absorbed").as_int64());
  EXPECT_GT(kv.at("absorbed").as_int64(), kv.at("latent").as_int64());
  EXPECT_EQ(json.at("cache_policy").as_string(), "expanded");
  EXPECT_EQ(jamsu({"show", "--json", "--cache", "latent"}).json().at("cache_policy").as_string(), "latent");
  EXPECT_EQ(jamsu({"show", "--cache", "small"}).code, 2);
  const Ended missing = jamsu({"show", folder_ / "nothing"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(contains(missing.err, "nothing: no folder with a config.json")) << missing.err;
}

TEST_F(Verbs, ADamagedModelIsNamed) {
  file("config.json", "{\"architectures\": [\"DeepseekV3ForCausalLM\"]");
  const Ended ended = jamsu({"show", folder_.path()});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "config.json")) << ended.err;
}

TEST_F(Verbs, DoctorMeasures) {
  const Ended ended = jamsu({"doctor", "--json", "--slices", "1", "--threads", "1"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto json = ended.json();
  EXPECT_FALSE(json.at("cpu").as_string().empty());
  EXPECT_FALSE(json.at("isas").as_array().empty());
  const auto& measured = json.at("measured").as_array();
  ASSERT_EQ(measured.size(), 1u);
  EXPECT_GT(measured[0].at("peak_flops").at("median").as_double(), 1e9);
  EXPECT_GT(measured[0].at("read_bytes_per_second").at("median").as_double(), 1e8);
}

TEST_F(Verbs, BenchMeasuresAgainstThePeak) {
  const Ended ended =
      jamsu({"bench", "gemm", "--rounds", "2", "--threads", "1", "--m", "64", "--k", "256", "--n", "256", "--json"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto lines = ended.lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("name").as_string(), "bf16 64 x 256 x 256");
  EXPECT_EQ(lines[1].at("name").as_string(), "bf16 as it lies 64 x 256 x 256");
  EXPECT_EQ(lines[2].at("name").as_string(), "FP8 as it lies 64 x 256 x 256");
  for (const auto& line : lines) {
    EXPECT_EQ(line.at("rounds").as_int64(), 2);
    EXPECT_GT(line.at("rate").at("median").as_double(), 1e8);
    const auto& of_peak = line.at("of_peak");
    EXPECT_LE(of_peak.at("lower_quartile").as_double(), of_peak.at("upper_quartile").as_double());
  }
#ifndef JAMSU_SANITIZED  // slow there
  const Ended decode = jamsu({"bench", "decode", "--rounds", "1", "--threads", "1"});
  EXPECT_EQ(decode.code, 0) << decode.err;
  EXPECT_TRUE(contains(decode.out, "nano, 64 sequences")) << decode.out;
  const Ended model = jamsu({"bench", "model", "--rounds", "1", "--threads", "1"});
  EXPECT_EQ(model.code, 0) << model.err;
  for (const char* part : {"opened", "prefill of 512", "% of peak", "decoding 32 after 64", "% of read bandwidth"})
    EXPECT_TRUE(contains(model.out, part)) << model.out;
#endif
  const Ended exists = jamsu({"bench", "make-model", "v2-lite-9", folder_.path()});
  EXPECT_EQ(exists.code, 1);
  EXPECT_TRUE(contains(exists.err, "it exists")) << exists.err;
  EXPECT_EQ(jamsu({"bench", "train", "--micro-rows", "3"}).code, 2);
  const Ended reference = run({.arguments = {"bench", "gemm"}, .home = home(), .isa = "ref"});
  EXPECT_EQ(reference.code, 1);
  EXPECT_TRUE(contains(reference.err, "no peak")) << reference.err;
}

TEST_F(Verbs, BenchEncodesATextAndSaysWhichIds) {
  const std::string text = std::string(JAMSU_SOURCE_DIR) + "/README.md";
  const Ended ended = jamsu({"bench", "tokenizer", "pretrained/nano", text, "--rounds", "2", "--json"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto lines = ended.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].at("unit").as_string(), "MB/s");
  EXPECT_EQ(lines[1].at("unit").as_string(), "tokens/s");
  for (const auto& line : lines) {
    EXPECT_EQ(line.at("rounds").as_int64(), 2);
    EXPECT_EQ(line.at("threads").as_int64(), 1);
    EXPECT_GT(line.at("rate").at("median").as_double(), 0);
    EXPECT_LE(line.at("rate").at("lower_quartile").as_double(), line.at("rate").at("upper_quartile").as_double());
  }
  const auto& ids = lines[0].at("ids_sha256").as_string();
  EXPECT_EQ(ids.size(), 64u);
  EXPECT_EQ(ids, lines[1].at("ids_sha256").as_string());
  std::ofstream(folder_.path() + "/48.txt") << "48+57";
  const Ended other =
      jamsu({"bench", "tokenizer", "pretrained/nano", folder_.path() + "/48.txt", "--rounds", "1", "--json"});
  EXPECT_EQ(other.lines()[0].at("name").as_string(), "0.0 MB in 1 documents, 5 tokens");
  EXPECT_NE(other.lines()[0].at("ids_sha256").as_string(), ids);
  const Ended nothing = jamsu({"bench", "tokenizer", "pretrained/nano", folder_.path() + "/none.txt"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_TRUE(contains(nothing.err, "none.txt")) << nothing.err;
  std::ofstream(folder_.path() + "/empty.txt").close();
  EXPECT_TRUE(contains(jamsu({"bench", "tokenizer", "pretrained/nano", folder_.path() + "/empty.txt"}).err, "empty"));
}

TEST_F(Verbs, DataShowPrintsDocumentsAndWhatIsLearned) {
  const std::vector<std::string> base = {"data", "show", "recipes/nano.toml", "--tokenizer", "pretrained/nano"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return jamsu(more);
  };
  const Ended text = with({"--stage", "sft"});
  EXPECT_EQ(text.code, 0) << text.err;
  for (const char* part : {"row 0, tokens 0-", "  context  |", "  learned  |", " learned, "})
    EXPECT_TRUE(contains(text.out, part)) << part;
  const auto json = with({"--json"}).json();
  EXPECT_GT(json.at("documents").as_int64(), 0);
  const auto& rows = json.at("contents").as_array();
  ASSERT_EQ(rows.size(), json.at("rows").to_number<size_t>());
  int64_t learned = 0, tokens = 0;
  for (const auto& row : rows) {
    ASSERT_EQ(row.at("ids").as_array().size(), json.at("width").to_number<size_t>());
    for (const auto& label : row.at("labels").as_array()) learned += label.as_int64() >= 0;
    for (const auto& document : row.at("documents").as_array()) tokens += document.as_int64() >= 0;
  }
  EXPECT_EQ(learned, json.at("learned").as_int64());
  EXPECT_EQ(tokens, json.at("tokens").as_int64());
  EXPECT_FALSE(with({"--json", "--summary"}).json().as_object().contains("contents"));
  const Ended missing = jamsu({"data", "show", folder_ / "no.toml"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(contains(missing.err, "no.toml")) << missing.err;
}

TEST_F(Verbs, ATokenizerIsTrainedAndUsed) {
  const std::string out = folder_ / "tokenizer.json",
                    text = file("mine.txt", "jamsu dives and dives and dives again, jamsu dives\n");
  const Ended trained =
      jamsu({"tokenizer", "train", "--samples", "100", "--text", text, "--vocab", "400", "--out", out, "--json"});
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(trained.json().at("tokens").as_int64(), 400);
  EXPECT_EQ(trained.json().at("texts").as_int64(), 1);
  const auto encoded = jamsu({"tokenizer", "encode", "--tokenizer", out, "--json", "12 dives"}).json();
  std::string joined;
  for (const auto& piece : encoded.at("pieces").as_array()) joined += piece.as_string();
  EXPECT_EQ(joined, "12 dives");
  EXPECT_EQ(encoded.at("pieces").as_array().at(0).as_string(), "1");  // digits never merge
  EXPECT_EQ(encoded.at("ids").as_array().size(), encoded.at("pieces").as_array().size());
  const Ended lines = jamsu({"tokenizer", "encode", "--tokenizer", out, "12"});
  EXPECT_TRUE(contains(lines.out, "\t1\n")) << lines.out;
}

TEST_F(Verbs, ATokenizerThatCannotBeMadeIsSaid) {
  const Ended folder =
      jamsu({"tokenizer", "train", "--samples", "50", "--vocab", "300", "--out", folder_ / "a/b.json"});
  EXPECT_EQ(folder.code, 1);
  EXPECT_TRUE(contains(folder.err, "a/b.json")) << folder.err;
  const Ended text = jamsu({"tokenizer", "train", "--text", folder_ / "none.txt", "--out", folder_ / "t.json"});
  EXPECT_EQ(text.code, 1);
  EXPECT_TRUE(contains(text.err, "none.txt")) << text.err;
  const Ended few = jamsu({"tokenizer", "train", "--samples", "0", "--text", file("a.txt", "ab"), "--vocab", "2000",
                           "--out", folder_ / "t.json"});
  EXPECT_EQ(few.code, 1);
  EXPECT_FALSE(few.err.empty());
}

TEST_F(Verbs, ARecipeThatIsNoneIsNamed) {
  for (const char* verb : {"pretrain", "sft"}) {
    const Ended missing = jamsu({verb, folder_ / "no.toml"});
    EXPECT_EQ(missing.code, 1);
    EXPECT_TRUE(contains(missing.err, "no.toml")) << missing.err;
  }
  const Ended explained = jamsu({"pretrain", "recipes/nano.toml", "--explain"});
  EXPECT_EQ(explained.code, 0) << explained.err;
  EXPECT_TRUE(contains(explained.out, "[pretrain]")) << explained.out;
}

// A model that fits and one that cannot; a config alone; the published cost of DeepSeek-V3.
TEST_F(Verbs, PlanSaysWhatAModelNeedsBeforeItIsLoaded) {
  const std::vector<std::string> machine = {"--peak-gflops", "100", "--bandwidth-gbs", "20", "--memory-gib", "20"};
  const auto plan = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "plan");
    arguments.insert(arguments.end(), machine.begin(), machine.end());
    return jamsu(arguments);
  };
  const Ended nano = plan({"pretrained/nano", "--json", "--parallel", "4"});
  EXPECT_EQ(nano.code, 0) << nano.err;
  EXPECT_TRUE(contains(nano.out, "\"parameters\":3154304")) << nano.out;
  EXPECT_TRUE(contains(nano.out, "\"context\":1024")) << nano.out;
  EXPECT_TRUE(contains(nano.out, "\"fits\":true")) << nano.out;
  const std::string v3 = "tests/plan/configs/deepseek_v3.json";
  const Ended large = plan({v3, "--train", "--tokens", "1e9"});
  EXPECT_EQ(large.code, 1);
  EXPECT_TRUE(contains(large.err, "does not fit")) << large.err;
  EXPECT_TRUE(contains(large.out, "671 G total")) << large.out;
  EXPECT_TRUE(contains(large.out, "2788K hours, $5.576M")) << large.out;
  EXPECT_EQ(plan({v3, "--force"}).code, 0);
  EXPECT_EQ(plan({v3, "--train"}).code, 1);  // of how many tokens?
  EXPECT_EQ(plan({"pretrained/nano", "--context", "2000"}).code, 1);
  EXPECT_TRUE(contains(plan({"README.md"}).err, "README.md")) << "the file is named";
}

// A table of 488 GiB that no disk holds (the file is sparse): refused before it is read, with the numbers.
TEST_F(Verbs, AModelThatDoesNotFitIsRefused) {
  file("config.json", R"({"architectures": ["LlamaForCausalLM"], "vocab_size": 4000000, "hidden_size": 65536,
      "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 64, "num_key_value_heads": 1,
      "max_position_embeddings": 64, "tie_word_embeddings": true})");
  const std::map<std::string, std::vector<int64_t>> shapes = {
      {"model.embed_tokens.weight", {4000000, 65536}},
      {"model.norm.weight", {65536}},
      {"model.layers.0.input_layernorm.weight", {65536}},
      {"model.layers.0.post_attention_layernorm.weight", {65536}},
      {"model.layers.0.self_attn.q_proj.weight", {65536, 65536}},
      {"model.layers.0.self_attn.k_proj.weight", {1024, 65536}},
      {"model.layers.0.self_attn.v_proj.weight", {1024, 65536}},
      {"model.layers.0.self_attn.o_proj.weight", {65536, 65536}},
      {"model.layers.0.mlp.gate_proj.weight", {32, 65536}},
      {"model.layers.0.mlp.up_proj.weight", {32, 65536}},
      {"model.layers.0.mlp.down_proj.weight", {65536, 32}}};
  boost::json::object header;
  int64_t offset = 0;
  for (const auto& [name, shape] : shapes) {
    int64_t bytes = 2;
    for (const int64_t d : shape) bytes *= d;
    header[name] = {{"dtype", "BF16"},
                    {"shape", boost::json::array(shape.begin(), shape.end())},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = boost::json::serialize(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t length = text.size();
  const std::string path =
      file("model.safetensors", std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text);
  std::error_code error;
  std::filesystem::resize_file(path, 8 + text.size() + static_cast<uint64_t>(offset), error);
  if (error) GTEST_SKIP() << "no sparse file of 500 GiB here: " << error.message();
  const auto start = std::chrono::steady_clock::now();
  for (const std::vector<std::string>& verb : {std::vector<std::string>{"generate", "-p", "x"}, {"chat"}, {"eval"}}) {
    auto arguments = verb;
    arguments.insert(arguments.end(), {"--model", folder_.path()});
    const Ended ended = jamsu(arguments);
    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(contains(ended.err, "does not fit: weights take ")) << ended.err;
    EXPECT_TRUE(contains(ended.err, "GiB are free")) << ended.err;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

// A good folder; one value turned to NaN; a tensor of the wrong shape; a token that is none.
TEST_F(Verbs, CheckFindsWhatIsDamaged) {
  const Ended good = jamsu({"check", "pretrained/nano", "--json"});
  EXPECT_EQ(good.code, 0) << good.out << good.err;
  const auto report = good.json().as_object();
  EXPECT_EQ(report.at("texts").as_array().size(), 2u);
  EXPECT_EQ(report.at("files").as_object().at("model.safetensors").as_string().size(), 64u);
  EXPECT_TRUE(report.at("problems").as_array().empty());

  namespace fs = std::filesystem;
  const std::string copy = folder_ / "copy";
  fs::copy(std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano", copy);
  {
    std::fstream file(copy + "/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-2, std::ios::end);  // the last value of the last tensor, a bf16
    file.write("\xC0\x7F", 2);
  }
  const Ended damaged = jamsu({"check", copy, "--fast"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_TRUE(contains(damaged.out, "1 NaN and 0 infinite of")) << damaged.out << damaged.err;
  fs::remove(copy + "/tokenizer.json");
  const Ended mute = jamsu({"check", copy, "--fast"});
  EXPECT_TRUE(contains(mute.out, "no tokenizer.json")) << mute.out << mute.err;
  const Ended none = jamsu({"check", folder_ / "absent"});
  EXPECT_EQ(none.code, 1);
  EXPECT_TRUE(contains(none.err, "absent")) << none.err;
}

// A folder that opens, and says what of it is not used: a field, a constant, advice.
TEST_F(Verbs, CheckListsWhatIsNotUsed) {
  namespace fs = std::filesystem;
  const std::string copy = folder_ / "copy";
  fs::copy(std::string(JAMSU_SOURCE_DIR) + "/pretrained/nano", copy);
  std::ofstream(copy + "/generation_config.json") << R"({"temperature": "hot", "do_sample": true, "surprise": 1})";
  std::ofstream(copy + "/adapter_config.json") << "{}";
  const Ended checked = jamsu({"check", copy, "--fast", "--json"});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  const auto unused = boost::json::serialize(checked.json().as_object().at("unused"));
  for (const char* part : {"temperature", "surprise", "adapter_config.json"})
    EXPECT_TRUE(contains(unused, part)) << unused;
  EXPECT_TRUE(contains(checked.err, "surprise")) << checked.err;  // said once where it is opened
}

}  // namespace
}  // namespace jamsu::regress

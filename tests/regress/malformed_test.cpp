// Folders that are damaged in one place: the program says which file, field or offset, and in less than two seconds.
#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>

#include "base/files.h"
#include "regress/program.h"

namespace jamsu::regress {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

const std::string kSource = JAMSU_SOURCE_DIR, kModels = kSource + "/tests/golden/models/";
constexpr const char* kIndex = "model.safetensors.index.json";

double child_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::string text_of(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text) ADD_FAILURE() << text.error().message;
  return text ? *text : std::string();
}

class Malformed : public ProgramTest {
 protected:
  // A copy of a model's folder.
  std::string copy_of(const std::string& source) {
    const std::string copy = folder_ / std::to_string(copies_++);
    fs::copy(source, copy);
    return copy;
  }
  static void write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(write_file(path, text, quick()).ok()) << path;
  }
  static void change(const std::string& path, const std::function<void(json::object&)>& damage) {
    json::value value = json::parse(text_of(path));
    damage(value.as_object());
    write(path, json::serialize(value));
  }
  // Processor time, so that a busy machine changes nothing.
  void expect_error(const std::vector<std::string>& arguments, const std::vector<std::string>& named) const {
    const double before = child_seconds();
    const Ended ended = jamsu(arguments);
    const double seconds = child_seconds() - before;
    EXPECT_EQ(ended.code, 1) << ended.out << ended.err;
    for (const std::string& part : named) EXPECT_TRUE(contains(ended.err, part)) << part << " is not in: " << ended.err;
#ifndef JAMSU_SANITIZED
    EXPECT_LT(seconds, 2) << ended.err;
#else
    (void)seconds;
#endif
  }
  static test::QuickFiles& quick() {
    static test::QuickFiles files;
    return files;
  }
  int copies_ = 0;
};

std::string shard(int number) {
  return "model-000" + std::string(number < 10 ? "0" : "") + std::to_string(number) + "-of-00010.safetensors";
}
json::object& weight_map(json::object& index) {
  return index.at("weight_map").as_object();
}

TEST_F(Malformed, IndexAndShards) {
  using Folder = const std::string&;
  struct Case {
    std::function<void(Folder)> damage;
    std::vector<std::string> named;
  };
  const auto index = [](const std::function<void(json::object&)>& damage) {
    return [=](Folder f) { change(f + "/" + kIndex, damage); };
  };
  const auto config = [](const char* field, int64_t value) {
    return [=](Folder f) { change(f + "/config.json", [=](json::object& o) { o[field] = value; }); };
  };
  const std::vector<Case> cases = {
      {[](Folder f) { fs::remove(f + "/" + shard(3)); }, {shard(3) + ": cannot be read: No such file", kIndex}},
      {[](Folder f) { fs::resize_file(f + "/" + shard(3), fs::file_size(f + "/" + shard(3)) - 100); },
       {shard(3) + ": tensor \"", "end beyond the data", "cut short"}},
      {[](Folder f) { fs::resize_file(f + "/" + shard(3), 5); }, {shard(3) + ": 5 bytes"}},
      {[](Folder f) { write(f + "/" + shard(3), std::string("\0\0\0\xF0\0\0\0\0", 8) + std::string(100, '{')); },
       {shard(3) + ": header length 4026531840 (bytes 0-7)"}},
      {[](Folder f) { write(f + "/" + shard(3), std::string("\0\0\0\x01\0\0\0\0{", 9) + std::string(16 << 20, '[')); },
       {shard(3) + ": header: byte "}},
      {[](Folder f) { fs::copy_file(f + "/" + shard(2), f + "/" + shard(3), fs::copy_options::overwrite_existing); },
       {shard(3) + ": tensor \"", "is also in", shard(2)}},
      {[](Folder f) { write(f + "/" + kIndex, text_of(f + "/" + kIndex).substr(0, 300)); }, {kIndex, ": byte 300: "}},
      {index([](json::object& o) { weight_map(o).begin()->value() = "../" + shard(1); }),
       {kIndex, "weight_map \"", "is not the name of a file in this folder"}},
      {index([](json::object& o) { weight_map(o)["surprise"] = shard(1); }),
       {kIndex, "tensor \"surprise\" is not in " + shard(1)}},
      {index([](json::object& o) { weight_map(o).erase("model.norm.weight"); }),
       {"tensor \"model.norm.weight\" is not in the weight_map of ", kIndex}},
      {index([](json::object& o) {
         for (int i = 0; i < 200'000; ++i) weight_map(o)["t" + std::to_string(i)] = shard(1);
       }),
       {kIndex, "tensor \"t0\" is not in " + shard(1)}},
      // Each weight is in a shard of its own: that one is named, and for what is nowhere the index.
      {config("moe_intermediate_size", 24), {"experts.", ": shape [", "where config.json implies ["}},
      {config("vocab_size", 4000), {shard(2) + ": tensor \"model.embed_tokens.weight\": shape ["}},
      {config("num_hidden_layers", 9), {std::string(kIndex) + ": tensor \"model.layers.", " is missing"}},
      {config("num_hidden_layers", 1),
       {": tensor \"model.layers.", "belongs to no parameter of DeepseekV3ForCausalLM"}},
      {[](Folder f) {
         change(f + "/config.json", [](json::object& o) {
           o["num_hidden_layers"] = 10000;
           o["n_routed_experts"] = 65536;
         });
       },
       {"config.json: \"num_hidden_layers\" = 10000 times \"n_routed_experts\" = 65536"}},
      {[](Folder f) { write(f + "/config.json", std::string(1'000'000, '[')); }, {"config.json: byte "}},
      {[](Folder f) { write(f + "/config.json", std::string(2'000'000, ' ')); }, {"config.json: is larger than"}},
  };
  for (const Case& c : cases) {
    const std::string folder = copy_of(kModels + "kimi_k2");
    c.damage(folder);
    expect_error({"generate", "--model", folder, "--tokens", "1", "--max-tokens", "1"}, c.named);
  }
}

TEST_F(Malformed, ScalesOfFp8) {
  const std::string source = kModels + "deepseek_v3_fp8/model.safetensors", bytes = text_of(source);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const json::object header = json::parse(bytes.substr(8, length)).as_object();
  const std::string name = "model.layers.0.mlp.down_proj.weight_scale_inv";
  ASSERT_TRUE(header.contains(name));
  const size_t at = 8 + length + header.at(name).at("data_offsets").at(0).to_number<size_t>();
  const struct {
    float scale;
    const char* said;
  } bad[] = {{std::numeric_limits<float>::quiet_NaN(), "nan"}, {0, "0"}, {-1, "-1"}};
  for (const auto& b : bad) {
    const std::string folder = copy_of(kModels + "deepseek_v3_fp8");
    std::string damaged = bytes;
    std::memcpy(damaged.data() + at, &b.scale, sizeof b.scale);
    write(folder + "/model.safetensors", damaged);
    expect_error({"generate", "--model", folder, "--tokens", "1", "--max-tokens", "1"},
                 {folder + "/model.safetensors: tensor \"" + name + "\": scale 0 is " + b.said});
  }
}

// What people have instead of a model: named for what it is, with the cure, by every verb that opens one.
TEST_F(Malformed, FoldersThatAreNoModel) {
  using Folder = const std::string&;
  const auto instead = [](const char* name, const char* text) {
    return [=](Folder f) {
      fs::remove(f + "/model.safetensors");
      write(f + "/" + name, text);
    };
  };
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 988097824\n";
  const struct {
    std::function<void(Folder)> damage;
    std::vector<std::string> named;
  } cases[] = {
      {instead("model.gguf", "GGUF"), {"holds neither model.safetensors", "model.gguf", "llama.cpp"}},
      {instead("pytorch_model.bin", "PK"), {"pytorch_model.bin", "PyTorch", "save_pretrained"}},
      {instead("adapter_config.json", R"({"base_model_name_or_path": "a/b"})"), {"adapter", "a/b", "merge_and_unload"}},
      {instead("model.safetensors.incomplete", ""), {"model.safetensors.incomplete", "not finished"}},
      {instead("model.safetensors", pointer.c_str()), {"model.safetensors: is a pointer of git-lfs", "988097824"}},
      {[&](Folder f) { write(f + "/config.json", pointer); }, {"config.json: is a pointer of git-lfs"}},
      {[&](Folder f) { write(f + "/model.safetensors.aria2", ""); },
       {"model.safetensors: its download is not finished"}},
      {[&](Folder f) {
         fs::remove(f + "/config.json");
         write(f + "/a.gguf", "");
       },
       {"no folder with a config.json", "a.gguf, a file of llama.cpp"}},
  };
  for (const auto& c : cases) {
    const std::string folder = copy_of(kModels + "llama3");
    c.damage(folder);
    expect_error({"generate", "--model", folder, "--tokens", "1", "--max-tokens", "1"}, c.named);
    expect_error({"check", folder}, c.named);
  }
}

TEST_F(Malformed, Tokenizers) {
  const auto vocab = [](json::object& o) -> json::object& { return o["model"].at("vocab").as_object(); };
  const auto merges = [](json::object& o) -> json::array& { return o["model"].at("merges").as_array(); };
  const struct {
    std::function<void(json::object&)> damage;
    const char* named;
  } cases[] = {
      {[&](json::object& o) { vocab(o).begin()->value() = 1 << 30; }, "is 1073741824; the ids of "},
      {[&](json::object& o) { vocab(o).begin()->value() = -1; }, "is -1; the ids of "},
      {[&](json::object& o) { vocab(o).erase(vocab(o).begin()); }, "which belongs to"},
      {[&](json::object& o) { vocab(o).begin()->value() = (vocab(o).begin() + 1)->value(); }, "both have id"},
      {[&](json::object& o) {
         merges(o).push_back({"no", "where"});
       },
       "\"no\" is not in model.vocab"},
      {[&](json::object& o) { o["added_tokens"].as_array().back().as_object()["id"] = "x"; }, "added_tokens["},
  };
  const std::string path = folder_ / "tokenizer.json";
  for (const auto& c : cases) {
    write(path, text_of(kSource + "/pretrained/nano/tokenizer.json"));
    change(path, c.damage);
    expect_error({"tokenizer", "encode", "--tokenizer", path, "12"}, {path, c.named});
  }
}

// A hostile file that is right takes no longer: a token of a million marks.
TEST_F(Malformed, ATokenOfAMillionMarks) {
  std::string marks;
  for (int i = 0; i < 1'000'000; ++i) marks += "▁";
  const std::string path = folder_ / "tokenizer.json";
  write(path, text_of(kSource + "/tests/fuzz/seeds/tokenizer_sentencepiece.json"));
  change(path, [&](json::object& o) {
    auto& vocab = o["model"].at("vocab").as_object();
    vocab[marks] = static_cast<int64_t>(vocab.size());
  });
  const double before = child_seconds();
  EXPECT_EQ(jamsu({"tokenizer", "encode", "--tokenizer", path, "ab"}).code, 0);
#ifndef JAMSU_SANITIZED
  EXPECT_LT(child_seconds() - before, 2);
#else
  (void)before;
#endif
}

}  // namespace
}  // namespace jamsu::regress

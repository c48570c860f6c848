// Folders that are no model yet: each is named for what it is, with the cure.
#include "formats/folder.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/faults.h"
#include "formats/safetensors.h"

namespace jamsu::formats {
namespace {

namespace fs = std::filesystem;

class FolderTest : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& text = "x") const {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    ASSERT_TRUE(write_file(folder_ / name, text, quick_).ok());
  }
  void expect(const std::vector<std::string>& parts) const {
    const std::string said = what_lies_there(folder_.path());
    for (const std::string& part : parts) EXPECT_NE(said.find(part), std::string::npos) << part << " in: " << said;
  }
  test::Folder folder_;
  mutable test::QuickFiles quick_;
};

TEST_F(FolderTest, EveryKindIsNamed) {
  const struct {
    std::vector<const char*> files;
    std::vector<std::string> said;
  } kinds[] = {
      {{"model.gguf", "config.json"}, {"model.gguf", "llama.cpp"}},
      {{"pytorch_model.bin"}, {"pytorch_model.bin", "PyTorch", "save_pretrained"}},
      {{"pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"},
       {"pytorch_model.bin.index.json", "PyTorch"}},
      {{"consolidated.00.pth", "params.json"}, {"consolidated.00.pth", "pickle"}},
      {{"consolidated.safetensors", "params.json"}, {"Mistral's own layout"}},
      {{"tf_model.h5"}, {"TensorFlow"}},
      {{"flax_model.msgpack"}, {"Flax"}},
      {{"onnx.onnx"}, {"ONNX"}},
      {{"model-00001-of-00002.safetensors"}, {"model-00001-of-00002.safetensors", "index.json"}},
      {{"model.fp16.safetensors"}, {"model.fp16.safetensors", "under a name of their own"}},
      {{"model.safetensors.incomplete"}, {"model.safetensors.incomplete", "not finished", "jamsu pull"}},
      {{"model.safetensors.aria2"}, {"model.safetensors.aria2", "not finished"}},
      {{"model.safetensors.part", "model.gguf"}, {"model.safetensors.part", "not finished"}},
      {{".cache/huggingface/download/abc.incomplete"}, {".cache/huggingface/download/abc.incomplete", "not finished"}},
      {{"blobs/x", "refs/x", "snapshots/0123/config.json"}, {"Hugging Face cache", "snapshots/0123"}},
      {{"model/config.json"}, {"subfolder", "/model"}},
  };
  for (const auto& kind : kinds) {
    for (const char* file : kind.files) put(file);
    expect(kind.said);
    for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove_all(entry.path());
  }
  EXPECT_EQ(what_lies_there(folder_.path()), "");
  EXPECT_EQ(what_lies_there(folder_ / "nothing"), "");
}

TEST_F(FolderTest, AnAdapterNamesItsModel) {
  put("adapter_config.json", R"({"base_model_name_or_path": "Qwen/Qwen3-0.6B", "peft_type": "LORA"})");
  put("adapter_model.safetensors");
  expect({"adapter", "Qwen/Qwen3-0.6B", "merge_and_unload"});
  put("adapter_config.json", "{");
  expect({"adapter", "the model it was trained on"});
}

TEST_F(FolderTest, TheSnapshotThatMainIsWinsOverOthers) {
  put("refs/main", "aaa\n");
  put("snapshots/aaa/config.json");
  put("snapshots/bbb/config.json");
  expect({"snapshots/aaa"});
  put("refs/main", "gone");
  expect({"snapshots/bbb"});
}

TEST_F(FolderTest, ASnapshotWithoutItsWeightsSaysThatTheyAreOnTheirWay) {
  put("models--a--b/blobs/0123.incomplete");
  put("models--a--b/snapshots/c0/config.json");
  EXPECT_NE(what_lies_there(folder_ / "models--a--b/snapshots/c0").find("blobs/0123.incomplete"), std::string::npos);
}

TEST_F(FolderTest, OpeningSaysIt) {
  put("pytorch_model.bin");
  const auto opened = Safetensors::open_folder(folder_.path());
  ASSERT_FALSE(opened.ok());
  for (const char* part : {"holds neither model.safetensors nor", "pytorch_model.bin"})
    EXPECT_NE(opened.error().message.find(part), std::string::npos) << opened.error().message;
}

TEST_F(FolderTest, MissingShardsAreCountedAndNamed) {
  std::string map;
  for (int i = 0; i < 12; ++i)
    map += (i ? "," : "") + ("\"t" + std::to_string(i) + "\":\"m" + std::to_string(i) + "\"");
  put("model.safetensors.index.json", "{\"weight_map\":{" + map + "}}");
  put("m3");
  const auto opened = Safetensors::open_folder(folder_.path());
  ASSERT_FALSE(opened.ok());
  for (const char* part :
       {"/m0: cannot be read: No such file", "11 of the 12 shards", "m0, m1, m10, m11", ", ...", "jamsu pull"})
    EXPECT_NE(opened.error().message.find(part), std::string::npos) << opened.error().message;
}

TEST_F(FolderTest, AFileWithItsDownloadersMarkIsNotOpened) {
  Allocator memory;
  ASSERT_TRUE(write_safetensors(folder_ / "model.safetensors", {{"a", Tensor::zeros({2}, DType::f32, memory)}}).ok());
  EXPECT_TRUE(Safetensors::open_folder(folder_.path()).ok());
  put("model.safetensors.aria2");
  const auto opened = Safetensors::open_folder(folder_.path());
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("model.safetensors: its download is not finished"), std::string::npos)
      << opened.error().message;
}

TEST(folder, WeightsAloneLackTheirConfig) {
  const test::Folder folder;
  ASSERT_TRUE(write_file(folder / "model.safetensors", "x").ok());
  EXPECT_EQ(what_lies_there(folder.path()),
            "It holds model.safetensors, and no config.json, which says what model the weights are of. Fetch that file "
            "too.");
}

// What cannot be asked is not what is not there.
TEST(folder, APathThatTheSystemRefusesIsNamedSo) {
  const auto opened = Safetensors::open_folder(std::string(5000, 'a'));
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("File name too long"), std::string::npos)
      << opened.error().message.substr(5000);
}

// A link of a cache whose blob has gone: the file is named, not "holds neither".
TEST_F(FolderTest, ALinkThatLeadsNowhereIsNamed) {
  fs::create_symlink("../../blobs/gone", folder_ / "model.safetensors");
  const auto opened = Safetensors::open_folder(folder_.path());
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("model.safetensors: cannot be read: No such file"), std::string::npos);
}

TEST_F(FolderTest, WhatTheBytesAreIsSaid) {
  const std::pair<std::string, const char*> files[] = {
      {"<!doctype html><html><head>", "a web page"},
      {std::string("GGUF") + std::string(40, '\x03'), "llama.cpp"},
      {std::string("PK\x03\x04") + std::string(40, 'x'), "zip archive"},
      {std::string("\x80\x02") + std::string(40, 'q'), "pickle"},
      {"Entry not found and more", "an answer of the hub"},
      {std::string(64, '\0'), "not finished"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "git-lfs"}};
  for (const auto& [bytes, said] : files) {
    put("model.safetensors", bytes);
    const auto opened = Safetensors::open_folder(folder_.path());
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find(said), std::string::npos) << opened.error().message;
  }
}

}  // namespace
}  // namespace jamsu::formats

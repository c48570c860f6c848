// Files and folders: views, shards, what is written.
#include "formats/safetensors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace jamsu::formats {
namespace {

namespace fs = std::filesystem;

class SafetensorsFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = (fs::temp_directory_path() / ("jamsu-safetensors-" + std::to_string(::getpid()))).string();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void text(const std::string& name, const std::string& content) const {
    ASSERT_TRUE(write_file(path(name), content).ok());
  }
  Tensor tensor(Shape shape, DType dtype, int first) {
    Tensor t = Tensor::empty(shape, dtype, memory_);
    for (int64_t i = 0; i < t.bytes(); ++i) t.raw()[i] = static_cast<std::byte>(first + i);
    return t;
  }
  std::string folder_error() const {
    const auto r = Safetensors::open_folder(folder_);
    return r ? "" : r.error().message;
  }
  std::string folder_;
  Allocator memory_;
};

TEST_F(SafetensorsFiles, written_bytes_come_back_aligned_and_in_order) {
  // U8 before F32 by name: the order of names alone would misalign "z".
  const std::map<std::string, Tensor> tensors{{"a", tensor({3}, DType::u8, 1)},
                                              {"b", tensor({3}, DType::bf16, 50)},
                                              {"z", tensor({2, 1}, DType::f32, 9)},
                                              {"y", tensor({0, 4}, DType::f32, 0)},
                                              {"s", tensor({}, DType::i64, 77)}};
  ASSERT_TRUE(write_safetensors(path("x.safetensors"), tensors, {{"note", "\"quoted\" 한글"}}).ok());
  const auto r = Safetensors::open_file(path("x.safetensors"));
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->metadata().at("format"), "pt");
  EXPECT_EQ(r->metadata().at("note"), "\"quoted\" 한글");
  ASSERT_EQ(r->tensors().size(), tensors.size());
  for (const auto& [name, t] : r->views()) {
    const Tensor& want = tensors.at(name);
    EXPECT_EQ(t.shape(), want.shape()) << name;
    EXPECT_EQ(t.dtype(), want.dtype()) << name;
    EXPECT_EQ(std::memcmp(t.raw(), want.raw(), static_cast<size_t>(t.bytes())), 0) << name;
  }
  std::vector<std::string> order;
  for (const auto& t : r->tensors()) order.push_back(t.name);
  EXPECT_EQ(order, (std::vector<std::string>{"s", "y", "z", "b", "a"}));
  EXPECT_EQ(r->tensors()[0].offset % 8, 0);
}

TEST_F(SafetensorsFiles, views_outlive_the_reader) {
  ASSERT_TRUE(write_safetensors(path("x.safetensors"), {{"a", tensor({4}, DType::u8, 5)}}).ok());
  Tensor t;
  {
    const auto r = Safetensors::open_file(path("x.safetensors"));
    ASSERT_TRUE(r.ok());
    t = r->view(*r->find("a"));
    EXPECT_EQ(r->find("b"), nullptr);
  }
  EXPECT_EQ(t.raw()[3], std::byte{8});
}

TEST_F(SafetensorsFiles, reads_shards) {
  ASSERT_TRUE(write_safetensors(path("model-1.safetensors"), {{"a", tensor({4}, DType::u8, 5)}}).ok());
  ASSERT_TRUE(write_safetensors(path("model-2.safetensors"), {{"b", tensor({2}, DType::f32, 7)}}).ok());
  text("model.safetensors.index.json",
       R"({"metadata":{"total_size":12},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  const auto r = Safetensors::open_folder(folder_);
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_EQ(r->files().size(), 2u);
  EXPECT_EQ(r->view(*r->find("b")).raw()[0], std::byte{7});
}

TEST_F(SafetensorsFiles, shards_that_are_wrong) {
  EXPECT_EQ(folder_error(), folder_ + ": holds neither model.safetensors nor model.safetensors.index.json.");
  ASSERT_TRUE(write_safetensors(path("m1"), {{"a", tensor({4}, DType::u8, 5)}}).ok());
  ASSERT_TRUE(write_safetensors(path("m2"), {{"b", tensor({4}, DType::u8, 5)}, {"c", tensor({4}, DType::u8, 5)}}).ok());
  const std::string index = "model.safetensors.index.json";
  const auto error_of = [&](const std::string& map) {
    text(index, R"({"weight_map":)" + map + "}");
    return folder_error();
  };
  EXPECT_EQ(error_of(R"({"a":"m1","b":"m2","c":"m2"})"), "");
  EXPECT_EQ(error_of(R"({"a":"m1","b":"m2"})"),
            path("m2") + ": tensor \"c\" is not in the weight_map of " + index + ".");
  EXPECT_EQ(error_of(R"({"a":"m1","b":"m2","c":"m1"})"),
            path(index) + ": tensor \"c\" is in " + path("m2") + ", not in m1, the shard named for it.");
  EXPECT_EQ(error_of(R"({"a":"m1","b":"m2","c":"m2","d":"m2"})"),
            path(index) + ": tensor \"d\" is not in m2, the shard named for it.");
  EXPECT_NE(error_of(R"({"a":"m1","b":"m3"})").find(path("m3") + ": cannot be read: No such file"), std::string::npos);
  EXPECT_EQ(error_of(R"({"a":"m1","a":"m2"})"), path(index) + ": key \"a\" stands twice in one object.");
  EXPECT_EQ(error_of("[]"), path(index) + ": \"weight_map\" is missing or no object.");
  EXPECT_EQ(error_of("{}"), path(index) + ": \"weight_map\" names no tensor.");
  EXPECT_EQ(error_of(R"({"a":1})"), path(index) + ": weight_map \"a\" is no string.");
  for (const char* name : {"../m1", "/m1", "..", ".", "", "x/m1", "..\\\\m1", "m1\\u0000"})
    EXPECT_NE(error_of(std::string("{\"a\":\"") + name + "\"}").find("is not the name of a file in this folder"),
              std::string::npos)
        << name;
  // The same tensor in two shards.
  ASSERT_TRUE(write_safetensors(path("m3"), {{"a", tensor({4}, DType::u8, 5)}}).ok());
  EXPECT_NE(error_of(R"({"a":"m1","x":"m3"})").find(path("m3") + ": tensor \"a\" is also in " + path("m1")),
            std::string::npos);
}

TEST_F(SafetensorsFiles, an_official_file_is_read) {
  const auto r = Safetensors::open_folder(std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/kimi_k2");
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_GT(r->files().size(), 1u);
  EXPECT_NE(r->find("model.embed_tokens.weight"), nullptr);
}

TEST_F(SafetensorsFiles, a_full_disk_keeps_the_earlier_file) {
  class FullDisk : public FileOps {
    int write(int, const void*, size_t bytes) override { return bytes > 4 ? ENOSPC : 0; }
  } full;
  ASSERT_TRUE(write_safetensors(path("x"), {{"a", tensor({4}, DType::u8, 5)}}).ok());
  const auto s = write_safetensors(path("x"), {{"b", tensor({4}, DType::u8, 5)}}, {}, full);
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().message, path("x") + ": cannot be written: the disk is full.");
  EXPECT_NE(Safetensors::open_file(path("x"))->find("a"), nullptr);
}

}  // namespace
}  // namespace jamsu::formats

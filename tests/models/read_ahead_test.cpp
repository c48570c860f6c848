// What the system is asked to read ahead, and to forget, when a model is opened.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <numeric>
#include <vector>

#include "base/faults.h"
#include "base/mapped_file.h"
#include "models/open.h"

namespace {

std::mutex changing;
std::condition_variable changed;
std::vector<size_t> asked, will_need, forgotten;  // bytes of each MADV_POPULATE_READ, MADV_WILLNEED, MADV_DONTNEED
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
bool old_kernel = false;  // before Linux 5.14

}  // namespace

// In the place of libc's.
extern "C" int madvise(void* begin, size_t bytes, int advice) noexcept {
  if (advice == MADV_POPULATE_READ) {
    const std::lock_guard lock(changing);
    asked.push_back(bytes);
    changed.notify_all();
    if (old_kernel) {
      errno = EINVAL;
      return -1;
    }
  }
  if (advice == MADV_WILLNEED) will_need.push_back(bytes);
  if (advice == MADV_DONTNEED) forgotten.push_back(bytes);
  return static_cast<int>(::syscall(SYS_madvise, begin, bytes, advice));
}

namespace jamsu::models {
namespace {

namespace fs = std::filesystem;

class ReadAhead : public ::testing::Test {
 protected:
  ReadAhead() {
    for (std::vector<size_t>* list : {&asked, &will_need, &forgotten}) list->clear();
    old_kernel = false;
  }
  static std::string golden(const std::string& name) {
    return std::string(JAMSU_SOURCE_DIR) + "/tests/golden/models/" + name;
  }
  static size_t file_bytes(const std::string& name) { return fs::file_size(golden(name) + "/model.safetensors"); }
  void open(const std::string& name, int64_t memory_free_bytes) {
    const auto opened = open_model(golden(name), ops::Packs::forward, runtime_.context(), memory_free_bytes);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }
  // What was asked for, once `count` files were; asking has a thread of its own.
  static std::vector<size_t> asked_for(size_t count) {
    std::unique_lock lock(changing);
    changed.wait_for(lock, std::chrono::seconds(60), [&] { return asked.size() >= count; });
    return asked;
  }
  ops::Runtime runtime_{1, kernels::Isa::ref, ops::Numerics::bf16};
};

using Sizes = std::vector<size_t>;
const std::string kFp8 = "deepseek_v3_fp8", kBf16 = "qwen2_bf16";

TEST_F(ReadAhead, WhatIsUsedWhereItLiesIsAskedForAtOpen) {
  open(kFp8, 0);
  EXPECT_EQ(asked_for(1), Sizes{file_bytes(kFp8)});
  open(kBf16, static_cast<int64_t>(file_bytes(kBf16)));  // just fits
  EXPECT_EQ(asked_for(2), (Sizes{file_bytes(kFp8), file_bytes(kBf16)}));
}

TEST_F(ReadAhead, NotWhatIsLargerThanTheFreeMemory) {
  open(kFp8, static_cast<int64_t>(file_bytes(kFp8)) - 1);
  open(kBf16, 0);  // which would be asked for after it
  EXPECT_EQ(asked_for(1), Sizes{file_bytes(kBf16)});
}

// A file of zeros that takes no room.
std::shared_ptr<MappedFile> sparse_file(const test::Folder& folder, size_t bytes) {
  EXPECT_TRUE(write_file(folder / "x", "").ok());
  fs::resize_file(folder / "x", bytes);
  return MappedFile::open(folder / "x").value();
}

TEST_F(ReadAhead, LargeFilesInPieces) {
  const test::Folder folder;
  const auto file = sparse_file(folder, (size_t{32} << 20) + 5);
  file->read_ahead();
  EXPECT_EQ(asked, (Sizes{size_t{16} << 20, size_t{16} << 20, 5}));
  EXPECT_EQ(will_need, Sizes{});
}

TEST_F(ReadAhead, BeforeLinux514TheWholeIsAskedForAtOnce) {
  const test::Folder folder;
  const auto file = sparse_file(folder, (size_t{32} << 20) + 5);
  old_kernel = true;
  file->read_ahead();
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_EQ(will_need, (Sizes{(size_t{32} << 20) + 5}));
}

// What became other values in memory does not count twice.
TEST_F(ReadAhead, WhatWasConvertedIsForgotten) {
  const auto forgotten_of = [&](const std::string& name) {
    forgotten.clear();
    open(name, 0);
    const size_t bytes = std::accumulate(forgotten.begin(), forgotten.end(), size_t{0});
    return static_cast<double>(bytes) / static_cast<double>(file_bytes(name));
  };
  EXPECT_GT(forgotten_of("qwen2_f16"), 0.9);  // all but the header; pages shared with a neighbour twice
  EXPECT_GT(forgotten_of("qwen2"), 0.9);
  EXPECT_LT(forgotten_of(kBf16), 0.6);  // norms and biases, with the rest of their pages
}

// What only looks like a mapping is left alone.
TEST(ForgetPages, OfMappedFilesAlone) {
  const test::Folder folder;
  ASSERT_TRUE(write_file(folder / "x", std::string(3 * 4096 + 7, 'x')).ok());
  const auto file = MappedFile::open(folder / "x").value();
  std::vector<std::byte> heap(1 << 20, std::byte{7});
  forgotten.clear();
  forget_pages(heap);
  EXPECT_EQ(forgotten, Sizes{});
  forget_pages(file->bytes().subspan(4100, 10));
  forget_pages(file->bytes().subspan(4100));
  forget_pages(file->bytes());
  EXPECT_EQ(forgotten, (Sizes{14, 2 * 4096 + 7, 3 * 4096 + 7}));
  for (const std::byte b : heap) ASSERT_EQ(b, std::byte{7});
  for (const std::byte b : file->bytes()) ASSERT_EQ(b, std::byte{'x'});
}

}  // namespace
}  // namespace jamsu::models

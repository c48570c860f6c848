// What the system is asked to read ahead when a model is opened.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <vector>

#include "models/open.h"

namespace {

std::mutex changing;
std::condition_variable changed;
std::vector<size_t> asked;  // bytes of each MADV_POPULATE_READ
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

}  // namespace

// In the place of libc's.
extern "C" int madvise(void* begin, size_t bytes, int advice) noexcept {
  if (advice == MADV_POPULATE_READ) {
    const std::lock_guard lock(changing);
    asked.push_back(bytes);
    changed.notify_all();
  }
  return static_cast<int>(::syscall(SYS_madvise, begin, bytes, advice));
}

namespace jamsu::models {
namespace {

namespace fs = std::filesystem;

class ReadAhead : public ::testing::Test {
 protected:
  ReadAhead() { asked.clear(); }
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

}  // namespace
}  // namespace jamsu::models

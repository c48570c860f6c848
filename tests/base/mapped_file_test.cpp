// A mapped file that is cut short, written to or replaced while it is read.
#include "base/mapped_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>

#include "base/faults.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBytes = 3 * 4096 + 100;

class MappedFileTest : public ::testing::Test {
 protected:
  MappedFileTest() {
    EXPECT_TRUE(write_file(path_, std::string(kBytes, 'x'), quick_).ok());
    file_ = MappedFile::open(path_).value();
  }
  static int64_t sum(const MappedFile& file) {
    return std::accumulate(file.bytes().begin(), file.bytes().end(), int64_t{0},
                           [](int64_t s, std::byte b) { return s + std::to_integer<int64_t>(b); });
  }
  static std::string error(const MappedFile& file) {
    const Status s = file.intact();
    return s ? "" : s.error().message;
  }
  test::Folder folder_;
  test::QuickFiles quick_;
  std::string path_ = folder_ / "x";
  std::shared_ptr<MappedFile> file_;
};

TEST_F(MappedFileTest, CutShortItReadsAsZerosAndIsNamed) {
  EXPECT_EQ(sum(*file_), static_cast<int64_t>(kBytes) * 'x');
  EXPECT_EQ(error(*file_), "");
  fs::resize_file(path_, 4096);
  EXPECT_EQ(sum(*file_), 4096 * 'x');
  EXPECT_EQ(error(*file_), path_ + ": was cut short from 12388 to 4096 bytes while it was in use.");
  EXPECT_EQ(sum(*file_), 4096 * 'x');  // again, without a fault
  // Its size coming back heals nothing.
  fs::resize_file(path_, kBytes);
  EXPECT_EQ(error(*file_), path_ + ": was written to while it was in use.");
}

TEST_F(MappedFileTest, ALostPageIsKnownEvenIfSizeAndTimeCameBack) {
  const auto time = fs::last_write_time(path_);
  fs::resize_file(path_, 0);
  EXPECT_EQ(sum(*file_), 0);
  fs::resize_file(path_, kBytes);
  fs::last_write_time(path_, time);
  EXPECT_NE(error(*file_).find(path_ + ": byte 0 could not be read"), std::string::npos) << error(*file_);
}

// No page is lost, so there is no signal.
TEST_F(MappedFileTest, CutWithinItsLastPageIsNamed) {
  fs::resize_file(path_, kBytes - 1);
  EXPECT_EQ(sum(*file_), static_cast<int64_t>(kBytes - 1) * 'x');
  EXPECT_NE(error(*file_).find("from 12388 to 12387 bytes"), std::string::npos) << error(*file_);
}

TEST_F(MappedFileTest, WrittenToInPlaceItIsNamed) {
  fs::last_write_time(path_, fs::last_write_time(path_) - std::chrono::seconds(9));
  const auto file = MappedFile::open(path_).value();
  std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary) << "y";
  EXPECT_EQ(error(*file), path_ + ": was written to while it was in use.");
}

// As a program does that updates a file well, or removes it.
TEST_F(MappedFileTest, ReplacedOrRemovedItIsIntact) {
  ASSERT_TRUE(write_file(path_, "other").ok());
  EXPECT_EQ(sum(*file_), static_cast<int64_t>(kBytes) * 'x');
  EXPECT_EQ(error(*file_), "");
  fs::remove(path_);
  EXPECT_EQ(error(*file_), "");
}

TEST_F(MappedFileTest, AnEmptyFileHasNoBytes) {
  ASSERT_TRUE(write_file(path_, "", quick_).ok());
  const auto file = MappedFile::open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
  EXPECT_EQ(error(**file), "");
}

// Readers meet the end while others map and unmap: the handler walks a list that changes.
TEST_F(MappedFileTest, ThreadsMeetTheEndAtOnce) {
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) EXPECT_TRUE(MappedFile::open(JAMSU_SOURCE_DIR "/README.md").ok());
  });
  for (int round = 0; round < 30; ++round) {
    const std::string path = folder_ / std::to_string(round);
    ASSERT_TRUE(write_file(path, std::string(kBytes, 'x'), quick_).ok());
    const auto file = MappedFile::open(path).value();
    fs::resize_file(path, 0);
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) readers.emplace_back([&] { EXPECT_EQ(sum(*file), 0); });
    for (auto& r : readers) r.join();
    EXPECT_NE(error(*file), "");
  }
  stop = true;
  other.join();
}

// What is no mapped file's ends the process as it would without us.
TEST_F(MappedFileTest, OtherBusErrorsAreNotSwallowed) {
  // A sanitizer's handler, which was there before, reports and aborts.
  EXPECT_DEATH(::raise(SIGBUS), "");
  const auto map_past_the_end = [&] {
    const int fd = ::open(path_.c_str(), O_RDONLY);
    const auto* page = static_cast<const volatile char*>(::mmap(nullptr, 1 << 20, PROT_READ, MAP_PRIVATE, fd, 0));
    return page[1 << 19];
  };
  EXPECT_DEATH(std::_Exit(map_past_the_end()), "");
}

}  // namespace
}  // namespace jamsu

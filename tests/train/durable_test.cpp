// What a save has reported outlives a power cut: every byte and every name of it was fsynced, on a disk that keeps no more
// than POSIX says. A call of fsync that is taken out of a save, of export or of make_folders turns these red.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <mutex>

#include "base/faults.h"
#include "base/strict_disk.h"
#include "kernels/test_isas.h"
#include "models/open.h"
#include "numerics/small_world.h"
#include "train/byte_tokenizer.h"
#include "train/checkpoint.h"
#include "train/export.h"
#include "train/setup/run_folder.h"

namespace {

std::mutex calls_mutex;
std::vector<std::string> calls;
int count = 0;

void note(int fd) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), path, sizeof path);
  const std::lock_guard lock(calls_mutex);
  calls.emplace_back(path, n > 0 ? static_cast<size_t>(n) : 0);
  ++count;
}

// What was fsynced since the last question, by its path at that moment.
std::vector<std::string> fsynced() {
  const std::lock_guard lock(calls_mutex);
  return std::exchange(calls, {});
}
int fsync_count() {
  const std::lock_guard lock(calls_mutex);
  return count;
}

}  // namespace

// As this test's program calls it: a definition in the program goes before the C library's.
extern "C" int fsync(int fd) {
  note(fd);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

class Durable : public ::testing::Test {
 protected:
  Durable() { disk_.fsync_calls = fsync_count; }
  std::map<std::string, Tensor> tensors() {
    Tensor t = Tensor::zeros({40}, DType::f32, memory_);
    return {{"master.w", t}, {"m.w", t}};
  }
  const test::Folder folder_;
  test::StrictDisk disk_;
  Allocator memory_;
};

TEST_F(Durable, EverySaveOutlivesAPowerCut) {
  const std::string checkpoints = folder_ / "checkpoints";
  for (const int64_t step : {1, 2, 2, 3}) {  // a new folder, another, one that is replaced
    const auto saved = save_checkpoint(checkpoints, step, tensors(), {{"tokens", step}}, {.keep = 2, .files = &disk_});
    ASSERT_TRUE(saved.ok()) << saved.error().message;
    EXPECT_EQ(disk_.lost(checkpoints), std::vector<std::string>()) << "step " << step;
  }
}

TEST_F(Durable, TheFoldersOfARunKeepTheirNames) {
  const std::string deep = folder_ / "a/b/c";
  ASSERT_TRUE(make_folders(deep + "/", disk_).ok());
  for (const char* name : {"a", "a/b", "a/b/c"}) EXPECT_TRUE(disk_.lost(folder_ / name).empty()) << name;
  EXPECT_TRUE(make_folders(deep, disk_).ok());  // is there
  EXPECT_TRUE(write_file(folder_ / "file", "text").ok());
  EXPECT_EQ(make_folders(folder_ / "file", disk_).error().message,
            (folder_ / "file") + ": cannot be made: Not a directory.");
  EXPECT_EQ(make_folders(folder_ / "file/below", disk_).error().message,
            (folder_ / "file/below") + ": cannot be made: Not a directory.");

  // A run's folder, also where a process that was killed made it and did not come to the fsync.
  for (const bool made : {false, true}) {
    const std::string run = folder_ / (made ? "there" : "new");
    if (made) fs::create_directory(run);
    (void)fsynced();
    const auto opened = RunFolder::open(run);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    const auto calls_of_open = fsynced();
    EXPECT_TRUE(has(calls_of_open, folder_.path()) && has(calls_of_open, run)) << made;
  }
}

TEST_F(Durable, AModelIsExportedWithWhatItsOwnerKeptBesideIt) {
  auto small = numerics_test::small_config();
  small.vocab_size = test::byte_tokenizer().vocab_size();
  const auto config = with_tokenizer(models::to_json(small, "bfloat16"), test::byte_tokenizer());
  ASSERT_TRUE(config.ok());
  ops::Runtime runtime(1, kernels::test::test_isa(), ops::Numerics::bf16);
  const auto model = models::create_model(*config, ops::Numerics::bf16, "config.json");
  ASSERT_TRUE(model.ok());
  Trainer trainer(**model, runtime, {});
  const std::string at = folder_ / "run/model";
  const auto write = [&] {
    return export_model(at, trainer, *config, test::byte_tokenizer(), {.chat_template = "x", .files = &disk_});
  };
  ASSERT_TRUE(write().ok());
  EXPECT_EQ(disk_.lost(folder_ / "run"), std::vector<std::string>());
  // The owner's files, which the next export copies and then removes where they were.
  fs::create_directory(at + "/pictures");
  for (const char* name : {"README.md", "pictures/one.svg"}) ASSERT_TRUE(write_file(at + "/" + name, "mine").ok());
  (void)fsynced();
  ASSERT_TRUE(write().ok());
  const auto synced = fsynced();
  for (const char* name : {"/README.md", "/pictures", "/pictures/one.svg", "/model.safetensors"})
    EXPECT_TRUE(has(synced, at + ".tmp" + name) || has(synced, at + ".tmp" + name + ".tmp")) << name;
  EXPECT_EQ(*read_file(at + "/pictures/one.svg"), "mine");
}

}  // namespace
}  // namespace jamsu::train

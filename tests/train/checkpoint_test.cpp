// Checkpoints survive every failing call, every flipped bit and kill -9.
#include "train/checkpoint.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/clock.h"
#include "base/faults.h"
#include "base/rng.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;
using test::FailNth;
using test::Folder;

// All values follow from the step.
std::map<std::string, Tensor> tensors_of(int64_t step, int64_t elements, Allocator& memory) {
  std::map<std::string, Tensor> all;
  for (const char* name : {"master.w", "m.w", "v.w"}) {
    Tensor t = Tensor::empty({elements}, DType::f32, memory);
    for (int64_t i = 0; i < elements; ++i)
      t.f32()[i] = static_cast<float>(step * 1000 + i) + static_cast<float>(name[0]);
    all.emplace(name, t);
  }
  return all;
}
boost::json::object state_of(int64_t step) {
  return {{"tokens", step * 8192}, {"recipe", "[model]\n"}};
}

bool holds(const Checkpoint& c, int64_t step, int64_t elements) {
  Allocator memory;
  const auto want = tensors_of(step, elements, memory);
  if (c.step != step || c.state != state_of(step) || c.tensors.size() != want.size()) return false;
  for (const auto& [name, t] : want)
    if (!c.tensors.contains(name) ||
        std::memcmp(c.tensors.at(name).raw(), t.raw(), static_cast<size_t>(t.bytes())) != 0)
      return false;
  return true;
}

class Checkpoints : public ::testing::Test {
 protected:
  Result<std::string> save(int64_t step, const SaveOptions& options = {}) {
    return save_checkpoint(folder_.path(), step, tensors_of(step, 40, memory_), state_of(step), options);
  }
  // The step found, -1 if none; fails the test where its content is not that of its step.
  int64_t latest() {
    const Latest l = latest_valid(folder_.path());
    skipped_ = l.skipped;
    if (!l.checkpoint) return -1;
    EXPECT_TRUE(holds(*l.checkpoint, l.checkpoint->step, 40));
    return l.checkpoint->step;
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& e : fs::directory_iterator(folder_.path())) all.push_back(e.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
  }
  Folder folder_;
  Allocator memory_;
  std::vector<std::string> skipped_;
};

TEST_F(Checkpoints, what_is_saved_is_loaded_and_the_oldest_go) {
  EXPECT_EQ(latest(), -1);
  for (int64_t step : {5, 10, 15, 20}) ASSERT_TRUE(save(step, {.keep = 2}).ok());
  EXPECT_EQ(latest(), 20);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-000000015", "step-000000020"}));
  EXPECT_TRUE(skipped_.empty());
  EXPECT_FALSE(latest_valid(folder_ / "none").checkpoint.has_value());
}

TEST_F(Checkpoints, each_call_failing_once_leaves_the_earlier_ones) {
  for (const bool same_step : {false, true}) {
    for (const std::string& name : names()) fs::remove_all(folder_ / name);
    ASSERT_TRUE(save(1).ok());
    ASSERT_TRUE(save(2).ok());
    const int64_t step = same_step ? 2 : 3;
    int failures = 0;
    for (int n = 0; n < 200; ++n) {
      FailNth files(n, n % 2 ? ENOSPC : EIO);
      const auto r = save(step, {.keep = 3, .files = &files});
      if (r) {
        EXPECT_FALSE(files.failed());
        break;
      }
      ++failures;
      EXPECT_NE(r.error().message.find(n % 2 ? "the disk is full" : "Input/output error"), std::string::npos)
          << r.error().message;
      EXPECT_NE(r.error().message.find(folder_.path()), std::string::npos) << r.error().message;
      EXPECT_EQ(latest(), 2) << "call " << n;
      EXPECT_TRUE(skipped_.empty()) << skipped_[0];
      EXPECT_EQ(names(), (std::vector<std::string>{"step-000000001", "step-000000002"})) << "call " << n;
    }
    EXPECT_GT(failures, 15);  // 2 folders, 3 files of 6 or more calls each, rename and fsync of the folder
    EXPECT_EQ(latest(), step);
  }
}

TEST_F(Checkpoints, every_flipped_bit_is_caught) {
  ASSERT_TRUE(save(1).ok());
  const std::string path = *save(2);
  int64_t flips = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string file = entry.path().string(), good = *read_file(file);
    // In place: emptying and writing anew makes some file systems flush each time.
    std::fstream in_place(file, std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&](size_t at, int byte) {
      in_place.seekp(static_cast<std::streamoff>(at));
      in_place.put(static_cast<char>(byte));
      in_place.flush();
    };
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      put(bit / 8, good[bit / 8] ^ (1 << (bit % 8)));
      const auto c = load_checkpoint(path);
      EXPECT_FALSE(c.ok()) << file << " bit " << bit;
      if (!c) {
        EXPECT_NE(c.error().message.find(path), std::string::npos) << c.error().message;
      }
      ++flips;
      put(bit / 8, good[bit / 8]);
    }
  }
  EXPECT_GT(flips, 6000);
  EXPECT_EQ(latest(), 2);
}

TEST_F(Checkpoints, cut_and_missing_files_are_skipped_with_a_message) {
  for (const char* name : {"tensors.safetensors", "state.json", "manifest.json"}) {
    ASSERT_TRUE(save(1).ok());
    const std::string path = *save(2), file = path + "/" + name, good = *read_file(file);
    for (size_t size = 0; size < good.size(); size += 1 + good.size() / 50) {
      fs::resize_file(file, size);
      EXPECT_EQ(latest(), 1) << name << " " << size;
      ASSERT_EQ(skipped_.size(), 1u);
      EXPECT_NE(skipped_[0].find("skipped a broken checkpoint: " + file), std::string::npos) << skipped_[0];
      std::ofstream(file, std::ios::binary) << good;
    }
    fs::remove(file);
    EXPECT_EQ(latest(), 1) << name;
    EXPECT_NE(skipped_[0].find(file + ": cannot be read: No such file"), std::string::npos) << skipped_[0];
  }
  // A folder that was given another name.
  fs::rename(folder_ / "step-000000001", folder_ / "step-000000009");
  EXPECT_EQ(latest(), -1);
}

TEST_F(Checkpoints, what_the_disk_did_not_keep_is_noticed_while_saving) {
  // A disk that loses one byte of the tensors and reports success.
  class Liar : public FileOps {
    int write(int fd, const void* data, size_t bytes) override {
      std::string copy(static_cast<const char*>(data), bytes);
      if (bytes == 160) copy[77] = static_cast<char>(copy[77] + 1);
      return FileOps::write(fd, copy.data(), bytes);
    }
  } liar;
  ASSERT_TRUE(save(1).ok());
  const auto r = save(2, {.keep = 1, .files = &liar});
  ASSERT_FALSE(r.ok());
  EXPECT_NE(r.error().message.find("cannot be read back, and was removed"), std::string::npos) << r.error().message;
  EXPECT_EQ(latest(), 1);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-000000001"}));
}

TEST_F(Checkpoints, values_that_are_not_finite_are_not_saved_and_cost_nothing) {
  for (const int64_t step : {1, 2, 3}) ASSERT_TRUE(save(step, {.keep = 3}).ok());
  const auto before = names();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    auto tensors = tensors_of(4, 40, memory_);
    tensors.at("v.w").f32()[39] = bad;
    const auto r = save_checkpoint(folder_.path(), 4, tensors, state_of(4), {.keep = 3});
    ASSERT_FALSE(r.ok());
    EXPECT_EQ(r.error().message, "step 4: tensor \"v.w\" holds a value that is not finite, so no checkpoint was saved");
    EXPECT_EQ(names(), before);
  }
  auto largest = tensors_of(4, 40, memory_);
  largest.at("v.w").f32()[0] = -std::numeric_limits<float>::max();
  EXPECT_TRUE(save_checkpoint(folder_.path(), 4, largest, state_of(4), {.keep = 3}).ok());
}

TEST_F(Checkpoints, only_what_a_save_wrote_is_removed) {
  ASSERT_TRUE(save(1).ok());
  ASSERT_TRUE(write_file(folder_ / "step-000000001/notes.txt", "mine").ok());
  ASSERT_TRUE(write_file(folder_ / "notes.txt", "mine").ok());
  fs::create_directories(folder_ / "step-000000007.tmp");
  fs::create_directories(folder_ / "best");
  for (const int64_t step : {2, 3}) ASSERT_TRUE(save(step, {.keep = 1}).ok());
  EXPECT_EQ(names(), (std::vector<std::string>{"best", "notes.txt", "step-000000001", "step-000000003"}));
  EXPECT_EQ(*read_file(folder_ / "step-000000001/notes.txt"), "mine");
  EXPECT_EQ(latest(), 3);
  EXPECT_TRUE(skipped_.empty());
  EXPECT_TRUE(holds_checkpoints(folder_.path()));
  ASSERT_TRUE(remove_checkpoints(folder_.path()).ok());
  EXPECT_FALSE(holds_checkpoints(folder_.path()));
  EXPECT_EQ(names(), (std::vector<std::string>{"best", "notes.txt", "step-000000001"}));
  EXPECT_EQ(latest(), -1);
  EXPECT_TRUE(skipped_.empty());
  // Where nothing else is left the folder goes too.
  const std::string own = folder_ / "own";
  ASSERT_TRUE(save_checkpoint(own, 1, tensors_of(1, 40, memory_), state_of(1)).ok());
  ASSERT_TRUE(remove_checkpoints(own).ok());
  EXPECT_FALSE(fs::exists(own));
  EXPECT_TRUE(remove_checkpoints(own).ok());
}

// A child saves as fast as it can and says so after each; it is killed at 40 random moments.
TEST_F(Checkpoints, kill_9_at_any_moment) {
  constexpr int64_t kElements = 100'000;  // 1.2 MB: most of the time is spent inside a save
  // Kills come within three times what a save takes on this machine and in this build.
  Allocator own;
  const double start = monotonic_seconds();
  ASSERT_TRUE(save_checkpoint(folder_.path(), 1, tensors_of(1, kElements, own), state_of(1), {.keep = 2}));
  const double one_save = monotonic_seconds() - start;
  int64_t step = 1;
  int inside = 0;
  for (uint64_t round = 0; round < 40; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Allocator memory;
      for (int64_t s = step + 1;; ++s) {
        if (!save_checkpoint(folder_.path(), s, tensors_of(s, kElements, memory), state_of(s), {.keep = 2})) ::_exit(1);
        if (::write(pipe_ends[1], &s, sizeof s) != sizeof s) ::_exit(2);
      }
    }
    ::close(pipe_ends[1]);
    RandomStream random(17, round, Purpose::test);
    ::usleep(static_cast<useconds_t>(2'000 + 3e6 * one_save * random.uniform()));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
    int64_t said = step, s = 0;
    while (::read(pipe_ends[0], &s, sizeof s) == sizeof s) said = s;
    ::close(pipe_ends[0]);
    for (const std::string& name : names()) inside += name.ends_with(".tmp");
    const Latest l = latest_valid(folder_.path());
    EXPECT_TRUE(l.skipped.empty()) << l.skipped[0];
    if (said > 0) {
      ASSERT_TRUE(l.checkpoint.has_value());
      // What was reported is there; the save under way may have been completed too.
      EXPECT_GE(l.checkpoint->step, said);
      EXPECT_LE(l.checkpoint->step, said + 1);
    }
    if (l.checkpoint) {
      EXPECT_TRUE(holds(*l.checkpoint, l.checkpoint->step, kElements));
      step = l.checkpoint->step;
    }
  }
  EXPECT_GT(step, 10);
  EXPECT_GE(inside, 5);  // kills that hit a save half-way
  RecordProperty("inside", inside);
}

}  // namespace
}  // namespace jamsu::train

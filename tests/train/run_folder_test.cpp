// The folder of a run: one process writes it, and what is not the run's stays.
#include "train/setup/run_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/faults.h"
#include "train/checkpoint.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public ::testing::Test {
 protected:
  std::string at() const { return folder_ / "run"; }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(parent_folder(at() + "/" + name));
    ASSERT_TRUE(write_file(at() + "/" + name, text).ok());
  }
  void checkpoint(int64_t step) {
    fs::create_directories(at());
    Allocator memory;
    ASSERT_TRUE(
        save_checkpoint(at() + "/checkpoints", step, {{"master.w", Tensor::zeros({4}, DType::f32, memory)}}, {}).ok());
  }
  // What `run` may not begin for; empty: it may.
  std::string refusal(bool tokenizer = false, bool recipe = false) const {
    const auto run = RunFolder::open(at());
    if (!run) return run.error().message;
    const Status status = run->may_begin(tokenizer, recipe);
    return status ? "" : status.error().message;
  }
  const test::Folder folder_;
};

TEST_F(RunFolderTest, ASecondProcessIsToldWhoWritesIt) {
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto held = RunFolder::open(at());
    char byte = held.ok() ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    (void)!::read(done[0], &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const auto refused = RunFolder::open(at());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, at() + ": another run writes this folder (process " + std::to_string(child) +
                                         "). Wait for its end or stop it, or choose another --folder");
  EXPECT_TRUE(RunFolder::open(folder_ / "other").ok());
  // Killed, it holds nothing, though its file is there.
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs::exists(at() + "/.jamsu.lock"));
  EXPECT_TRUE(RunFolder::open(at()).ok());
  for (const int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
}

TEST_F(RunFolderTest, OneThatWasMadeForNothingGoesAgain) {
  { ASSERT_TRUE(RunFolder::open(at()).ok()); }
  EXPECT_FALSE(fs::exists(at()));
  {
    const auto run = RunFolder::open(at() + "/");
    ASSERT_TRUE(run.ok());
    EXPECT_TRUE(run->locked());
    EXPECT_EQ(run->path(), at());
    put("loss.svg", "x");
  }
  EXPECT_TRUE(fs::exists(at() + "/loss.svg"));
  EXPECT_FALSE(fs::exists(at() + "/.jamsu.lock"));
  // An empty one that was there stays.
  fs::create_directories(folder_ / "mine");
  { ASSERT_TRUE(RunFolder::open(folder_ / "mine").ok()); }
  EXPECT_TRUE(fs::exists(folder_ / "mine"));
  ASSERT_TRUE(write_file(folder_ / "file", "x").ok());
  EXPECT_EQ(RunFolder::open(folder_ / "file").error().message,
            (folder_ / "file") + ": cannot be made: Not a directory.");
}

TEST_F(RunFolderTest, WhatARunWouldWriteOverIsAsked) {
  EXPECT_EQ(refusal(true, true), "");
  const auto says = [&](const std::string& name) {
    return at() + "/" + name +
           ": is there, and no run of this program wrote it; it is not written over. Choose another --folder, or move "
           "it away";
  };
  put("tokenizer.json", "{}");
  put("recipe.toml", "mine");
  EXPECT_EQ(refusal(), "");  // it makes neither
  EXPECT_EQ(refusal(true), says("tokenizer.json"));
  EXPECT_EQ(refusal(false, true), says("recipe.toml"));
  checkpoint(1);  // an earlier run made them
  EXPECT_EQ(refusal(true, true), "");
  put("model/config.json", "{\"jamsu_numerics_version\":1}");
  EXPECT_EQ(refusal(), "");
  put("model/config.json", "{\"architectures\":[]}");
  EXPECT_EQ(refusal(), says("model"));
  fs::remove_all(at() + "/model");
  put("model/notes.txt", "mine");  // goes along with an export
  EXPECT_EQ(refusal(), "");
  put("model/model.safetensors", "mine");
  EXPECT_EQ(refusal(), says("model"));
  fs::remove_all(at());
  put("metrics.jsonl", "my notes\n");
  EXPECT_EQ(refusal(), says("metrics.jsonl"));
  put("metrics.jsonl", "{\"step\":1,\"time\":1}\n");
  put("tokenizer.json", "{}");
  EXPECT_EQ(refusal(true), "");  // a run was here, though it saved nothing
}

TEST_F(RunFolderTest, ForgettingARunTakesItsFilesAlone) {
  checkpoint(3);
  const std::vector<std::string> own = {"events.out.tfevents.1700000000.jamsu"};
  const std::vector<std::string> kept = {"notes.txt",
                                         "events.out.tfevents.1700000000.host",
                                         "model/config.json",
                                         "my.jsonl",
                                         "checkpoints/mine.txt",
                                         "checkpoints/best/a",
                                         "recipe-mine.toml",
                                         "data/chats.jsonl"};
  for (const auto* names : {&own, &kept})
    for (const std::string& name : *names) put(name, "x");
  const auto run = RunFolder::open(at());
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(run->holds_a_run());
  ASSERT_TRUE(run->forget().ok());
  EXPECT_FALSE(run->holds_a_run());
  for (const std::string& name : own) EXPECT_FALSE(fs::exists(at() + "/" + name)) << name;
  for (const std::string& name : kept) EXPECT_TRUE(fs::exists(at() + "/" + name)) << name;
  EXPECT_FALSE(fs::exists(at() + "/checkpoints/step-000000003"));
}

}  // namespace
}  // namespace jamsu::train

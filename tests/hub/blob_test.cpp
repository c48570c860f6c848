#include "hub/blob.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>

#include "base/faults.h"
#include "hub/cache.h"

namespace jamsu::hub {
namespace {

namespace fs = std::filesystem;

const std::string kContent = "hello\n";
constexpr const char* kGitHash = "ce013625030ba8dba906f756967f9e9ca394464a";  // of `git hash-object`
constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class Blob : public ::testing::Test {
 protected:
  PartialBlob::Place place(const std::string& hash, int64_t size = static_cast<int64_t>(kContent.size())) const {
    return {.path = folder_ / hash, .lock = folder_ / "lock", .hash = hash, .size = size};
  }
  test::Folder folder_;
  test::QuickFiles quick_;
};

TEST_F(Blob, TakesItsNameWhenTheHashIsRight) {
  for (const std::string& hash : {std::string(kGitHash), sha256_hex(kContent)}) {
    auto blob = PartialBlob::open(place(hash), quick_);
    ASSERT_TRUE(blob) << blob.error().message;
    ASSERT_TRUE((*blob)->append(bytes(kContent.substr(0, 2))));
    EXPECT_FALSE((*blob)->complete());
    EXPECT_FALSE(fs::exists(folder_ / hash));
    ASSERT_TRUE((*blob)->append(bytes(kContent.substr(2))));
    ASSERT_TRUE((*blob)->finish());
    EXPECT_EQ(read_file(folder_ / hash).value(), kContent);
    EXPECT_FALSE(fs::exists(folder_ / hash + kIncomplete));
  }
}

TEST_F(Blob, AnEmptyFileIsOneToo) {
  auto blob = PartialBlob::open(place("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 0), quick_);
  ASSERT_TRUE(blob);
  EXPECT_TRUE((*blob)->complete());
  EXPECT_TRUE((*blob)->finish());
}

TEST_F(Blob, GoesOnFromWhatAnotherProcessLeft) {
  { ASSERT_TRUE((*PartialBlob::open(place(kGitHash), quick_))->append(bytes(kContent.substr(0, 3)))); }
  auto blob = PartialBlob::open(place(kGitHash), quick_);
  ASSERT_TRUE(blob);
  EXPECT_EQ((*blob)->bytes(), 3);
  ASSERT_TRUE((*blob)->restart());
  EXPECT_EQ((*blob)->bytes(), 0);
  ASSERT_TRUE((*blob)->append(bytes(kContent)));
  EXPECT_TRUE((*blob)->finish());
}

TEST_F(Blob, AnotherHashRemovesIt) {
  auto blob = PartialBlob::open(place(std::string(40, 'a')), quick_);
  ASSERT_TRUE(blob);
  ASSERT_TRUE((*blob)->append(bytes(kContent)));
  const auto finished = (*blob)->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().message, "what came has the hash " + std::string(kGitHash) + ", and " +
                                          std::string(40, 'a') + " was announced; it was removed.");
  EXPECT_EQ(folder_.entries(), 1u);  // the lock
}

TEST_F(Blob, HasOneWriter) {
  const auto first = PartialBlob::open(place(kGitHash), quick_);
  ASSERT_TRUE(first);
  const auto second = PartialBlob::open(place(kGitHash), quick_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            folder_ / "lock" + ": another program holds it and is fetching this file; wait for it.");
}

TEST_F(Blob, MoreThanAnnouncedIsRefused) {
  auto blob = PartialBlob::open(place(kGitHash), quick_);
  ASSERT_TRUE(blob);
  EXPECT_FALSE((*blob)->append(bytes(kContent + "!")));
  EXPECT_EQ((*blob)->bytes(), 0);
}

// Writes half of it and says the disk is full, once.
class FullDisk : public test::QuickFiles {
 public:
  int write(int fd, const void* data, size_t n) override {
    if (full) return FileOps::write(fd, data, n / 2), ENOSPC;
    return FileOps::write(fd, data, n);
  }
  bool full = false;
};

TEST_F(Blob, AFullDiskKeepsWhatWasWholeBefore) {
  FullDisk disk;
  auto blob = PartialBlob::open(place(kGitHash), disk);
  ASSERT_TRUE(blob);
  ASSERT_TRUE((*blob)->append(bytes(kContent.substr(0, 2))));
  disk.full = true;
  const auto written = (*blob)->append(bytes(kContent.substr(2)));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message,
            folder_ / kGitHash + std::string(kIncomplete) + ": cannot be written: the disk is full.");
  EXPECT_EQ(fs::file_size(folder_ / kGitHash + kIncomplete), 2u);
  disk.full = false;
  ASSERT_TRUE((*blob)->append(bytes(kContent.substr(2))));
  EXPECT_TRUE((*blob)->finish());
}

TEST_F(Blob, EveryCallThatFailsIsAnError) {
  for (int n = 0; n < 5; ++n) {
    test::FailNth ops(n, EIO);
    fs::remove(folder_ / kGitHash);
    fs::remove(folder_ / kGitHash + kIncomplete);
    auto blob = PartialBlob::open(place(kGitHash), ops);
    ASSERT_TRUE(blob);
    const bool good = (*blob)->append(bytes(kContent)) && (*blob)->finish();
    EXPECT_EQ(good, !ops.failed()) << n;
  }
}

// The bytes are on the disk before the blob has its name, which promises that they are whole.
TEST_F(Blob, IsOnTheDiskBeforeItHasItsName) {
  class Order : public test::WatchedFiles {
   public:
    std::vector<Call> calls;
    int before(Call call) override {
      calls.push_back(call);
      return 0;
    }
  };
  using Call = test::WatchedFiles::Call;
  Order ops;
  auto blob = PartialBlob::open(place(kGitHash), ops);
  ASSERT_TRUE(blob);
  ASSERT_TRUE((*blob)->append(bytes(kContent)));
  ASSERT_TRUE((*blob)->finish());
  EXPECT_EQ(ops.calls, (std::vector{Call::write, Call::sync, Call::close, Call::rename, Call::sync_folder}));
}

TEST(Cache, LiesWhereTheEnvironmentSays) {
  const auto none = [](const char*) { return std::string(); };
  const auto home = [](const char* name) { return std::string(std::string_view(name) == "HOME" ? "/h" : ""); };
  const auto hf = [](const char* name) { return std::string(std::string_view(name) == "HF_HUB_CACHE" ? "" : "/f"); };
  const auto all = [](const char*) { return std::string("/c"); };
  EXPECT_EQ(cache_folder(none), "./.cache/huggingface/hub");
  EXPECT_EQ(cache_folder(home), "/h/.cache/huggingface/hub");
  EXPECT_EQ(cache_folder(hf), "/f/hub");
  EXPECT_EQ(cache_folder(all), "/c");
}

TEST(Cache, LinksAndReferences) {
  test::Folder folder;
  test::QuickFiles quick;
  const CachedRepository cache(folder.path(), "some/one");
  ASSERT_TRUE(cache.make_folders());
  EXPECT_EQ(cache.commit("main"), "");
  EXPECT_EQ(find_snapshot(folder.path(), "some/one"), "");
  ASSERT_TRUE(write_file(cache.blob("aa"), kContent, quick));
  ASSERT_TRUE(cache.link(kCommit, "a/b/c.json", "aa", quick));
  const std::string path = cache.snapshot(kCommit) + "/a/b/c.json";
  EXPECT_EQ(fs::read_symlink(path), "../../../../blobs/aa");
  EXPECT_EQ(read_file(path).value(), kContent);
  ASSERT_TRUE(cache.link(kCommit, "a/b/c.json", "bb", quick));  // a link to nothing, or to another: made anew
  EXPECT_EQ(fs::read_symlink(path), "../../../../blobs/bb");
  ASSERT_TRUE(cache.set_commit("main", kCommit, quick));
  ASSERT_TRUE(cache.set_commit("refs/pr/1", kCommit, quick));
  ASSERT_TRUE(cache.set_commit(kCommit, kCommit, quick));
  EXPECT_EQ(read_file(cache.folder() + "/refs/main").value(), kCommit);
  EXPECT_EQ(cache.commit("refs/pr/1"), kCommit);
  EXPECT_FALSE(fs::exists(cache.folder() + "/refs/" + kCommit));
  EXPECT_EQ(find_snapshot(folder.path(), "some/one"), cache.snapshot(kCommit));
  EXPECT_EQ(find_snapshot(folder.path(), "../one"), "");
  // A file where a folder should be.
  EXPECT_FALSE(cache.link(kCommit, "a/b/c.json/d", "aa", quick));
}

// A repository with three revisions: a branch, a tag of the same commit, and a commit that nothing names.
TEST(Cache, RevisionsAreListedFoundAndRemovedApart) {
  test::Folder folder;
  test::QuickFiles quick;
  const std::string other(40, 'b');
  const CachedRepository cache(folder.path(), "some/one");
  EXPECT_TRUE(cache.revisions().empty());
  ASSERT_TRUE(cache.make_folders());
  for (const char* hash : {"aa", "bb", "cc"}) ASSERT_TRUE(write_file(cache.blob(hash), kContent, quick));
  ASSERT_TRUE(cache.link(kCommit, "config.json", "aa", quick));
  ASSERT_TRUE(cache.link(kCommit, "w/model.safetensors", "bb", quick));
  ASSERT_TRUE(cache.link(other, "config.json", "aa", quick));
  ASSERT_TRUE(cache.link(other, "model.safetensors", "cc", quick));
  const auto listed = [&] {
    std::vector<std::string> names;
    for (const auto& revision : cache.revisions()) names.push_back(revision.name);
    return names;
  };
  EXPECT_EQ(listed(), (std::vector<std::string>{"0123456789ab", "bbbbbbbbbbbb"}));  // neither has a ref
  EXPECT_EQ(find_snapshot(folder.path(), "some/one"), "");
  ASSERT_TRUE(cache.set_commit("refs/pr/1", kCommit, quick));
  ASSERT_TRUE(cache.set_commit("v1", kCommit, quick));
  ASSERT_TRUE(
      write_file(cache.folder() + "/refs/gone", std::string(40, 'c'), quick));  // of a snapshot that is not here
  ASSERT_TRUE(write_file(cache.folder() + "/refs/odd", "../../..", quick));
  EXPECT_EQ(listed(), (std::vector<std::string>{"refs/pr/1", "v1", "bbbbbbbbbbbb"}));
  for (const char* name : {"some/one@v1", "some/one@refs/pr/1", "some/one@0123456", "some/one@0123456789ab"})
    EXPECT_EQ(find_snapshot(folder.path(), name), cache.snapshot(kCommit)) << name;
  for (const char* name : {"some/one@v2", "some/one@012345", "some/one@", "some/one@../x", "some/one@odd", "x@v1"})
    EXPECT_EQ(find_snapshot(folder.path(), name), "") << name;
  // Of two names for one commit one goes alone; with the last one all that no other snapshot links to.
  using Paths = std::vector<std::string>;
  const std::string refs = cache.folder() + "/refs/";
  auto revisions = cache.revisions();
  EXPECT_EQ(cache.belongings(revisions[1]), Paths{refs + "v1"});
  fs::remove(refs + "v1");
  EXPECT_EQ(cache.belongings(revisions[0]), (Paths{refs + "refs/pr/1", cache.snapshot(kCommit), cache.blob("bb")}));
  EXPECT_EQ(cache.belongings(revisions[2]), (Paths{cache.snapshot(other), cache.blob("cc")}));
  fs::remove_all(cache.snapshot(other));
  EXPECT_EQ(cache.belongings(revisions[0]), Paths{cache.folder()});  // the only one
}

}  // namespace
}  // namespace jamsu::hub

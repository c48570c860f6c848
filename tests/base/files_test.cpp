// Files are whole or not there.
#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/faults.h"
#include "base/input_file.h"
#include "base/mapped_file.h"

namespace jamsu {
namespace {

namespace fs = std::filesystem;

using test::FailNth;
using test::Folder;

TEST(files, written_and_read) {
  const Folder folder;
  const std::string text("a\0b\n", 4);
  ASSERT_TRUE(write_file(folder / "x", text).ok());
  EXPECT_EQ(*read_file(folder / "x"), text);
  const auto map = MappedFile::open(folder / "x");
  ASSERT_TRUE(map.ok());
  EXPECT_EQ((*map)->bytes().size(), 4u);
  EXPECT_EQ((*map)->bytes()[2], std::byte{'b'});
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(files, an_unfinished_file_leaves_nothing) {
  const Folder folder;
  {
    auto f = AtomicFile::create(folder / "x");
    ASSERT_TRUE(f.ok());
    ASSERT_TRUE(f->write(std::string_view("half")).ok());
    EXPECT_FALSE(fs::exists(folder / "x"));
  }
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(files, each_call_failing_once_keeps_the_earlier_file) {
  const Folder folder;
  int failures = 0;
  for (int n = 0; n < 100; ++n) {
    ASSERT_TRUE(write_file(folder / "x", "earlier").ok());
    FailNth ops(n, ENOSPC);
    const auto s = write_file(folder / "x", "later", ops);
    EXPECT_EQ(folder.entries(), 1u) << n;
    if (s) {
      EXPECT_EQ(*read_file(folder / "x"), "later");
      break;
    }
    ++failures;
    EXPECT_NE(s.error().message.find("the disk is full"), std::string::npos) << s.error().message;
    EXPECT_NE(s.error().message.find("x"), std::string::npos);
    // The last call (fsync of the folder) fails after the rename: either file is whole.
    EXPECT_EQ(*read_file(folder / "x"), n < 5 ? "earlier" : "later") << n;
  }
  EXPECT_EQ(failures, 6);  // create, write, sync, close, rename, sync of the folder
}

// Bytes are on the disk before the name stands for them, and the name before it is reported: in this order alone is a
// file whole or not there when the power goes.
TEST(files, the_disk_has_the_bytes_before_the_name) {
  class Order : public test::WatchedFiles {
   public:
    std::vector<Call> calls;
    int before(Call call) override {
      calls.push_back(call);
      return 0;
    }
  };
  using Call = test::WatchedFiles::Call;
  const Folder folder;
  Order file, whole;
  ASSERT_TRUE(write_file(folder / "x", "text", file).ok());
  EXPECT_EQ(file.calls,
            (std::vector{Call::create, Call::write, Call::sync, Call::close, Call::rename, Call::sync_folder}));
  fs::create_directory(folder / "new");
  ASSERT_TRUE(replace_folder(folder / "new", folder / "y", whole).ok());
  EXPECT_EQ(whole.calls, (std::vector{Call::rename, Call::sync_folder}));
}

// What cannot be synced says so: nobody but fsync itself can know that of a pipe and of /proc.
TEST(files, the_system_is_asked_to_sync) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  EXPECT_EQ(system_files().sync(pipe[1]), EINVAL);
  ::close(pipe[0]);
  ::close(pipe[1]);
  EXPECT_EQ(system_files().sync_folder("/proc"), EINVAL);
  const Folder folder;
  EXPECT_EQ(system_files().sync_folder(folder.path()), 0);
}

TEST(files, what_cannot_be_read_is_named) {
  const Folder folder;
  EXPECT_EQ(read_file(folder / "none").error().message,
            (folder / "none") + ": cannot be read: No such file or directory.");
  EXPECT_EQ(MappedFile::open(folder / "").error().message, (folder / "") + ": is a folder, where a file is read.");
  ASSERT_TRUE(write_file(folder / "x", "12345").ok());
  EXPECT_EQ(read_file(folder / "x", 4).error().message,
            (folder / "x") + ": is larger than 4 bytes, the most that is read of such a file.");
  ASSERT_TRUE(write_file(folder / "y", std::string(2049, 'y')).ok());
  EXPECT_EQ(read_file(folder / "y", 2048).error().message,
            (folder / "y") + ": is larger than 2 KiB, the most that is read of such a file.");
  EXPECT_EQ(parent_folder("/x"), "/");
  EXPECT_EQ(parent_folder("x"), ".");
  EXPECT_EQ(parent_folder("a/b/x"), "a/b");
}

// What has no end, or waits for somebody: named at once by each of the readers, and nothing of it is read.
TEST(files, what_is_no_file_is_named) {
  const Folder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  fs::create_directory(folder / "folder");
  fs::create_symlink("/dev/zero", folder / "zero");
  const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT((folder / "socket").size(), sizeof(address.sun_path));
  std::memcpy(address.sun_path, (folder / "socket").c_str(), (folder / "socket").size());
  ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const std::pair<const char*, const char*> kinds[] = {{"fifo", ": is a FIFO (named pipe), where a file is read."},
                                                       {"folder", ": is a folder, where a file is read."},
                                                       {"zero", ": is a device, where a file is read."},
                                                       {"socket", ": is a socket, where a file is read."}};
  for (const auto& [name, said] : kinds) {
    const std::string path = folder / name;
    EXPECT_EQ(read_file(path).error().message, path + said);
    EXPECT_EQ(MappedFile::open(path).error().message, path + said);
    EXPECT_TRUE(read_input_file(path, 100).error().message.starts_with(path + said)) << path;
  }
  EXPECT_TRUE(read_input_file(folder / "fifo", 100).error().message.ends_with(" <(cat NAME)."));
  ::close(listening);
}

// <(command): read to its end, also where the writer waits in between. Of a folder's own files it is refused.
TEST(files, a_pipe_of_the_shell_is_read_to_its_end) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const std::string path = "/dev/fd/" + std::to_string(pipe[0]);
  EXPECT_EQ(read_file(path).error().message, path + ": is a FIFO (named pipe), where a file is read.");
  std::thread writer([&] {
    for (const char* piece : {"one", "two", "three"}) {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      EXPECT_GT(::write(pipe[1], piece, std::strlen(piece)), 0);
    }
    ::close(pipe[1]);
  });
  const auto text = read_input_file(path, 100);
  writer.join();
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(*text, "onetwothree");
  ::close(pipe[0]);
}

TEST(files, a_pipe_without_end_is_read_to_the_limit) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const std::string path = "/dev/fd/" + std::to_string(pipe[0]);
  ASSERT_EQ(::write(pipe[1], "12345678", 8), 8);
  EXPECT_EQ(read_input_file(path, 4).error().message,
            path + ": is larger than 4 bytes, the most that is read of such a file.");
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace jamsu

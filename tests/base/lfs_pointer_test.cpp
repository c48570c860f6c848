#include "base/lfs_pointer.h"

#include <gtest/gtest.h>

#include "base/faults.h"

namespace jamsu {
namespace {

const std::string kPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize 988097824\n";

TEST(lfs_pointer, is_named_with_the_size_of_what_is_missing) {
  const Status s = check_fetched(kPointer, "m/model.safetensors");
  ASSERT_FALSE(s.ok());
  for (const char* part : {"m/model.safetensors: is a pointer of git-lfs", "988097824", "git lfs pull", "jamsu pull"})
    EXPECT_NE(s.error().message.find(part), std::string::npos) << s.error().message;
}

TEST(lfs_pointer, other_texts_are_none) {
  for (const std::string& text :
       {std::string(), std::string("version 1"), kPointer.substr(0, 43), "x" + kPointer,
        kPointer + std::string(2000, ' '),
        std::string("version https://git-lfs.github.com/spec/v1 is what a pointer begins with.\n")})
    EXPECT_TRUE(check_fetched(text, "x").ok()) << text;
}

TEST(lfs_pointer, no_file_is_read_as_one) {
  const test::Folder folder;
  ASSERT_TRUE(write_file(folder / "tokenizer.json", kPointer).ok());
  const auto text = read_file(folder / "tokenizer.json");
  ASSERT_FALSE(text.ok());
  EXPECT_NE(text.error().message.find("tokenizer.json: is a pointer of git-lfs"), std::string::npos);
}

}  // namespace
}  // namespace jamsu

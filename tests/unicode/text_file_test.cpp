// Files of people: what is UTF-8 is read, what is not is named with its cure.
#include "unicode/text_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"

namespace jamsu::unicode {
namespace {

using namespace std::string_literals;

std::string error(std::string_view bytes, const std::string& name = "x.jsonl") {
  const auto text = user_text(bytes, name);
  return text ? "" : text.error().message;
}

// Plain text as UTF-16 or UTF-32.
std::string wide(std::u32string_view text, int bytes, bool big) {
  std::string out;
  for (const char32_t c : text)
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(c >> (8 * (big ? bytes - 1 - i : i)) & 0xFF);
  return out;
}

TEST(text_file, utf8_is_read_with_and_without_its_mark) {
  for (const std::string text : {"", "a\n", "{\"a\": \"가\"}\r\n", "\uFEFF is inside a text"})
    for (const std::string mark : {"", "\xEF\xBB\xBF"}) {
      const std::string bytes = mark + text;
      const auto got = user_text(bytes, "x");
      ASSERT_TRUE(got.ok()) << got.error().message;
      EXPECT_EQ(*got, mark.empty() && text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text);
    }
}

TEST(text_file, wide_encodings_are_named) {
  const std::u32string json = U"{\"prompt\": \"가 나 hi\"}\n";
  EXPECT_EQ(error("\xFF\xFE"s + wide(json, 2, false)),
            "x.jsonl: is UTF-16, where UTF-8 is read: iconv -f UTF-16 -t UTF-8 x.jsonl > x.utf8.jsonl");
  EXPECT_NE(error("\xFE\xFF"s + wide(json, 2, true)).find("is UTF-16,"), std::string::npos);
  EXPECT_NE(error("\xFF\xFE\0\0"s + wide(json, 4, false)).find("is UTF-32,"), std::string::npos);
  EXPECT_NE(error("\0\0\xFE\xFF"s + wide(json, 4, true)).find("is UTF-32,"), std::string::npos);
  for (const std::u32string& text : {json, U"hi"s, U"가각 나 가가, 가가\n가가 다\n"s}) {
    EXPECT_NE(error(wide(text, 2, false)).find("is UTF-16LE,"), std::string::npos) << error(wide(text, 2, false));
    EXPECT_NE(error(wide(text, 2, true)).find("is UTF-16BE,"), std::string::npos) << error(wide(text, 2, true));
    EXPECT_NE(error(wide(text, 4, false)).find("is UTF-32LE,"), std::string::npos) << error(wide(text, 4, false));
    EXPECT_NE(error(wide(text, 4, true)).find("is UTF-32BE,"), std::string::npos) << error(wide(text, 4, true));
  }
}

TEST(text_file, other_encodings_are_guessed_and_the_place_is_named) {
  // "안녕하세요 world" in CP949, "café" in Latin-1.
  EXPECT_EQ(error("\xBE\xC8\xB3\xE7\xC7\xCF\xBC\xBC\xBF\xE4 world", "old.txt"),
            "old.txt:1: byte 0 is not UTF-8. The file looks like CP949 (Korean of older Windows programs): "
            "iconv -f CP949 -t UTF-8 old.txt > old.utf8.txt");
  EXPECT_EQ(error("{\"a\": 1}\n{\"a\": \"caf\xE9 au lait\"}\n"),
            "x.jsonl:2: byte 10 (byte 19 of the file) is not UTF-8. The file looks like Latin-1: "
            "iconv -f WINDOWS-1252 -t UTF-8 x.jsonl > x.utf8.jsonl");
  EXPECT_NE(error("caf\xE9").find("Latin-1"), std::string::npos);
  EXPECT_NE(error("Die \xC4rzte f\xFCr \xC4rger").find("Latin-1"), std::string::npos);
  // Japanese in Shift-JIS: neither of the two.
  EXPECT_NE(
      error("\x82\xB1\x82\xF1\x82\xC9\x82\xBF\x82\xCD").find("Convert the file from its encoding: iconv -f ENCODING"),
      std::string::npos);
  // UTF-8 that lost a byte, and UTF-8 that ends in the middle of a character.
  EXPECT_NE(error("가나다\x80라마").find("the file was damaged"), std::string::npos);
  EXPECT_NE(error("가나다\xEA\xB0").find("ends inside a character"), std::string::npos);
  EXPECT_NE(error("a\xE2\x82").find("ends inside a character"), std::string::npos);
  // Far behind the beginning of a long line.
  EXPECT_NE(error(std::string(3u << 20, 'a') + " caf\xE9 au lait").find("Latin-1"), std::string::npos);
}

TEST(text_file, what_is_no_text_is_named) {
  EXPECT_EQ(error("a\nb\0c"s, "x.txt"),
            "x.txt:2: byte 1 (byte 3 of the file) is NUL, which no text has: is this a text file?");
  EXPECT_NE(error("PAR1\x15\x04", "d/x.parquet").find("d/x.parquet: is a Parquet file, no text: python3 -c"),
            std::string::npos);
  EXPECT_EQ(error("\x1F\x8B\x08", "it's.jsonl.gz"),
            "it's.jsonl.gz: is a gzip file, no text: gunzip -k 'it'\\''s.jsonl.gz'");
  EXPECT_NE(error("version https://git-lfs.github.com/spec/v1\noid sha256:1\n").find("git-lfs pointer"),
            std::string::npos);
  EXPECT_NE(error("SQLite format 3\0abc"s).find("an SQLite database"), std::string::npos);
}

TEST(text_file, of_a_disk) {
  const std::string path = std::filesystem::temp_directory_path() / ("jamsu_text_file_" + std::to_string(::getpid()));
  ASSERT_TRUE(write_file(path, "\xEF\xBB\xBFhi\n").ok());
  EXPECT_EQ(*read_text_file(path), "hi\n");
  ASSERT_TRUE(write_file(path, "\xFF\xFEh\0"s).ok());
  EXPECT_NE(read_text_file(path).error().message.find(path + ": is UTF-16"), std::string::npos);
  EXPECT_FALSE(read_text_file(path + ".none").ok());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace jamsu::unicode

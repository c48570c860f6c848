#include "hub/answers.h"

#include <gtest/gtest.h>

namespace jamsu::hub {
namespace {

constexpr const char* kSha = "0123456789abcdef0123456789abcdef01234567";

TEST(Names, ARepositoryIsTwoPlainParts) {
  for (const char* good : {"deepseek-ai/DeepSeek-V3", "Qwen/Qwen2.5-0.5B", "a/b", "a_b/c.d-e"})
    EXPECT_TRUE(is_repository(good)) << good;
  for (const char* bad : {"", "a", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a/b..c", "a--b/c", "a/.b", "-a/b", "a/b-",
                          "a b/c", "a/b\n", "a\\b/c"})
    EXPECT_FALSE(is_repository(bad)) << bad;
  EXPECT_TRUE(is_repository(std::string(96, 'a') + "/b"));
  EXPECT_FALSE(is_repository(std::string(97, 'a') + "/b"));
}

TEST(Names, AFileStaysInsideItsFolder) {
  for (const char* good : {"config.json", "a/b/c.json", ".gitattributes", "..a", "a..b/c", "모델.json"})
    EXPECT_TRUE(stays_inside(good)) << good;
  for (const char* bad :
       {"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "a\\b", "a\nb", "\x7f"})
    EXPECT_FALSE(stays_inside(bad)) << bad;
  EXPECT_FALSE(stays_inside(std::string("a\0b", 3)));
  EXPECT_FALSE(stays_inside(std::string(256, 'a')));
  std::string deep = "a";
  while (deep.size() <= 1024) deep += "/a";
  EXPECT_FALSE(stays_inside(deep));
}

TEST(Repository, IsReadFromTheHubsAnswer) {
  const auto read =
      parse_repository(std::string("{\"id\": \"a/b\", \"sha\": \"") + kSha +
                           "\", \"siblings\": [{\"rfilename\": \"b\"}, {\"rfilename\": \"a/c\", \"x\": 1}]}",
                       "x.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->commit, kSha);
  EXPECT_EQ(read->files, (std::vector<std::string>{"a/c", "b"}));
}

TEST(Repository, ErrorsNameTheField) {
  const auto error = [](const std::string& json) {
    const auto read = parse_repository(json, "x.json");
    return read ? "no error for " + json : read.error().message;
  };
  const std::string begin = std::string("{\"sha\": \"") + kSha + "\"";
  EXPECT_EQ(error("[]"), "x.json: \"sha\" is no commit (40 hexadecimal digits).");
  EXPECT_EQ(error("{\"sha\": \"../../../../../../../../../../../../../a\"}"),
            "x.json: \"sha\" is no commit (40 hexadecimal digits).");
  EXPECT_EQ(error(begin + "}"), "x.json: \"siblings\" is no list of files.");
  EXPECT_EQ(error(begin + ", \"siblings\": [{\"rfilename\": \"a\"}, {}]}"),
            "x.json: \"siblings\" entry 1 has no \"rfilename\".");
  EXPECT_EQ(error(begin + ", \"siblings\": [{\"rfilename\": \"a\"}, {\"rfilename\": \"a\"}]}"),
            "x.json: \"rfilename\" \"a\" stands twice.");
  EXPECT_EQ(error(begin + ", \"siblings\": [{\"rfilename\": \"../\\u001b[2J\"}]}"),
            "x.json: \"rfilename\" \"../\\x1b[2J\" is no plain path inside the model's folder; nothing was fetched.");
}

TEST(Selection, TakesWhatAModelNeeds) {
  const Selection usual = usual_selection();
  for (const char* wanted : {"model-00001-of-00002.safetensors", "model.safetensors.index.json", "config.json",
                             "tokenizer.json", "chat_template.jinja", "tokenizer.model", "tiktoken.model", "merges.txt",
                             "README.md", "LICENSE", "LICENSE.txt"})
    EXPECT_TRUE(usual.takes(wanted)) << wanted;
  for (const char* other :
       {"pytorch_model.bin", "model.gguf", "consolidated.00.pth", "onnx/model.onnx", "onnx/config.json",
        "original/params.json", "modeling_x.py", ".gitattributes", "figures/a.png"})
    EXPECT_FALSE(usual.takes(other)) << other;
  const Selection own{.include = {"*.json"}, .exclude = {"a/*", "tok*"}};
  EXPECT_TRUE(own.takes("b/c.json"));
  EXPECT_FALSE(own.takes("a/c.json"));
  EXPECT_FALSE(own.takes("tokenizer.json"));
}

TEST(Headers, AreReadOrRefused) {
  const std::string git(40, 'a'), lfs(64, '0');
  EXPECT_EQ(parse_etag(git), git);
  EXPECT_EQ(parse_etag("\"" + lfs + "\""), lfs);
  EXPECT_EQ(parse_etag("W/\"" + git + "\""), git);
  for (const std::string& bad : {std::string(), std::string("\""), "\"" + git, git + "a", std::string(40, 'A'),
                                 std::string(40, '/'), std::string("W/\"\"")})
    EXPECT_FALSE(parse_etag(bad)) << bad;
  EXPECT_EQ(parse_size("0"), 0);
  EXPECT_EQ(parse_size("9223372036854775807"), INT64_MAX);
  for (const char* bad : {"", "-1", "9223372036854775808", "1 ", " 1", "1x", "0x1", "+1"})
    EXPECT_FALSE(parse_size(bad)) << bad;
  const auto range = parse_content_range("bytes 5-9/10");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 5);
  EXPECT_EQ(range->last, 9);
  EXPECT_EQ(range->total, 10);
  for (const char* bad : {"", "bytes", "bytes 5-9", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes 5-10/10",
                          "5-9/10", "bytes 5/9-10"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

TEST(Url, IsPercentEncoded) {
  EXPECT_EQ(url_path("a b/c#?.json", true), "a%20b/c%23%3F.json");
  EXPECT_EQ(url_path("refs/pr/1", false), "refs%2Fpr%2F1");
  EXPECT_EQ(url_path("모", true), "%EB%AA%A8");
}

}  // namespace
}  // namespace jamsu::hub

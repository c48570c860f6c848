#include "base/near_names.h"

#include <gtest/gtest.h>

namespace jamsu {
namespace {

using Names = std::vector<std::string>;

TEST(NearNames, FindsLettersAddedLeftOutExchangedAndOthers) {
  const Names verbs = {"chat", "generate", "show", "plan", "check", "ls", "rm", "pull"};
  EXPECT_EQ(near_names("chta", verbs), Names({"chat"}));
  EXPECT_EQ(near_names("genrate", verbs), Names({"generate"}));
  EXPECT_EQ(near_names("Show", verbs), Names({"show"}));
  EXPECT_EQ(near_names("gen", verbs), Names({"generate"}));
  EXPECT_EQ(near_names("l", verbs), Names());
  EXPECT_EQ(near_names("fly", verbs), Names());
  EXPECT_EQ(near_names("", verbs), Names());
}

TEST(NearNames, TheLastPartOfAModelsNameIsEnough) {
  const Names models = {"Qwen/Qwen3-0.6B", "Qwen/Qwen3-4B", "nano", "someone/tiny-llama"};
  EXPECT_EQ(near_names("Qwen3-0.6B", models), Names({"Qwen/Qwen3-0.6B"}));
  EXPECT_EQ(near_names("qwen/qwen3-0.6b", models), Names({"Qwen/Qwen3-0.6B"}));
  EXPECT_EQ(near_names("tiny-lama", models), Names({"someone/tiny-llama"}));
  EXPECT_EQ(near_names("qwen3", models).size(), 2u);
}

TEST(NearNames, AreSaidAsAQuestion) {
  EXPECT_EQ(did_you_mean("nan", {"nano"}), "; did you mean \"nano\"?");
  EXPECT_EQ(did_you_mean("abcd", {"abce", "abcf", "abcg", "abch"}), "; did you mean \"abce\", \"abcf\" or \"abcg\"?");
  EXPECT_EQ(did_you_mean("nano", {}), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, 'a'), {"a"}), "");
}

}  // namespace
}  // namespace jamsu

// generation_config.json: what it says is used, what it cannot say is said and ends nothing.
#include "models/config/generation.h"

#include <gtest/gtest.h>

#include "base/faults.h"
#include "base/files.h"

namespace jamsu::models {
namespace {

class Generation : public ::testing::Test {
 protected:
  GenerationConfig load(const std::string& text) {
    EXPECT_TRUE(write_file(folder_ / "generation_config.json", text, system_files()).ok());
    return load_generation_config(folder_.path(), 1000);
  }
  test::Folder folder_;
};

TEST_F(Generation, WithoutAFileOrSamplingItIsGreedy) {
  const auto none = load_generation_config(folder_.path(), 1000);
  EXPECT_EQ(none.temperature, 0);
  EXPECT_TRUE(none.eos.empty());
  EXPECT_TRUE(none.unused.empty());
  const auto off = load(R"({"do_sample": false, "temperature": 0.6, "top_p": 0.9})");
  EXPECT_EQ(off.temperature, 0);
  EXPECT_EQ(off.top_p, 1);
}

TEST_F(Generation, WhatItSaysIsTaken) {
  const auto all = load(R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.01,
                            "repetition_penalty": 1.05, "eos_token_id": [5, 7, 5], "bos_token_id": 3,
                            "transformers_version": "4.51.0", "pad_token_id": null})");
  EXPECT_EQ(all.temperature, 0.6);
  EXPECT_EQ(all.top_k, 20);
  EXPECT_EQ(all.top_p, 0.95);
  EXPECT_EQ(all.min_p, 0.01);
  EXPECT_EQ(all.repetition_penalty, 1.05);
  EXPECT_EQ(all.eos, (std::vector<int64_t>{5, 7}));
  EXPECT_TRUE(all.unused.empty());
  const auto bare = load(R"({"do_sample": true, "top_p": null, "eos_token_id": 9})");  // transformers' defaults
  EXPECT_EQ(bare.temperature, 1);
  EXPECT_EQ(bare.top_k, 50);
  EXPECT_EQ(bare.top_p, 1);
  EXPECT_EQ(bare.eos, (std::vector<int64_t>{9}));
}

// Values by which something is off, in the words of several programs.
TEST_F(Generation, OffIsSaidInManyWays) {
  for (
      const char* text :
      {R"({"do_sample": true, "top_k": -1})", R"({"do_sample": true, "top_k": 0})",
       R"({"do_sample": true, "top_k": 0.0, "repetition_penalty": 1, "min_p": null, "typical_p": 1.0, "num_beams": 1})",
       R"({"do_sample": true, "top_k": -1, "eos_token_id": null, "suppress_tokens": [], "bad_words_ids": null})"}) {
    const auto got = load(text);
    EXPECT_EQ(got.top_k, 0) << text;
    EXPECT_EQ(got.temperature, 1) << text;
    EXPECT_TRUE(got.unused.empty()) << text << ": " << got.unused.front();
  }
  EXPECT_EQ(load(R"({"do_sample": true, "temperature": 0})").temperature, 0);
  EXPECT_EQ(load(R"({"do_sample": true, "temperature": null})").temperature, 1);
  EXPECT_EQ(load(R"({"do_sample": null, "temperature": 0.7})").temperature, 0);
  EXPECT_LE(load(R"({"do_sample": true, "top_p": 0})").top_p, 1e-9);
}

// It is advice: what cannot be used is said with file and field, and the rest is used.
TEST_F(Generation, WhatCannotBeUsedIsSaidAndEndsNothing) {
  const struct {
    const char *text, *field;
  } cases[] = {{R"({"do_sample": "yes"})", "\"do_sample\" = \"yes\" is not used: it is not true or false"},
               {R"({"do_sample": true, "temperature": -1})", "temperature"},
               {R"({"do_sample": true, "temperature": "hot"})", "temperature"},
               {R"({"do_sample": true, "top_p": -0.5})", "top_p"},
               {R"({"do_sample": true, "top_p": 1.5})", "top_p"},
               {R"({"do_sample": true, "top_k": "all"})", "top_k"},
               {R"({"do_sample": true, "repetition_penalty": 0})", "repetition_penalty"},
               {R"({"eos_token_id": 1000})", "eos_token_id"},
               {R"({"eos_token_id": "</s>"})", "eos_token_id"},
               {R"({"eos_token_id": [1, null]})", "eos_token_id"},
               {R"({"num_beams": 4})", "\"num_beams\" = 4 is not used: this program does not decode that way"},
               {R"({"suppress_tokens": [4]})", "suppress_tokens"},
               {R"({"surprise": 1})", "\"surprise\" is not used: no field that this program knows"},
               {R"({"do_sample": true, "do_sample": true})", "do_sample"},
               {"[]", "object"},
               {"{", "byte"},
               {"", "byte"},
               {"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "git-lfs"}};
  for (const auto& c : cases) {
    const auto got = load(c.text);
    ASSERT_EQ(got.unused.size(), 1u) << c.text;
    EXPECT_NE(got.unused[0].find("generation_config.json"), std::string::npos) << got.unused[0];
    EXPECT_NE(got.unused[0].find(c.field), std::string::npos) << got.unused[0];
    EXPECT_NE(got.unused[0].find("not used"), std::string::npos) << got.unused[0];
  }
  const auto partly = load(R"({"do_sample": true, "temperature": "hot", "top_k": 20, "eos_token_id": [5000, 7]})");
  EXPECT_EQ(partly.temperature, 1);
  EXPECT_EQ(partly.top_k, 20);
  EXPECT_EQ(partly.eos, (std::vector<int64_t>{7}));
  EXPECT_EQ(partly.unused.size(), 2u);
}

}  // namespace
}  // namespace jamsu::models

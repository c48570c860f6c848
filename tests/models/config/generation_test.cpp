// generation_config.json: what it says is used, what it cannot say is an error that names file and field.
#include "models/config/generation.h"

#include <gtest/gtest.h>

#include "base/faults.h"
#include "base/files.h"

namespace jamsu::models {
namespace {

class Generation : public ::testing::Test {
 protected:
  Result<GenerationConfig> load(const std::string& text) {
    EXPECT_TRUE(write_file(folder_ / "generation_config.json", text, system_files()).ok());
    return load_generation_config(folder_.path(), 1000);
  }
  test::Folder folder_;
};

TEST_F(Generation, WithoutAFileOrSamplingItIsGreedy) {
  const auto none = load_generation_config(folder_.path(), 1000);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->temperature, 0);
  EXPECT_TRUE(none->eos.empty());
  const auto off = load(R"({"do_sample": false, "temperature": 0.6, "top_p": 0.9})");
  ASSERT_TRUE(off.ok());
  EXPECT_EQ(off->temperature, 0);
  EXPECT_EQ(off->top_p, 1);
}

TEST_F(Generation, WhatItSaysIsTaken) {
  const auto all = load(R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.01,
                            "repetition_penalty": 1.05, "eos_token_id": [5, 7], "bos_token_id": 3,
                            "transformers_version": "4.51.0", "pad_token_id": null})");
  ASSERT_TRUE(all.ok()) << all.error().message;
  EXPECT_EQ(all->temperature, 0.6);
  EXPECT_EQ(all->top_k, 20);
  EXPECT_EQ(all->top_p, 0.95);
  EXPECT_EQ(all->min_p, 0.01);
  EXPECT_EQ(all->repetition_penalty, 1.05);
  EXPECT_EQ(all->eos, (std::vector<int64_t>{5, 7}));
  const auto bare = load(R"({"do_sample": true, "top_p": null, "eos_token_id": 9})");  // transformers' defaults
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare->temperature, 1);
  EXPECT_EQ(bare->top_k, 50);
  EXPECT_EQ(bare->top_p, 1);
  EXPECT_EQ(bare->eos, (std::vector<int64_t>{9}));
}

TEST_F(Generation, WhatItCannotSayNamesFileAndField) {
  const struct {
    const char *text, *field;
  } cases[] = {{R"({"do_sample": "yes"})", "do_sample"},
               {R"({"do_sample": true, "temperature": -1})", "temperature"},
               {R"({"do_sample": true, "temperature": "hot"})", "temperature"},
               {R"({"do_sample": true, "top_p": 0})", "top_p"},
               {R"({"do_sample": true, "top_p": 1.5})", "top_p"},
               {R"({"do_sample": true, "top_k": -1})", "top_k"},
               {R"({"do_sample": true, "repetition_penalty": 0})", "repetition_penalty"},
               {R"({"eos_token_id": 1000})", "eos_token_id"},
               {R"({"eos_token_id": "</s>"})", "eos_token_id"},
               {"[]", "object"},
               {"{", "byte"}};
  for (const auto& c : cases) {
    const auto got = load(c.text);
    ASSERT_FALSE(got.ok()) << c.text;
    EXPECT_NE(got.error().message.find("generation_config.json"), std::string::npos) << got.error().message;
    EXPECT_NE(got.error().message.find(c.field), std::string::npos) << got.error().message;
  }
}

}  // namespace
}  // namespace jamsu::models

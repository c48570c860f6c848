// What a name means that is no model: the folder is named for what it is.
#include "hub/installed.h"

#include <gtest/gtest.h>

#include "base/faults.h"

namespace jamsu::hub {
namespace {

TEST(find_model, says_what_a_folder_is_instead) {
  const test::Folder folder;
  test::QuickFiles quick;
  const Places places{.home = folder / "home", .cache = folder / "hub", .program = ""};
  const auto said = [&](const std::string& name) {
    const auto found = find_model(name, places);
    return found ? "found " + *found : found.error().message;
  };
  std::filesystem::create_directories(folder / "gguf");
  ASSERT_TRUE(write_file(folder / "gguf/m.gguf", "GGUF", quick).ok());
  EXPECT_NE(said(folder / "gguf").find("no folder with a config.json there"), std::string::npos);
  EXPECT_NE(said(folder / "gguf").find("m.gguf, a file of llama.cpp"), std::string::npos) << said(folder / "gguf");
  EXPECT_NE(said(folder / "gguf/m.gguf").find("It is a file"), std::string::npos) << said(folder / "gguf/m.gguf");
  std::filesystem::create_directories(folder / "home/models/adapter");
  ASSERT_TRUE(write_file(folder / "home/models/adapter/adapter_config.json", "{}", quick).ok());
  EXPECT_NE(said("adapter").find("an adapter (PEFT, LoRA)"), std::string::npos) << said("adapter");
  std::filesystem::create_directories(folder / "models--a--b/snapshots/c0");
  ASSERT_TRUE(write_file(folder / "models--a--b/snapshots/c0/config.json", "{}", quick).ok());
  EXPECT_NE(said(folder / "models--a--b").find("models--a--b/snapshots/c0"), std::string::npos);
  EXPECT_EQ(said(folder / "models--a--b/snapshots/c0"), "found " + (folder / "models--a--b/snapshots/c0"));
}

}  // namespace
}  // namespace jamsu::hub

#pragma once
// What `jamsu generate` asks for; `jamsu run MODEL TEXT` asks the same.
#include <optional>
#include <string>

#include "apps/request.h"

namespace jamsu::apps {

struct GenerateOptions {
  std::string model = {};
  std::optional<std::string> prompt = {};  // "-": all of stdin
  std::string prompts = {}, tokens = {}, tools = {}, system = {};
  bool chat = false, json = false, unordered = false, show_prompt = false, special = false;
  SamplingOptions sampling = {};
};

int run_generate(const GenerateOptions& options, const Globals& globals);

}  // namespace jamsu::apps

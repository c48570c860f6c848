#pragma once
// Folders that are no model yet: what lies there instead, and what to do.
#include <string>

#include "base/result.h"

namespace jamsu::formats {

// A sentence on a folder that lacks config.json or weights in safetensors: "It holds model.gguf, a file of llama.cpp;
// ...". Unfinished downloads, adapters, other formats of weights, a folder of the Hugging Face cache above its snapshots,
// a folder above the model's. Empty: nothing is known of it, or it is no folder. Reads names, and adapter_config.json.
std::string what_lies_there(const std::string& folder);

// An error where a file has aria2's mark beside it: that downloader gives a file its name and its size at once.
Status check_finished(const std::string& path);

}  // namespace jamsu::formats

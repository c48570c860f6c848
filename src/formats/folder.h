#pragma once
// Folders that are no model yet: what lies there instead, and what to do.
#include <string>

#include "base/result.h"

namespace jamsu::formats {

// A sentence on a folder that lacks config.json or weights in safetensors: "It holds model.gguf, a file of llama.cpp;
// ...". Unfinished downloads, adapters, other formats of weights, a folder of the Hugging Face cache above its snapshots,
// a folder above the model's. Empty: nothing is known of it, or it is no folder. Reads names, and adapter_config.json.
std::string what_lies_there(const std::string& folder);

// Beside a file of weights: an error where its own downloader says that it is not finished (aria2 gives a file its full
// size at once).
Status check_finished(const std::string& path);

}  // namespace jamsu::formats

#pragma once
// stories260k as it was trained. In the golden folder the matrices of its layers are mixed up: on their way from
// llama2.c's layout each [a, b] was read as [b, a] and transposed, five times in turn, and the rows of q and k were put
// in Hugging Face's order afterwards. tests/interop/restore_stories.py does the same as this.
#include <string>

namespace jamsu::regress {

// Writes config.json and model.safetensors into the new folder `to`. REQUIRES: `from` is the golden folder.
void restore_stories(const std::string& from, const std::string& to);

}  // namespace jamsu::regress

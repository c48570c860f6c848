#pragma once
// What git leaves of a large file where git-lfs did not run: three lines of text with its hash and its size
// (github.com/git-lfs/git-lfs, docs/spec.md). Models and data sets that were cloned, or downloaded as archives, are full
// of them.
#include <string_view>

#include "base/result.h"

namespace jamsu {

// An error where `bytes` are such a pointer: it names `path`, the size of what was not fetched, and the cure.
Status check_fetched(std::string_view bytes, std::string_view path);

}  // namespace jamsu

#pragma once
// What somebody may have meant who wrote a name that is not there.
#include <string>
#include <string_view>
#include <vector>

namespace jamsu {

// Of `names` at most three that are near to `name`, the nearest first: equal but for the case of letters, equal to the
// last part (Qwen3-0.6B of Qwen/Qwen3-0.6B), begun by it (three letters at least), or a few letters away from it (added,
// left out, another one, two exchanged: one in three letters).
std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& names);

// "; did you mean \"a\" or \"b\"?"; empty where nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

}  // namespace jamsu

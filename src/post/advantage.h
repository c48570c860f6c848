#pragma once
// What a reward says of a reply beside the other replies to the same prompt (GRPO, arXiv:2402.03300).
//   R replies in G groups: those to one prompt lie together.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jamsu::post {

// r - mean, and what it is divided by: the standard deviation with n - 1 (TRL's "std") or with n ("population"), plus
// 1e-4; or nothing (Dr. GRPO, arXiv:2503.20783).
enum class Normalisation { std, none, population };
Result<Normalisation> normalisation_named(std::string_view name);  // as it is spelled here

enum class GroupState : uint8_t {
  used,
  even,    // all rewards are equal, or there is one reply or none: it teaches nothing
  failed,  // a reward is not finite
};
struct Advantages {
  std::vector<float> values;       // [R]; 0 in groups that are not used
  std::vector<GroupState> groups;  // [G]
  int64_t used = 0, even = 0, failed = 0;
};

// Formed in f64 and rounded once. group_begin: [G + 1], where each group's replies begin and where the last's end.
// REQUIRES: it ascends from 0 to R.
Advantages group_advantages(std::span<const float> rewards, std::span<const int64_t> group_begin,
                            Normalisation normalisation);

}  // namespace jamsu::post

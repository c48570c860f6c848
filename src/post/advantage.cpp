#include "post/advantage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace jamsu::post {
namespace {

constexpr double kFloor = 1e-4;  // TRL's, beside the deviation

GroupState state_of(std::span<const float> rewards) {
  if (!std::all_of(rewards.begin(), rewards.end(), [](float r) { return std::isfinite(r); })) return GroupState::failed;
  const bool even = std::all_of(rewards.begin(), rewards.end(), [&](float r) { return r == rewards[0]; });
  return even ? GroupState::even : GroupState::used;
}

void normalise(std::span<const float> rewards, Normalisation normalisation, std::span<float> values) {
  const auto n = static_cast<double>(rewards.size());
  double sum = 0, squares = 0;
  for (const float r : rewards) sum += static_cast<double>(r);
  const double mean = sum / n;
  for (const float r : rewards) squares += (static_cast<double>(r) - mean) * (static_cast<double>(r) - mean);
  const double divisor = normalisation == Normalisation::none
                             ? 1
                             : std::sqrt(squares / (normalisation == Normalisation::std ? n - 1 : n)) + kFloor;
  for (size_t i = 0; i < rewards.size(); ++i)
    values[i] = static_cast<float>((static_cast<double>(rewards[i]) - mean) / divisor);
}

}  // namespace

Result<Normalisation> normalisation_named(std::string_view name) {
  if (name == "std") return Normalisation::std;
  if (name == "none") return Normalisation::none;
  if (name == "population") return Normalisation::population;
  return Error{fmt::format("\"{}\" is none of std, none, population", name)};
}

Advantages group_advantages(std::span<const float> rewards, std::span<const int64_t> group_begin,
                            Normalisation normalisation) {
  JAMSU_CHECK(!group_begin.empty() && group_begin.front() == 0 &&
              group_begin.back() == static_cast<int64_t>(rewards.size()) &&
              std::is_sorted(group_begin.begin(), group_begin.end()));
  Advantages out;
  out.values.resize(rewards.size());
  for (size_t g = 0; g + 1 < group_begin.size(); ++g) {
    const auto begin = static_cast<size_t>(group_begin[g]), size = static_cast<size_t>(group_begin[g + 1]) - begin;
    const GroupState state = state_of(rewards.subspan(begin, size));
    out.groups.push_back(state);
    ++(state == GroupState::used ? out.used : state == GroupState::even ? out.even : out.failed);
    if (state == GroupState::used)
      normalise(rewards.subspan(begin, size), normalisation, std::span(out.values).subspan(begin, size));
  }
  return out;
}

}  // namespace jamsu::post

#include "base/near_names.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace jamsu {
namespace {

constexpr size_t kMostNames = 3, kShortestBeginning = 3, kLongestName = 256;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Damerau's distance, two neighbours exchanged counting once (optimal string alignment).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

constexpr size_t kMeant = 1;  // farness up to which a name is surely meant

// How far `name` is from what was written: smaller is nearer; npos: not near.
size_t farness(std::string_view written, std::string_view name) {
  const std::string_view last_part = name.substr(name.rfind('/') + 1);
  if (written == name) return 0;
  if (written == last_part) return kMeant;
  const size_t letters = std::min(distance(written, name), distance(written, last_part));
  if (written.size() >= kShortestBeginning && (name.starts_with(written) || last_part.starts_with(written)))
    return kMeant + 1;
  if (letters >= written.size() || letters > std::max<size_t>(1, written.size() / 3)) return std::string::npos;
  return kMeant + letters;
}

}  // namespace

std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& names) {
  if (name.empty() || name.size() > kLongestName) return {};
  const std::string written = lower(name);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : names) {
    if (candidate == name || candidate.size() > kLongestName) continue;
    const size_t far = farness(written, lower(candidate));
    if (far != std::string::npos) near.emplace_back(far, candidate);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> found;
  for (auto& [far, candidate] : near) {
    const bool repeated = !found.empty() && found.back() == candidate;
    if (found.size() == kMostNames || (far > kMeant && near[0].first <= kMeant)) break;
    if (!repeated) found.push_back(std::move(candidate));
  }
  return found;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const std::vector<std::string> near = near_names(name, names);
  std::string text;
  for (size_t i = 0; i < near.size(); ++i)
    text += (i == 0 ? "; did you mean \"" : i + 1 == near.size() ? " or \"" : ", \"") + near[i] + "\"";
  return text.empty() ? text : text + "?";
}

}  // namespace jamsu

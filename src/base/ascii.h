#pragma once
#include <string>
#include <string_view>

namespace jamsu {

// A-Z become a-z; every other byte stays.
inline std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace jamsu

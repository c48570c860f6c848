#pragma once
// Damage for parsers: a pure function of (seed, index), so that a failing input can be made again.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"

namespace jamsu::test {

// What formats give meaning to: brackets and quotes of JSON and templates,
// numbers at the edge of their types, broken UTF-8.
inline constexpr std::array<std::string_view, 40> kFuzzWords{"{",
                                                             "}",
                                                             "[",
                                                             "]",
                                                             "\"",
                                                             ",",
                                                             ":",
                                                             "\\",
                                                             "\\u0000",
                                                             "\\ud800",
                                                             "\\uDC00\\uD800",
                                                             "null",
                                                             "true",
                                                             "false",
                                                             "-1",
                                                             "0",
                                                             "1e999",
                                                             "-0.0",
                                                             "9223372036854775807",
                                                             "9223372036854775808",
                                                             "18446744073709551615",
                                                             "4294967296",
                                                             "2147483648",
                                                             "{{",
                                                             "}}",
                                                             "{%",
                                                             "%}",
                                                             "{#",
                                                             "#}",
                                                             "\xff",
                                                             "\xed\xa0\x80",
                                                             "\xf4\x90\x80\x80",
                                                             "\xc0\x80",
                                                             "\n",
                                                             "[[[[[[[[[[[[[[[[",
                                                             "{\"a\":{\"a\":{\"a\":{\"a\":",
                                                             "/../",
                                                             "#",
                                                             "=",
                                                             "\"\""};

// One to four changes to `seed`: bits, bytes, digits, 32- and 64-bit lengths, words, ranges erased, doubled or moved, a
// cut end. Half of all places lie in the first 256 bytes, where headers are.
// The result is at most 64 KiB longer than the seed.
inline std::string mutate(std::string_view seed, uint64_t run_seed, uint64_t index) {
  RandomStream random(run_seed, index, Purpose::mutation);
  std::string s(seed);
  const auto place = [&](size_t past_end) -> size_t {  // in [0, s.size() + past_end)
    const size_t all = s.size() + past_end;
    const size_t range = random.chance(1, 2) ? std::min<size_t>(all, 256) : all;
    return range == 0 ? 0 : random.below(static_cast<uint32_t>(range));
  };
  const auto overwrite = [&](uint64_t value, size_t bytes) {
    const size_t at = random.chance(1, 4) ? 0 : place(1);
    for (size_t i = 0; i < bytes && at + i < s.size(); ++i) s[at + i] = static_cast<char>(value >> (8 * i));
  };
  const uint32_t changes = 1 + random.below(4);
  for (uint32_t change = 0; change < changes; ++change) {
    const uint32_t kind = random.below(11);
    const size_t at = place(1), inside = std::min(at, s.empty() ? 0 : s.size() - 1);
    const size_t length =
        std::min<size_t>(s.size() - std::min(at, s.size()), 1 + random.below(random.chance(1, 2) ? 4 : 256));
    switch (kind) {
      case 0:
        if (!s.empty()) s[inside] = static_cast<char>(static_cast<unsigned char>(s[inside]) ^ (1u << random.below(8)));
        break;
      case 1:
        if (!s.empty()) s[inside] = static_cast<char>(random.below(256));
        break;
      case 2: {  // the next digit from here on
        const size_t digit = s.find_first_of("0123456789", at);
        if (digit != std::string::npos) s[digit] = static_cast<char>('0' + random.below(10));
        break;
      }
      case 3: {  // a number replaced by one at an edge
        const size_t digit = s.find_first_of("0123456789", at);
        if (digit == std::string::npos) break;
        const size_t end = std::min(s.find_first_not_of("0123456789", digit), s.size());
        s.replace(digit, end - digit, kFuzzWords[14 + random.below(9)]);
        break;
      }
      case 4: {
        const uint64_t values[] = {
            0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, s.size(), s.size() - 8};
        overwrite(random.pick(std::array<uint64_t, 8>{values[0], values[1], values[2], values[3], values[4], values[5],
                                                      values[6], values[7]}),
                  random.chance(1, 2) ? 8 : 4);
        break;
      }
      case 5:
        s.insert(at, random.pick(kFuzzWords));
        break;
      case 6: {
        const std::string_view word = random.pick(kFuzzWords);
        s.replace(at, std::min(word.size(), s.size() - at), word);
        break;
      }
      case 7:
        s.erase(at, length);
        break;
      case 8: {
        const std::string part = s.substr(at, length);
        s.insert(place(1), part);
        break;
      }
      case 9: {
        const std::string part = s.substr(at, length);
        const uint32_t times = 1 + random.below(64);
        std::string many;
        for (uint32_t i = 0; i < times; ++i) many += part;
        s.insert(at, many);
        break;
      }
      default:
        s.resize(at);
    }
  }
  return s;
}

}  // namespace jamsu::test

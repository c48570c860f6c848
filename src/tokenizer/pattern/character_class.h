#pragma once
// A set of code points written as a regex class of characters and ranges: [!-/:-~], [一-龥], [\r\n].
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace jamsu::tokenizer {

class CharacterClass {
 public:
  // None for what is not such a class: negation, nested classes, &&, escapes other than \r \n \t \\ \] \[ \- \^, an
  // empty class, a range that runs backwards.
  static std::optional<CharacterClass> parse(std::string_view pattern);

  bool has(char32_t c) const {
    if (c < 128) return ascii_[c];
    size_t low = 0, high = ranges_.size();  // the first range that ends at c or later
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (ranges_[middle].last < c) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < ranges_.size() && ranges_[low].first <= c;
  }

  struct Range {
    char32_t first, last;
  };
  std::span<const Range> ranges() const { return ranges_; }  // disjoint, sorted

 private:
  std::array<bool, 128> ascii_{};
  std::vector<Range> ranges_;
};

}  // namespace jamsu::tokenizer

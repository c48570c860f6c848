#pragma once
// SentencePiece's map of characters (normalizer Precompiled): a double-array trie (Darts) over the bytes of what is
// replaced, whose values are places in a text of replacements that NULs end. Applied as `tokenizers` does (its crate
// spm_precompiled): to a grapheme cluster of at most five bytes as a whole, by the shortest beginning of it that the
// map has; else to each character.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jamsu::tokenizer {

class Charsmap {
 public:
  // `bytes`: the size of the trie in bytes (u32, little endian), its units (u32), the replacements. Errors say what is
  // wrong, without naming the field. A place that lies outside its table is no entry.
  static Result<Charsmap> parse(std::string_view bytes);
  // Appends the mapped text. REQUIRES: valid UTF-8. Thread-safe.
  void apply(std::string_view text, std::string& out) const;
  size_t longest() const { return longest_; }  // bytes of a replacement

 private:
  std::optional<std::string_view> find(std::string_view piece) const;
  std::vector<uint32_t> units_;
  std::string replacements_;
  size_t longest_ = 0;
  std::array<std::optional<std::string>, 128> ascii_;  // replacements of single characters
};

}  // namespace jamsu::tokenizer

#pragma once
// Oniguruma (Ruby syntax, UTF-8: what `tokenizers` uses) behind limits. For patterns that pattern_scanner.h does not
// know, and its oracle in tests. Categories, Han, \d, \w and \b are of our Unicode 16 tables (regex_properties.h),
// other properties of the library's own (6.9.8: Unicode 14).
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace jamsu::tokenizer {

class Regex {
 public:
  // Errors: syntax, a pattern too long or nested too deep,
  // and one that needs more than the limits on short probes ("explodes").
  static Result<Regex> compile(std::string_view pattern);

  enum class Outcome { match, no_match, limit };  // limit: retries or stack ran out
  struct Found {
    Outcome outcome;
    size_t begin, end;
  };
  // The leftmost match at or after `from`. Thread-safe.
  Found search(std::string_view text, size_t from) const;

 private:
  struct Impl;
  explicit Regex(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace jamsu::tokenizer

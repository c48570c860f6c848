#pragma once
// Added tokens: found in the text before anything is cut (Hugging Face's AddedVocabulary).
#include <array>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"

namespace jamsu::tokenizer {

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool special = false, normalized = false, lstrip = false, rstrip = false, single_word = false;
  bool outside_model = false;  // the model's own vocabulary does not have it
  bool same_flags(const AddedToken& o) const {
    return special == o.special && normalized == o.normalized && lstrip == o.lstrip && rstrip == o.rstrip &&
           single_word == o.single_word;
  }
};

// A token as added_tokens and added_tokens_decoder write it, without its id (0). `where`: of it, in errors.
Result<AddedToken> read_added_token(const boost::json::value& value, const std::string& where);
// The field "added_tokens" of a tokenizer.json, in its order, with the ids of the file. `name`: of the file, in errors.
Result<std::vector<AddedToken>> read_added_tokens(const boost::json::value& list, const std::string& name);

// The field "added_tokens" as a file has it.
boost::json::array written_added_tokens(const std::vector<AddedToken>& added);

// One pass over the text for a set of tokens. The leftmost, then longest match wins; single_word drops a match after it
// was chosen; lstrip and rstrip widen it by white space.
class AddedTokenMatcher {
 public:
  // `patterns[i]`: what tokens[i] looks like in the text. Empty patterns never match; of equal ones the first counts.
  AddedTokenMatcher(std::vector<AddedToken> tokens, std::vector<std::string> patterns);
  AddedTokenMatcher() = default;

  bool empty() const { return sorted_.empty(); }
  // Calls on_text for each stretch of plain text (never empty) and on_token for each token, from left to right.
  void split(std::string_view text, FunctionRef<void(std::string_view)> on_text,
             FunctionRef<void(int32_t)> on_token) const;

 private:
  struct Pattern {
    std::string text;
    uint32_t token;
  };
  // Where the next byte stands, at or after `at`, that a pattern begins with.
  size_t next_start(std::string_view text, size_t at) const;
  // The longest pattern that stands at text[at]; null when none.
  const Pattern* longest_at(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;
  std::vector<Pattern> sorted_;  // by text, which are distinct
  std::array<bool, 256> starts_{};
  bool one_start_ = false;  // all begin with the same byte, often `<`
};

}  // namespace jamsu::tokenizer

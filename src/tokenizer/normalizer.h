#pragma once
// The normalizer of a tokenizer.json: NFC, NFKC, Prepend, Replace and sequences of them.
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/pattern_scanner.h"

namespace jamsu::tokenizer {

class Normalizer {
 public:
  // null: none. What is not one of the above is an error; `where` names file and field.
  static Result<Normalizer> from_json(const boost::json::value& json, const std::string& where);
  // The text as pre-tokenizer and model see it; `owner` holds it where it is another. REQUIRES: valid UTF-8.
  // Thread-safe.
  std::string_view run(std::string_view text, std::string& owner) const;
  // NFC and NFKC alone: what a text's characters become, without what is put around them.
  std::string composed(std::string text) const;

 private:
  struct Step {
    enum class Kind : uint8_t { nfc, nfkc, prepend, replace } kind;
    std::string text;                               // what is put in front, or in place of matches
    std::shared_ptr<const PatternScanner> scanner;  // replace
  };
  Status add(const boost::json::value& json, const std::string& where);
  std::vector<Step> steps_;
  double growth_ = 1;  // how many times longer replacements can make a text
};

}  // namespace jamsu::tokenizer

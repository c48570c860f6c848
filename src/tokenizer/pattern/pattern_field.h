#pragma once
// The field "pattern" of a tokenizer.json's Split and Replace: {"String": ...} or {"Regex": ...}.
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "tokenizer/pattern/pattern_scanner.h"

namespace jamsu::tokenizer {

struct PatternField {
  std::shared_ptr<const PatternScanner> scanner;
  bool regex = false;        // goes through Oniguruma
  std::string literal = {};  // of "String"; empty: a pattern
  size_t least_bytes = 1;    // of a match
};
// `where` names file and field in errors.
Result<PatternField> read_pattern(const boost::json::object& object, const std::string& where);

}  // namespace jamsu::tokenizer

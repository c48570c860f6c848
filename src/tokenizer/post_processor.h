#pragma once
// The post_processor of a tokenizer.json: what it puts around one text.
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace jamsu::tokenizer {

struct AroundText {
  std::vector<int32_t> prefix, suffix;
};

// null, ByteLevel (moves offsets only), TemplateProcessing (its "single"), RobertaProcessing and BertProcessing ("cls"
// in front, "sep" behind) and Sequence; others are an error. `where` names file and field in errors.
Result<AroundText> read_post_processor(const boost::json::value& value, const std::string& where, int32_t vocab_size);

}  // namespace jamsu::tokenizer

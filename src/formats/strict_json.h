#pragma once
// JSON of files that nobody vouches for: RFC 8259, valid UTF-8, no duplicate keys (Boost.JSON keeps the last one
// silently), a limit on depth, nothing after the value. A byte order mark is passed over, as the RFC allows. A number
// that is no integer of 64 bits is the double nearest to it (Boost.JSON 1.81's own may be a neighbour of that); one
// beyond every double is an error.
#include <boost/json/value.hpp>
#include <string_view>

#include "base/result.h"

namespace jamsu::formats {

// `file` names the source in errors: `x.json: byte 17: syntax error`, `x.json: key "a" stands twice in one object.`,
// `x.json: byte 17: the number is too large for a double.`
Result<boost::json::value> parse_strict_json(std::string_view text, std::string_view file, int max_depth = 32);

// The value that `text` begins with, and where it ends (white space behind it is passed over).
struct FirstJson {
  boost::json::value value;
  size_t size = 0;
};
// `unfinished`, where it is given, is set to whether the text ends before its value does.
Result<FirstJson> parse_first_json(std::string_view text, std::string_view file, bool* unfinished = nullptr,
                                   int max_depth = 32);

}  // namespace jamsu::formats

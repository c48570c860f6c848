#pragma once
// Reading fields of JSON that nobody vouches for; `where` is "file: field" in the messages.
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jamsu::tokenizer {

std::string_view json_kind_name(const boost::json::value& v);  // "an object", "null" ...
Error wrong_kind(const std::string& where, std::string_view key, std::string_view wanted,
                 const boost::json::value& got);

// A field that may be absent or null, which read as `otherwise`.
Result<bool> bool_field(const boost::json::object& json, std::string_view key, bool otherwise,
                        const std::string& where);
// A field that has to be there.
Result<std::string_view> string_field(const boost::json::object& json, std::string_view key, const std::string& where);
// A whole number that fits int64.
Result<int64_t> id_value(const boost::json::value& v, const std::string& where);

// Text of a hostile file inside a message: cut at 60 bytes, control characters escaped.
std::string in_quotes(std::string_view s);

}  // namespace jamsu::tokenizer

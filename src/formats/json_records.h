#pragma once
// Files of many JSON objects, as people have them: an object a line (JSONL), the elements of one array, or objects over
// several lines that follow each other (what jq and pretty printers write).
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/result.h"

namespace jamsu::formats {

// `where` is "FILE:3", the line that the object begins in.
using UseRecord = FunctionRef<Status(const boost::json::object& record, const std::string& where)>;

// Calls `use` for each object in order and returns how many there were; blank lines are passed over. Stops at the first
// error: that of `use`, or one that names the line (no JSON, no object, something behind the object).
// REQUIRES: `text` is without a byte order mark; files that were joined may have one at the beginning of a line.
Result<int64_t> for_each_record(std::string_view text, const std::string& file, UseRecord use);

}  // namespace jamsu::formats

#pragma once
// Boost.JSON 1.81 reads some numbers as a neighbour of the nearest double, and 1e999 as infinity, which it then writes
// as no JSON. This puts right what it has parsed.
#include <boost/json/value.hpp>
#include <string_view>

#include "base/result.h"

namespace jamsu {

// Every double of `value` becomes the one nearest to what stands in `text`, of which it was parsed (what is smaller
// than every double: 0). Costs a walk over the values, and where there are doubles a second look at the text.
// Errors: `FILE: byte 17: the number is too large for a double.` REQUIRES: no key of an object of `text` stands twice.
Status set_nearest_doubles(boost::json::value& value, std::string_view text, std::string_view file);

// The same error for text whose keys may stand twice; the doubles stay as they were parsed.
Status refuse_infinite(const boost::json::value& value, std::string_view text, std::string_view file);

}  // namespace jamsu

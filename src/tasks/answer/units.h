#pragma once
// Names of units and currencies.
#include <cstddef>
#include <string>
#include <string_view>

namespace jamsu::tasks {

struct UnitName {
  std::string name;  // canonical; "%" for percent; empty: no unit that is known
  size_t bytes = 0;  // of the text
};
// The unit that `text` begins with, a space or kJoint before it allowed: "km", " kilometers", "km/h", "m^2", "원".
UnitName unit_at(std::string_view text);
// The currency that ends `text`, right before a number: "$", "US$", "₩", "USD ".
UnitName currency_before(std::string_view text);

}  // namespace jamsu::tasks

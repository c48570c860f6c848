// Parameters by place or name.
#include <fmt/format.h>

#include "jinja/eval.h"

namespace jamsu::jinja {

Bound::Bound(std::string_view function, Arguments& arguments, std::initializer_list<std::string_view> names,
             size_t required)
    : function_(function), values_(names.size()) {
  if (arguments.positional.size() > names.size())
    fail("TypeError", fmt::format("{}() takes at most {} arguments ({} given)", function, names.size(),
                                  arguments.positional.size()));
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = arguments.positional[i];
  for (const auto& [key, value] : arguments.named) {
    size_t i = 0;
    while (i < names.size() && names.begin()[i] != key) ++i;
    if (i == names.size())
      fail("TypeError", fmt::format("{}() got an unexpected keyword argument '{}'", function, key));
    if (values_[i]) fail("TypeError", fmt::format("{}() got multiple values for argument '{}'", function, key));
    values_[i] = value;
  }
  for (size_t i = 0; i < required; ++i)
    if (!values_[i])
      fail("TypeError", fmt::format("{}() missing a required argument: '{}'", function, names.begin()[i]));
}

int64_t Bound::integer(size_t i, int64_t other) const {
  if (!has(i)) return other;
  const Value& value = *values_[i];
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_integral())
    fail("TypeError", fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
  if (value.is_small()) return value.small();
  fail("OverflowError", "Python int too large to convert to C ssize_t");
}

std::string Bound::text(size_t i, std::string_view other) const {
  if (!has(i)) return std::string(other);
  const Value& value = *values_[i];
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_string())
    fail("TypeError", fmt::format("{}() argument must be str, not {}", function_, type_name(value)));
  return value.text();
}

}  // namespace jamsu::jinja

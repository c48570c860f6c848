#include "base/json_doubles.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/check.h"

namespace jamsu {
namespace {

namespace json = boost::json;

// Boost.JSON's event interface: the doubles in the order of the text.
struct DoubleReader {
  using error_code = json::error_code;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  std::vector<double> found;
  std::string number;  // the one being read
  bool too_large = false;

  bool on_number_part(std::string_view part, error_code&) {
    number.append(part);
    return true;
  }
  bool on_int64(int64_t, std::string_view, error_code&) {
    number.clear();
    return true;
  }
  bool on_uint64(uint64_t, std::string_view, error_code&) {
    number.clear();
    return true;
  }
  bool on_double(double, std::string_view part, error_code& ec) {
    number.append(part);
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    // Out of range is what is too small, too: that is 0 or the least double, as C's strtod has it.
    if (read.ec == std::errc::result_out_of_range) value = std::strtod(number.c_str(), nullptr);
    if (!std::isfinite(value)) {
      too_large = true;
      ec = json::error::not_number;  // any error: `too_large` says which
      return false;
    }
    found.push_back(value);
    number.clear();
    return true;
  }
  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(std::string_view, std::size_t, error_code&) { return true; }
  bool on_key(std::string_view, std::size_t, error_code&) { return true; }
  bool on_string_part(std::string_view, std::size_t, error_code&) { return true; }
  bool on_string(std::string_view, std::size_t, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(std::string_view, error_code&) { return true; }
  bool on_comment(std::string_view, error_code&) { return true; }
};

Result<std::vector<double>> doubles_of(std::string_view text, std::string_view file) {
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(-1);  // whoever parsed it has looked
  json::basic_parser<DoubleReader> parser(options);
  json::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  DoubleReader& reader = parser.handler();
  if (!reader.too_large) return std::move(reader.found);
  return Error{fmt::format("{}: byte {}: the number is too large for a double.", file,
                           used - std::min(used, reader.number.size()))};
}

// Calls take(double&) for each, in the order of the text; false of it ends the walk, and is returned.
template <class Value, class Take>
bool for_each_double(Value& value, const Take& take) {
  switch (value.kind()) {
    case json::kind::double_:
      return take(value.get_double());
    case json::kind::array:
      return std::all_of(value.get_array().begin(), value.get_array().end(),
                         [&](auto& item) { return for_each_double(item, take); });
    case json::kind::object:
      return std::all_of(value.get_object().begin(), value.get_object().end(),
                         [&](auto&& member) { return for_each_double(member.value(), take); });
    default:
      return true;
  }
}

}  // namespace

Status set_nearest_doubles(json::value& value, std::string_view text, std::string_view file) {
  if (for_each_double(value, [](double) { return false; })) return {};
  const auto doubles = doubles_of(text, file);
  if (!doubles) return doubles.error();
  size_t next = 0;
  for_each_double(value, [&](double& number) {
    JAMSU_CHECK(next < doubles->size());
    number = (*doubles)[next++];
    return true;
  });
  JAMSU_CHECK(next == doubles->size());
  return {};
}

Status refuse_infinite(const json::value& value, std::string_view text, std::string_view file) {
  if (for_each_double(value, [](double number) { return std::isfinite(number); })) return {};
  const auto doubles = doubles_of(text, file);
  return doubles ? Status() : doubles.error();
}

}  // namespace jamsu

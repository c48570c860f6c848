#include "formats/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>
#include <system_error>
#include <unordered_set>
#include <vector>

namespace jamsu::formats {
namespace {

namespace json = boost::json;

// Boost.JSON's event interface: remembers the keys of every open object.
struct KeyWatcher {
  using error_code = json::error_code;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = 1 << 16;
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  std::vector<std::unordered_set<std::string>> open;
  std::string key;  // the one being read
  bool duplicate = false;
  std::string number;           // the one being read
  std::vector<double> doubles;  // in the order of the text, correctly rounded
  bool too_large = false;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    open.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(std::string_view part, std::size_t, error_code&) {
    key.append(part);
    return true;
  }
  bool on_key(std::string_view part, std::size_t, error_code& ec) {
    key.append(part);
    if (!open.back().insert(key).second) {
      duplicate = true;
      ec = json::error::extra_data;  // any error: `duplicate` says which
      return false;
    }
    key.clear();
    return true;
  }
  bool on_string_part(std::string_view, std::size_t, error_code&) { return true; }
  bool on_string(std::string_view, std::size_t, error_code&) { return true; }
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
  // Boost.JSON's own value may be a neighbour of the right double, and of 1e999 it is infinity.
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
    doubles.push_back(value);
    number.clear();
    return true;
  }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(std::string_view, error_code&) { return true; }
  bool on_comment(std::string_view, error_code&) { return true; }
};

// Puts the doubles of the text, in its order, in the place of those that were parsed.
void set_doubles(json::value& value, const double*& next) {
  switch (value.kind()) {
    case json::kind::double_:
      value.get_double() = *next++;
      return;
    case json::kind::array:
      for (json::value& item : value.get_array()) set_doubles(item, next);
      return;
    case json::kind::object:
      for (auto& member : value.get_object()) set_doubles(member.value(), next);
      return;
    default:
      return;
  }
}

}  // namespace

Result<json::value> parse_strict_json(std::string_view text, std::string_view file, int max_depth) {
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(max_depth);
  json::basic_parser<KeyWatcher> watcher(options);
  json::error_code ec;
  const std::size_t used = watcher.write_some(false, text.data(), text.size(), ec);
  if (watcher.handler().duplicate)
    return Error{fmt::format("{}: key \"{}\" stands twice in one object.", file, watcher.handler().key)};
  if (watcher.handler().too_large) {
    const size_t begin = used - std::min(used, watcher.handler().number.size());
    return Error{fmt::format("{}: byte {}: the number is too large for a double.", file, begin)};
  }
  if (ec) return Error{fmt::format("{}: byte {}: {} in JSON.", file, used, ec.message())};
  if (used != text.size()) return Error{fmt::format("{}: byte {}: something follows the JSON value.", file, used)};
  json::value value = json::parse(text, ec, {}, options);
  if (ec) return Error{fmt::format("{}: {} in JSON.", file, ec.message())};
  const double* next = watcher.handler().doubles.data();
  set_doubles(value, next);
  JAMSU_CHECK(next == watcher.handler().doubles.data() + watcher.handler().doubles.size());
  return value;
}

}  // namespace jamsu::formats

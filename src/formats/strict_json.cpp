#include "formats/strict_json.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/json_doubles.h"

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
  bool on_number_part(std::string_view, error_code&) { return true; }
  bool on_int64(int64_t, std::string_view, error_code&) { return true; }
  bool on_uint64(uint64_t, std::string_view, error_code&) { return true; }
  bool on_double(double, std::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(std::string_view, error_code&) { return true; }
  bool on_comment(std::string_view, error_code&) { return true; }
};

// What Python's json writes for a double that is no number, where `at` lies in it; empty: something else stands there.
std::string_view python_number(std::string_view text, std::size_t at) {
  for (const std::string_view word : {"-Infinity", "Infinity", "NaN"})
    for (const std::size_t begin : {at, at == 0 ? at : at - 1})
      if (text.substr(begin).starts_with(word)) return word;
  return {};
}

}  // namespace

Result<FirstJson> parse_first_json(std::string_view text, std::string_view file, bool* unfinished, int max_depth) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return Error{fmt::format("{}: is UTF-16, where UTF-8 is read.", file)};
  const std::size_t mark = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  const std::string_view body = text.substr(mark);
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(max_depth);
  json::basic_parser<KeyWatcher> watcher(options);
  json::error_code ec;
  const std::size_t used = watcher.write_some(false, body.data(), body.size(), ec);
  if (unfinished) *unfinished = ec == json::error::incomplete;
  if (watcher.handler().duplicate)
    return Error{fmt::format("{}: key \"{}\" stands twice in one object.", file, watcher.handler().key)};
  if (ec) {
    if (const std::string_view word = python_number(body, used); !word.empty())
      return Error{
          fmt::format("{}: byte {}: {} is no JSON, although Python's json writes it: null says that a value is "
                      "missing.",
                      file, mark + used, word)};
    return Error{fmt::format("{}: byte {}: {} in JSON.", file, mark + used, ec.message())};
  }
  json::value value = json::parse(body.substr(0, used), ec, {}, options);
  if (ec) return Error{fmt::format("{}: {} in JSON.", file, ec.message())};
  if (auto s = set_nearest_doubles(value, body.substr(0, used), file); !s) return s.error();
  return FirstJson{std::move(value), mark + used};
}

Result<json::value> parse_strict_json(std::string_view text, std::string_view file, int max_depth) {
  auto first = parse_first_json(text, file, nullptr, max_depth);
  if (!first) return first.error();
  if (first->size != text.size())
    return Error{fmt::format("{}: byte {}: something follows the JSON value.", file, first->size)};
  return std::move(first->value);
}

}  // namespace jamsu::formats

#include "tokenizer/json_fields.h"

#include <fmt/format.h>

#include "unicode/utf8.h"

namespace jamsu::tokenizer {

std::string_view json_kind_name(const boost::json::value& v) {
  switch (v.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a boolean";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

Error wrong_kind(const std::string& where, std::string_view key, std::string_view wanted,
                 const boost::json::value& got) {
  return Error{fmt::format("{}: \"{}\" is {}; expected {}.", where, key, json_kind_name(got), wanted)};
}

Result<bool> bool_field(const boost::json::object& json, std::string_view key, bool otherwise,
                        const std::string& where) {
  const auto* v = json.if_contains(key);
  if (!v || v->is_null()) return otherwise;
  if (!v->is_bool()) return wrong_kind(where, key, "true or false", *v);
  return v->get_bool();
}

Result<std::string_view> string_field(const boost::json::object& json, std::string_view key, const std::string& where) {
  const auto* v = json.if_contains(key);
  if (!v) return Error{fmt::format("{}: \"{}\" is missing.", where, key)};
  if (!v->is_string()) return wrong_kind(where, key, "a string", *v);
  return std::string_view(v->get_string());
}

Result<int64_t> id_value(const boost::json::value& v, const std::string& where) {
  if (v.is_int64()) return v.get_int64();
  if (v.is_uint64()) return Error{fmt::format("{}: id {} is out of range.", where, v.get_uint64())};
  return Error{fmt::format("{}: the id is {}; expected a whole number.", where, json_kind_name(v))};
}

std::string in_quotes(std::string_view s) {
  constexpr size_t kLimit = 60;
  size_t cut = s.size();
  if (cut > kLimit)
    for (cut = kLimit; cut > 0 && unicode::is_utf8_continuation(s[cut]);) --cut;
  std::string out = "\"";
  for (const char c : s.substr(0, cut)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + (cut < s.size() ? "...\"" : "\"");
}

}  // namespace jamsu::tokenizer

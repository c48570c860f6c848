#include "text/stream/schema.h"

#include <array>
#include <boost/json.hpp>

#include "text/stream/literals.h"
#include "text/stream/text.h"

namespace jamsu::text {
namespace {

namespace json = boost::json;

enum Kinds : uint8_t { kString = 1, kInteger = 2, kReal = 4, kBoolean = 8, kNull = 16, kArray = 32, kObject = 64 };
constexpr int kMostReferences = 16;  // a schema inside a schema, or by $ref

struct TypeName {
  std::string_view name;
  uint8_t kinds;
};
// JSON Schema's, then those that people write instead.
constexpr std::array<TypeName, 14> kTypeNames{{{"string", kString},
                                               {"integer", kInteger},
                                               {"number", kInteger | kReal},
                                               {"boolean", kBoolean},
                                               {"null", kNull},
                                               {"array", kArray},
                                               {"object", kObject},
                                               {"str", kString},
                                               {"int", kInteger},
                                               {"float", kInteger | kReal},
                                               {"bool", kBoolean},
                                               {"list", kArray},
                                               {"dict", kObject},
                                               {"enum", kString}}};

uint8_t kinds_of_name(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const TypeName& t : kTypeNames)
    if (lower == t.name) return t.kinds;
  return 0;
}

uint8_t kinds_of_value(const json::value& v) {
  switch (v.kind()) {
    case json::kind::null:
      return kNull;
    case json::kind::bool_:
      return kBoolean;
    case json::kind::int64:
    case json::kind::uint64:
      return kInteger;
    case json::kind::double_:
      return kReal;
    case json::kind::string:
      return kString;
    case json::kind::array:
      return kArray;
    case json::kind::object:
      return kObject;
  }
  return 0;
}

// "#/$defs/City" within `root`; null: not there.
const json::value* resolve(const json::value& root, std::string_view reference) {
  if (!reference.starts_with("#/")) return nullptr;
  json::error_code error;
  const std::string_view path = reference.substr(1);
  return root.find_pointer(json::string_view(path.data(), path.size()), error);
}

uint8_t kinds_of_schema(const json::value& schema, const json::value& root, int depth) {
  const json::object* o = schema.if_object();
  if (!o || depth > kMostReferences) return 0;
  if (const json::value* reference = o->if_contains("$ref"); reference && reference->is_string()) {
    const json::value* target = resolve(root, reference->get_string());
    return target ? kinds_of_schema(*target, root, depth + 1) : uint8_t{0};
  }
  uint8_t kinds = 0;
  if (const json::value* type = o->if_contains("type")) {
    if (type->is_string()) kinds = kinds_of_name(type->get_string());
    if (const json::array* types = type->if_array())
      for (const json::value& t : *types)
        if (t.is_string()) kinds |= kinds_of_name(t.get_string());
  }
  if (const json::value* nullable = o->if_contains("nullable"); kinds != 0 && nullable && *nullable == true)
    kinds |= kNull;
  if (kinds != 0) return kinds;
  for (const char* key : {"anyOf", "oneOf", "allOf"})
    if (const json::value* some = o->if_contains(key); some && some->is_array())
      for (const json::value& one : some->get_array()) kinds |= kinds_of_schema(one, root, depth + 1);
  if (const json::value* some = o->if_contains("enum"); some && some->is_array())
    for (const json::value& one : some->get_array()) kinds |= kinds_of_value(one);
  if (const json::value* one = o->if_contains("const")) kinds |= kinds_of_value(*one);
  if (kinds == 0 && o->contains("properties")) return kObject;
  if (kinds == 0 && o->contains("items")) return kArray;
  return kinds;
}

const json::object* member_object(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(json::string_view(key.data(), key.size()));
  return v ? v->if_object() : nullptr;
}

// Whether JSON text is of one of the kinds; a whole number may be written with a point.
bool is_of(std::string_view text, uint8_t kinds) {
  if (text.empty()) return false;
  const char c = text[0];
  if (c == '"') return kinds & kString;
  if (c == '{') return kinds & kObject;
  if (c == '[') return kinds & kArray;
  if (c == 't' || c == 'f') return kinds & kBoolean;
  if (c == 'n') return kinds & kNull;
  return kinds & (kInteger | kReal);
}

}  // namespace

ToolSchemas::ToolSchemas(const json::array& tools) {
  auto functions = std::make_shared<std::vector<Function>>();
  for (const json::value& tool : tools) {
    const json::object* o = tool.if_object();
    if (!o) continue;
    if (const json::object* inner = member_object(*o, "function")) o = inner;
    const json::value* name = o->if_contains("name");
    if (!name || !name->is_string()) continue;
    Function f;
    f.name = std::string_view(name->get_string());
    for (const char* key : {"parameters", "input_schema"}) {
      const json::value* root = o->if_contains(key);
      const json::object* schema = root ? root->if_object() : nullptr;
      const json::object* properties = schema ? member_object(*schema, "properties") : nullptr;
      if (!properties) continue;
      for (const auto& [parameter, of] : *properties)
        f.parameters.push_back({std::string(std::string_view(parameter)), kinds_of_schema(of, *root, 0)});
      break;
    }
    functions->push_back(std::move(f));
  }
  functions_ = std::move(functions);
}

const ToolSchemas::Function* ToolSchemas::find(std::string_view function) const {
  if (functions_)
    for (const Function& f : *functions_)
      if (f.name == function) return &f;
  return nullptr;
}

uint8_t ToolSchemas::kinds(std::string_view function, std::string_view parameter) const {
  if (const Function* f = find(function))
    for (const Parameter& p : f->parameters)
      if (p.name == parameter) return p.kinds;
  return 0;
}

std::string_view ToolSchemas::parameter(std::string_view function, size_t i) const {
  const Function* f = find(function);
  return f && i < f->parameters.size() ? std::string_view(f->parameters[i].name) : std::string_view();
}

std::string ToolSchemas::value(std::string_view function, std::string_view parameter, std::string_view written) const {
  const uint8_t kinds = this->kinds(function, parameter);
  if (kinds == kString) return json_quoted(written);
  const std::string_view literal = trim(written);
  const bool json = is_json(literal);
  const uint8_t others = kinds & static_cast<uint8_t>(~kString);
  if (json && (kinds == 0 || is_of(literal, others))) return std::string(literal);
  if (kinds != 0)
    if (const auto python = literal_to_json(literal, Literals::python); python && is_of(*python, others))
      return *python;
  return json && (kinds & kString) == 0 ? std::string(literal) : json_quoted(written);
}

std::string ToolSchemas::literal(std::string_view function, std::string_view parameter, std::string_view written,
                                 std::string json) const {
  const uint8_t kinds = this->kinds(function, parameter);
  if ((kinds & kString) && !is_of(json, kinds)) return json_quoted(trim(written));
  return json;
}

}  // namespace jamsu::text

#include "text/stream/schema.h"

#include <algorithm>
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

constexpr std::array<const char*, 3> kAlternatives{"anyOf", "oneOf", "allOf"};

// A way through a schema, which may refer to itself and so has no end.
struct Walk {
  const json::value& root;
  int left = 4096;  // schemas

  // The schema that is meant, behind its $ref; null: there is none, or the way is too long.
  const json::object* at(const json::value& schema, int depth) {
    const json::object* o = schema.if_object();
    if (!o || depth > kMostReferences || --left < 0) return nullptr;
    const json::value* reference = o->if_contains("$ref");
    if (!reference || !reference->is_string()) return o;
    const json::value* target = resolve(root, reference->get_string());
    return target ? at(*target, depth + 1) : nullptr;
  }

  uint8_t kinds(const json::value& schema, int depth) {
    const json::object* o = at(schema, depth);
    if (!o) return 0;
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
    for (const char* key : kAlternatives)
      if (const json::value* some = o->if_contains(key); some && some->is_array())
        for (const json::value& one : some->get_array()) kinds |= this->kinds(one, depth + 1);
    if (const json::value* some = o->if_contains("enum"); some && some->is_array())
      for (const json::value& one : some->get_array()) kinds |= kinds_of_value(one);
    if (const json::value* one = o->if_contains("const")) kinds |= kinds_of_value(*one);
    if (kinds == 0 && o->contains("properties")) return kObject;
    if (kinds == 0 && o->contains("items")) return kArray;
    return kinds;
  }

  // The schema of a member, or of the items where `name` is null.
  const json::value* inner(const json::value& schema, const std::string_view* name, int depth) {
    const json::object* o = at(schema, depth);
    if (!o) return nullptr;
    if (name) {
      const json::value* all = o->if_contains("properties");
      const json::object* properties = all ? all->if_object() : nullptr;
      if (const json::value* own = properties ? properties->if_contains(*name) : nullptr) return own;
    } else if (const json::value* items = o->if_contains("items")) {
      return items;
    }
    for (const char* key : kAlternatives)
      if (const json::value* some = o->if_contains(key); some && some->is_array())
        for (const json::value& one : some->get_array())
          if (const json::value* found = inner(one, name, depth + 1)) return found;
    return name ? o->if_contains("additionalProperties") : nullptr;
  }
};

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

std::string value_of_kinds(uint8_t kinds, std::string_view written) {
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

}  // namespace

SchemaPart SchemaPart::member(std::string_view name) const {
  const json::value* found = schema_ ? Walk{*root_}.inner(*schema_, &name, 0) : nullptr;
  return found ? SchemaPart(*found, *root_) : SchemaPart();
}

SchemaPart SchemaPart::item() const {
  const json::value* found = schema_ ? Walk{*root_}.inner(*schema_, nullptr, 0) : nullptr;
  return found ? SchemaPart(*found, *root_) : SchemaPart();
}

uint8_t SchemaPart::kinds() const {
  return schema_ ? Walk{*root_}.kinds(*schema_, 0) : uint8_t{0};
}

std::string SchemaPart::value(std::string_view written) const {
  return value_of_kinds(kinds(), written);
}

bool SchemaPart::is_string() const {
  return kinds() == kString;
}

bool SchemaPart::may_be_list() const {
  const uint8_t kinds = this->kinds();
  return kinds == 0 || (kinds & kArray) != 0;
}

std::string SchemaPart::empty() const {
  const uint8_t kinds = this->kinds();
  if ((kinds & kString) == 0 && (kinds & kArray) != 0) return "[]";
  if ((kinds & kString) == 0 && (kinds & kObject) != 0) return "{}";
  return "\"\"";
}

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
        f.parameters.push_back({std::string(std::string_view(parameter)), SchemaPart(of, *root).kinds()});
      f.schema = *root;
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

bool ToolSchemas::has_beginning(std::string_view name) const {
  return functions_ && std::any_of(functions_->begin(), functions_->end(),
                                   [&](const Function& f) { return f.name.starts_with(name); });
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

SchemaPart ToolSchemas::part(std::string_view function, std::string_view parameter) const {
  const Function* f = find(function);
  return f ? SchemaPart(f->schema, f->schema).member(parameter) : SchemaPart();
}

std::string ToolSchemas::value(std::string_view function, std::string_view parameter, std::string_view written) const {
  return value_of_kinds(kinds(function, parameter), written);
}

std::string ToolSchemas::literal(std::string_view function, std::string_view parameter, std::string_view written,
                                 std::string json) const {
  const uint8_t kinds = this->kinds(function, parameter);
  if ((kinds & kString) && !is_of(json, kinds)) return json_quoted(trim(written));
  return json;
}

}  // namespace jamsu::text

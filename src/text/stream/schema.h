#pragma once
// What the tools of a request say of their parameters: the type that a value without quotes has.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace jamsu::text {

// The schema of a parameter, or of what lies within one. Empty: nothing is known. Valid while its ToolSchemas lives.
class SchemaPart {
 public:
  SchemaPart() = default;
  SchemaPart(const boost::json::value& schema, const boost::json::value& root) : schema_(&schema), root_(&root) {}

  // The first that is found, in the schema or in its anyOf, oneOf and allOf.
  SchemaPart member(std::string_view name) const;
  SchemaPart item() const;
  // What JSON Schema's types allow, as bits of schema.cpp; 0: not known.
  uint8_t kinds() const;
  // What is written without quotes, as ToolSchemas::value has it.
  std::string value(std::string_view written) const;
  bool is_string() const;     // a string and nothing else
  bool may_be_list() const;   // so too where nothing is known
  std::string empty() const;  // the value of what has neither text nor members: "", [] or {}

 private:
  const boost::json::value* schema_ = nullptr;
  const boost::json::value* root_ = nullptr;  // where "#/..." begins
};

// The functions of a request, as chat APIs describe them ({"type": "function", "function": {"name", "parameters"}} or
// the inner object alone) with JSON Schema's type, enum, const, anyOf, oneOf, allOf and local $ref. What cannot be
// understood says nothing; copies share.
class ToolSchemas {
 public:
  ToolSchemas() = default;  // no tools
  explicit ToolSchemas(const boost::json::array& tools);

  bool empty() const { return !functions_ || functions_->empty(); }
  bool has(std::string_view function) const { return find(function) != nullptr; }
  bool has_beginning(std::string_view name) const;  // whether a function's name begins so
  // The parameter's JSON text for a value written without quotes:
  // - where the schema has a string alone it is one, whatever it looks like;
  // - where it has other types: JSON of such a type, or Python's spelling of it (True, {'a': 1}), else a string;
  // - where it says nothing, or there is none: JSON if it is JSON, else a string.
  // White space around what is no string is passed over.
  std::string value(std::string_view function, std::string_view parameter, std::string_view written) const;
  SchemaPart part(std::string_view function, std::string_view parameter) const;
  // The same for a value with its quotes, read by LiteralReader from `written`: only a string that was forgotten to be
  // quoted changes.
  std::string literal(std::string_view function, std::string_view parameter, std::string_view written,
                      std::string json) const;
  // The name of parameter number i; empty: not known.
  std::string_view parameter(std::string_view function, size_t i) const;

 private:
  struct Parameter {
    std::string name;
    uint8_t kinds;  // 0: not known
  };
  struct Function {
    std::string name;
    boost::json::value schema;  // of all parameters, which are `properties` of it
    std::vector<Parameter> parameters;
  };
  const Function* find(std::string_view function) const;
  uint8_t kinds(std::string_view function, std::string_view parameter) const;

  std::shared_ptr<const std::vector<Function>> functions_;
};

}  // namespace jamsu::text

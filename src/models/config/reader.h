#pragma once
// How a config.json is read, whatever the architecture: a table of fields that documents and checks, the defaults of
// the class it is written for, and what becomes of the rest.
// - null stands for a missing field, but for the few whose class gives null a meaning of its own.
// - A missing field has the default of its class in transformers 5.24 (ConfigClass::defaults), or it is an error.
// - Two spellings of one field must agree.
// - A field that no row names is refused where it asks for something that this program would have to compute otherwise
//   (config/foreign.h). Any other is read over: no code of the architecture reads it. ModelInfo::read_over lists them.
// Errors name file and field.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "models/model_info.h"

namespace jamsu::models {

template <class Config>
struct ConfigField {
  const char* name;
  const char* unit;
  const char* help;
  std::variant<int64_t Config::*, double Config::*, bool Config::*, std::optional<int64_t> Config::*> member;
  double low, high;
  bool required;           // no default: what tensors are shaped by
  int64_t null_value = 0;  // of an integer that is no optional, where null is a value of its class
};

// What a class is whatever its config says: the field may be missing, or have one of these values.
struct FixedField {
  const char* name;
  std::vector<boost::json::value> values;
};

// What transformers' class says of its config, beside the rows of the family's table.
struct ConfigClass {
  std::string_view architecture;             // "LlamaForCausalLM"
  std::string_view source;                   // the file of transformers 5.24 that has the defaults
  boost::json::object defaults;              // what a missing field means there
  std::set<std::string_view> null_is_value;  // the fields whose null is more than a missing one
  std::vector<FixedField> fixed;
  std::vector<std::pair<std::string_view, std::string_view>> aliases;  // a field, and its other name (attribute_map)
  bool partial_rotation =
      false;  // it computes with partial_rotary_factor (others turn the whole head whatever it says)
};

// One field of a config: what `--explain` prints.
struct FieldDoc {
  std::string name, type, unit, help;
  bool required;
};

Error config_error(std::string_view file, const std::string& text);
std::optional<double> as_number(const boost::json::value& value);
std::optional<int64_t> as_integer(const boost::json::value& value);
// As JSON means it: 1 equals 1.0.
bool same_value(const boost::json::value& a, const boost::json::value& b);
// A value as an error shows it: what is long ends in "...".
std::string shown(const boost::json::value& value);
// `"name" = value is not EXPECTED.`
Error wrong_value(std::string_view file, std::string_view name, const boost::json::value& value,
                  std::string_view expected);
// `"a" = 1 and "b" = 2 say the same thing differently.`
Error disagreement(std::string_view file, std::string_view a, const boost::json::value& of_a, std::string_view b,
                   const boost::json::value& of_b);
Result<std::vector<int64_t>> read_eos(const boost::json::value& value, std::string_view file);
// Experts of all layers: ten times what the largest model has, lest a config of 1 KB take all memory.
Status check_experts(int64_t layers, int64_t experts, std::string_view experts_name, std::string_view file);
Status check_ids(int64_t bos, const std::vector<int64_t>& eos, int64_t vocab, std::string_view file);

class ConfigReader {
 public:
  // Errors: two spellings of one field that disagree. `object`, `of` and `file` outlive the reader.
  static Result<ConfigReader> open(const boost::json::object& object, const ConfigClass& of, std::string_view file);

  // The field as the file has it, under either of its names; null: it is missing. From now on it counts as read.
  const boost::json::value* given(std::string_view name);
  // The same, or else the class's default.
  const boost::json::value* value(std::string_view name);
  // Every row of a table.
  template <class Config>
  Status read(const std::vector<ConfigField<Config>>& fields, Config& config);
  // A field that was looked at, and that nothing is computed with: one more of those that finish() gives.
  void read_over(std::string_view name, const boost::json::value& value);
  // What was not read: an error names the first that this program would compute something else for; the rest, as
  // `"name" = value`, but for those that every config has.
  Result<std::vector<std::string>> finish() const;

  const ConfigClass& config_class() const { return *class_; }
  std::string_view file() const { return file_; }

 private:
  ConfigReader(const boost::json::object& object, const ConfigClass& of, std::string_view file)
      : object_(&object), class_(&of), file_(file) {}

  const boost::json::object* object_;
  const ConfigClass* class_;
  std::string_view file_;
  std::set<std::string_view> read_;
  std::vector<std::string> read_over_;
};

template <class Config>
Status read_field(const ConfigField<Config>& f, const boost::json::value& v, Config& config, std::string_view file) {
  double value = 0;
  if (const auto* m = std::get_if<bool Config::*>(&f.member)) {
    if (!v.is_bool()) return wrong_value(file, f.name, v, "true or false");
    config.** m = v.as_bool();
    return {};
  }
  if (const auto* m = std::get_if<double Config::*>(&f.member)) {
    const auto n = as_number(v);
    if (!n) return wrong_value(file, f.name, v, "a number");
    config.** m = value = *n;
  } else {
    const auto* i = std::get_if<int64_t Config::*>(&f.member);
    const auto* o = std::get_if<std::optional<int64_t> Config::*>(&f.member);
    if (v.is_null()) {
      if (i) config.** i = f.null_value;
      if (o) config.** o = std::nullopt;
      return {};
    }
    const auto n = as_integer(v);
    if (!n) return wrong_value(file, f.name, v, "an integer");
    value = static_cast<double>(*n);
    if (i) config.** i = *n;
    if (o) config.** o = *n;
  }
  if (value < f.low || value > f.high)
    return wrong_value(file, f.name, v, fmt::format("between {} and {}", f.low, f.high));
  return {};
}

template <class Config>
Status ConfigReader::read(const std::vector<ConfigField<Config>>& fields, Config& config) {
  for (const ConfigField<Config>& f : fields) {
    if (const boost::json::value* v = value(f.name)) {
      if (auto s = read_field(f, *v, config, file_); !s) return s;
    } else if (f.required) {
      return config_error(file_, fmt::format("\"{}\" is missing, a field without a default ({}).", f.name, f.help));
    }
  }
  return {};
}

// bos_token_id and eos_token_id: null is none; ids by default that this vocabulary does not have are none either.
struct TokenIds {
  int64_t bos = -1;  // -1: none
  std::vector<int64_t> eos;
};
Result<TokenIds> read_token_ids(ConfigReader& reader, int64_t vocab);

// What the fields of every architecture say of a model; the rest is the family's.
template <class Config>
ModelInfo shared_info(const Config& c) {
  return {.architecture = {},
          .vocab = c.vocab_size,
          .hidden = c.hidden_size,
          .layers = c.num_hidden_layers,
          .context = c.rope_scaling ? c.rope_scaling->context(c.max_position_embeddings) : c.max_position_embeddings,
          .experts_per_token = c.num_experts_per_tok,
          .tied_head = c.tie_word_embeddings,
          .same_up_to = c.rope_scaling ? c.rope_scaling->same_up_to(c.max_position_embeddings) : INT64_MAX,
          .bos = c.bos_token_id,
          .eos = c.eos_token_ids,
          .read_over = c.read_over};
}

template <class Config>
std::vector<FieldDoc> docs_of(const std::vector<ConfigField<Config>>& fields) {
  static constexpr const char* kTypes[] = {"integer", "number", "bool", "integer or null"};
  std::vector<FieldDoc> docs;
  for (const auto& f : fields) docs.push_back({f.name, kTypes[f.member.index()], f.unit, f.help, f.required});
  return docs;
}

}  // namespace jamsu::models

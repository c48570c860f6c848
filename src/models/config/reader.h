#pragma once
// What the configs of all architectures share: a table of fields that documents and checks, fields with one legal
// value, ids that end a text, scaled rotary embeddings. Nothing is guessed: what is missing, contradictory, out of
// range or unknown is an error that names file and field.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "models/model_info.h"
#include "ops/rope.h"

namespace jamsu::models {

template <class Config>
struct ConfigField {
  const char* name;
  const char* unit;
  const char* help;
  std::variant<int64_t Config::*, double Config::*, bool Config::*, std::optional<int64_t> Config::*> member;
  double low, high;
  bool required;
};

// A field with one legal value: what else it may say would change the forward.
struct FixedField {
  const char* name;
  boost::json::value value;
};

// One field of a config: what `--explain` prints.
struct FieldDoc {
  std::string name, type, unit, help;
  bool required;
};

Error config_error(std::string_view file, const std::string& text);
// Fields of transformers that touch no forward, whatever the architecture.
bool never_matters(std::string_view name);
std::optional<double> as_number(const boost::json::value& value);
std::optional<int64_t> as_integer(const boost::json::value& value);
// `"name" = value is not EXPECTED.`
Error wrong_value(std::string_view file, std::string_view name, const boost::json::value& value,
                  std::string_view expected);
Result<std::vector<int64_t>> read_eos(const boost::json::value& value, std::string_view file);
// quantization_config: null, or FP8 with a scale for each block of 128 x 128, as DeepSeek-V3 and MiniMax-M2 were
// published; the tensors themselves say which of them are.
Status check_fp8(const boost::json::value& value, std::string_view file);
// Experts of all layers: ten times what the largest model has, lest a config of 1 KB take all memory.
Status check_experts(int64_t layers, int64_t experts, std::string_view experts_name, std::string_view file);
Status check_ids(int64_t bos, const std::vector<int64_t>& eos, int64_t vocab, std::string_view file);

// rope_scaling, official names.
struct RopeScalingConfig {
  ops::RopeScaling type = ops::RopeScaling::yarn;
  double factor = 1, beta_fast = 32, beta_slow = 1, low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 0;
  std::optional<double> mscale, mscale_all_dim;
};
struct RopeFields {
  std::optional<RopeScalingConfig> scaling;
  std::optional<double> theta;  // transformers 5 writes rope_theta into rope_parameters
};
// The value of rope_scaling or rope_parameters: null and "default" scale nothing, otherwise the type is one of `known`.
Result<RopeFields> read_rope(const boost::json::value& value, const std::set<std::string, std::less<>>& known,
                             std::string_view file);
ops::RopeConfig rope_config(int64_t width, double theta, const std::optional<RopeScalingConfig>& scaling);

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
    const auto* o = std::get_if<std::optional<int64_t> Config::*>(&f.member);
    if (o && v.is_null()) {
      config.** o = std::nullopt;
      return {};
    }
    const auto n = as_integer(v);
    if (!n) return wrong_value(file, f.name, v, "an integer");
    value = static_cast<double>(*n);
    if (const auto* i = std::get_if<int64_t Config::*>(&f.member)) config.** i = *n;
    if (o) config.** o = *n;
  }
  if (value < f.low || value > f.high)
    return wrong_value(file, f.name, v, fmt::format("between {} and {}", f.low, f.high));
  return {};
}

// Whether `name` is one of the fields, which then has been read. What is fixed goes before what has a range.
template <class Config>
Result<bool> read_known(const std::vector<ConfigField<Config>>& fields, const std::vector<FixedField>& fixed,
                        std::string_view name, const boost::json::value& value, Config& config, std::string_view file) {
  for (const FixedField& f : fixed)
    if (name == f.name) {
      if (value != f.value)
        return wrong_value(
            file, name, value,
            fmt::format("{}, the only value this architecture was published with", boost::json::serialize(f.value)));
      return true;
    }
  for (const auto& f : fields)
    if (name == f.name) {
      if (auto s = read_field(f, value, config, file); !s) return s.error();
      return true;
    }
  return false;
}

// The fields of every architecture that are no plain values: what ends a text, rotary embeddings (scaled in one of the
// ways of `scalings`), quantization. False: `name` is none of them.
template <class Config>
Result<bool> read_shared(std::string_view name, const boost::json::value& value,
                         const std::set<std::string, std::less<>>& scalings, Config& config, std::string_view file) {
  if (name == "eos_token_id") {
    auto ids = read_eos(value, file);
    if (!ids) return ids.error();
    config.eos_token_ids = std::move(*ids);
    return true;
  }
  if (name == "rope_scaling" || name == "rope_parameters") {
    const auto rope = read_rope(value, scalings, file);
    if (!rope) return rope.error();
    if constexpr (requires { config.rope_scaling; }) config.rope_scaling = rope->scaling;
    if (rope->theta) config.rope_theta = *rope->theta;
    return true;
  }
  if (name == "quantization_config") {
    if (auto s = check_fp8(value, file); !s) return s.error();
    return true;
  }
  return false;
}

template <class Config>
Status check_required(const std::vector<ConfigField<Config>>& fields, const boost::json::object& object,
                      std::string_view file) {
  for (const auto& f : fields)
    if (f.required && !object.contains(f.name))
      return config_error(file, fmt::format("\"{}\" is missing ({}).", f.name, f.help));
  return {};
}

// What the fields of every architecture say of a model; the rest is the family's.
template <class Config>
ModelInfo shared_info(const Config& c) {
  return {.architecture = {},
          .vocab = c.vocab_size,
          .hidden = c.hidden_size,
          .layers = c.num_hidden_layers,
          .context = c.max_position_embeddings,
          .experts_per_token = c.num_experts_per_tok,
          .bos = c.bos_token_id,
          .eos = c.eos_token_ids};
}

template <class Config>
std::vector<FieldDoc> docs_of(const std::vector<ConfigField<Config>>& fields) {
  static constexpr const char* kTypes[] = {"integer", "number", "bool", "integer or null"};
  std::vector<FieldDoc> docs;
  for (const auto& f : fields) docs.push_back({f.name, kTypes[f.member.index()], f.unit, f.help, f.required});
  return docs;
}

}  // namespace jamsu::models

#include "models/config/reader.h"

#include <cmath>

namespace jamsu::models {

namespace json = boost::json;

Error config_error(std::string_view file, const std::string& text) {
  return Error{fmt::format("{}: {}", file, text)};
}

bool never_matters(std::string_view name) {
  static const std::set<std::string, std::less<>> names = {"architectures",
                                                           "model_type",
                                                           "attention_dropout",
                                                           "initializer_range",
                                                           "use_cache",
                                                           "torch_dtype",
                                                           "dtype",
                                                           "transformers_version",
                                                           "auto_map",
                                                           "pretraining_tp",
                                                           "pad_token_id",
                                                           "_name_or_path",
                                                           "embd_pdrop",
                                                           "resid_pdrop",
                                                           "use_return_dict",
                                                           "is_decoder",
                                                           "unk_token_id",
                                                           "chunk_size_feed_forward",
                                                           "output_router_logits",
                                                           "router_aux_loss_coef",
                                                           "jamsu_numerics_version"};
  return names.contains(name);
}

std::optional<double> as_number(const json::value& v) {
  if (v.is_int64()) return static_cast<double>(v.as_int64());
  if (v.is_uint64()) return static_cast<double>(v.as_uint64());
  if (v.is_double() && std::isfinite(v.as_double())) return v.as_double();
  return std::nullopt;
}

std::optional<int64_t> as_integer(const json::value& v) {
  if (v.is_int64()) return v.as_int64();
  return std::nullopt;
}

Error wrong_value(std::string_view file, std::string_view name, const json::value& value, std::string_view expected) {
  return config_error(file, fmt::format("\"{}\" = {} is not {}.", name, json::serialize(value), expected));
}

Result<std::vector<int64_t>> read_eos(const json::value& value, std::string_view file) {
  if (value.is_null()) return std::vector<int64_t>{};
  if (const auto id = as_integer(value)) return std::vector<int64_t>{*id};
  if (!value.is_array()) return wrong_value(file, "eos_token_id", value, "an integer or a list of integers");
  std::vector<int64_t> ids;
  for (const json::value& item : value.as_array()) {
    const auto id = as_integer(item);
    if (!id) return config_error(file, "\"eos_token_id\" is a list with something else than integers.");
    ids.push_back(*id);
  }
  return ids;
}

Status check_fp8(const json::value& value, std::string_view file) {
  if (value.is_null()) return {};
  if (!value.is_object()) return wrong_value(file, "quantization_config", value, "an object or null");
  for (const FixedField& f :
       {FixedField{"quant_method", "fp8"}, FixedField{"weight_block_size", json::array{128, 128}}}) {
    const json::value* v = value.as_object().if_contains(f.name);
    if (!v) return config_error(file, fmt::format("\"quantization_config.{}\" is missing.", f.name));
    if (*v != f.value)
      return wrong_value(file, fmt::format("quantization_config.{}", f.name), *v,
                         fmt::format("{}, the only one this program knows", json::serialize(f.value)));
  }
  const json::value* format = value.as_object().if_contains("fmt");
  if (format && *format != "e4m3") return wrong_value(file, "quantization_config.fmt", *format, "\"e4m3\"");
  return {};
}

Status check_experts(int64_t layers, int64_t experts, std::string_view experts_name, std::string_view file) {
  constexpr int64_t kMost = int64_t{1} << 18;
  if (layers * experts <= kMost) return {};
  return config_error(file, fmt::format("\"num_hidden_layers\" = {} times \"{}\" = {} is more than {} experts.", layers,
                                        experts_name, experts, kMost));
}

Status check_ids(int64_t bos, const std::vector<int64_t>& eos, int64_t vocab, std::string_view file) {
  for (const int64_t id : eos)
    if (id < 0 || id >= vocab)
      return config_error(file, fmt::format("\"eos_token_id\" = {} is outside the vocabulary of {}.", id, vocab));
  if (bos >= vocab)
    return config_error(file, fmt::format("\"bos_token_id\" = {} is outside the vocabulary of {}.", bos, vocab));
  return {};
}

namespace {

struct ScalingField {
  const char* name;
  double RopeScalingConfig::*number = nullptr;
  std::optional<double> RopeScalingConfig::*optional = nullptr;
  bool positive = true;
};
constexpr ScalingField kFactor{"factor", &RopeScalingConfig::factor};

const std::vector<ScalingField>& fields_of(ops::RopeScaling type) {
  using S = RopeScalingConfig;
  static const std::vector<ScalingField> yarn = {kFactor,
                                                 {"beta_fast", &S::beta_fast},
                                                 {"beta_slow", &S::beta_slow},
                                                 {"mscale", nullptr, &S::mscale, false},
                                                 {"mscale_all_dim", nullptr, &S::mscale_all_dim, false}},
                                         llama3 = {kFactor,
                                                   {"low_freq_factor", &S::low_freq_factor},
                                                   {"high_freq_factor", &S::high_freq_factor}},
                                         linear = {kFactor};
  return type == ops::RopeScaling::yarn ? yarn : type == ops::RopeScaling::llama3 ? llama3 : linear;
}

}  // namespace

Result<RopeFields> read_rope(const json::value& v, const std::set<std::string, std::less<>>& known,
                             std::string_view file) {
  RopeFields result;
  if (v.is_null()) return result;
  if (!v.is_object()) return config_error(file, "\"rope_scaling\" is neither null nor an object.");
  const json::object& o = v.as_object();
  if (const json::value* theta = o.if_contains("rope_theta")) {
    result.theta = as_number(*theta);
    if (!result.theta || *result.theta <= 1)
      return wrong_value(file, "rope_scaling.rope_theta", *theta, "a number above 1");
  }
  const json::value* type = o.if_contains("type") ? o.if_contains("type") : o.if_contains("rope_type");
  if (type && type->is_string() && type->as_string() == "default") return result;
  if (!type || !type->is_string() || !known.contains(std::string_view(type->as_string()))) {
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "\"" : ", \"") + name + "\"";
    return config_error(file, fmt::format("\"rope_scaling.type\" = {} is not one that this program knows for this "
                                          "architecture ({}).",
                                          type ? json::serialize(*type) : "(missing)", names));
  }
  RopeScalingConfig s;
  const std::string_view name = type->as_string();
  s.type = name == "yarn"     ? ops::RopeScaling::yarn
           : name == "llama3" ? ops::RopeScaling::llama3
                              : ops::RopeScaling::linear;
  const bool has_original = s.type != ops::RopeScaling::linear;
  for (const auto& [key, value] : o) {
    const std::string_view field(key.data(), key.size());
    if (field == "type" || field == "rope_type" || field == "rope_theta") continue;
    const auto n = as_number(value);
    if (!n) return wrong_value(file, fmt::format("rope_scaling.{}", field), value, "a number");
    if (has_original && field == "original_max_position_embeddings") {
      s.original_max_position_embeddings = as_integer(value).value_or(0);
      if (s.original_max_position_embeddings <= 0)
        return wrong_value(file, "rope_scaling.original_max_position_embeddings", value, "a positive integer");
      continue;
    }
    bool found = false;
    for (const ScalingField& f : fields_of(s.type)) {
      if (field != f.name) continue;
      found = true;
      if (f.positive && *n <= 0) return wrong_value(file, fmt::format("rope_scaling.{}", field), value, "positive");
      if (f.number) s.*f.number = *n;
      if (f.optional) s.*f.optional = *n;
    }
    if (!found) return config_error(file, fmt::format("\"rope_scaling.{}\" is not a field this program knows.", field));
  }
  std::vector<const char*> required = {"factor"};
  if (has_original) required.push_back("original_max_position_embeddings");
  if (s.type == ops::RopeScaling::llama3) required.insert(required.end(), {"low_freq_factor", "high_freq_factor"});
  for (const char* field : required)
    if (!o.contains(field)) return config_error(file, fmt::format("\"rope_scaling.{}\" is missing.", field));
  if (s.type == ops::RopeScaling::llama3 && s.high_freq_factor <= s.low_freq_factor)
    return config_error(file, fmt::format("\"rope_scaling.high_freq_factor\" = {} is not above "
                                          "\"rope_scaling.low_freq_factor\" = {}.",
                                          s.high_freq_factor, s.low_freq_factor));
  result.scaling = s;
  return result;
}

ops::RopeConfig rope_config(int64_t width, double theta, const std::optional<RopeScalingConfig>& scaling) {
  ops::RopeConfig r;
  r.width = width;
  r.theta = theta;
  if (!scaling) return r;
  r.scaling = scaling->type;
  r.factor = scaling->factor;
  r.beta_fast = scaling->beta_fast;
  r.beta_slow = scaling->beta_slow;
  r.low_freq_factor = scaling->low_freq_factor;
  r.high_freq_factor = scaling->high_freq_factor;
  r.original_context = static_cast<double>(scaling->original_max_position_embeddings);
  // transformers: cos and sin take the ratio only when both are given and non-zero;
  // the softmax scale m(mscale_all_dim)^2.
  r.has_mscale = scaling->mscale.value_or(0) != 0 && scaling->mscale_all_dim.value_or(0) != 0;
  r.mscale = scaling->mscale.value_or(0);
  r.mscale_all_dim = scaling->mscale_all_dim.value_or(0);
  return r;
}

}  // namespace jamsu::models

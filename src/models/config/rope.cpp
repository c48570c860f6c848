#include "models/config/rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace jamsu::models {
namespace {

namespace json = boost::json;
using ops::RopeScaling;
using S = RopeScalingConfig;

struct Type {
  const char* name;
  RopeScaling scaling;
};
// "su" is what Phi-3 called longrope first.
constexpr std::array<Type, 7> kTypes = {{{"default", RopeScaling::none},
                                         {"linear", RopeScaling::linear},
                                         {"dynamic", RopeScaling::dynamic},
                                         {"yarn", RopeScaling::yarn},
                                         {"llama3", RopeScaling::llama3},
                                         {"longrope", RopeScaling::longrope},
                                         {"su", RopeScaling::longrope}}};

constexpr unsigned bit(RopeScaling type) {
  return 1U << static_cast<unsigned>(type);
}
constexpr unsigned kYarn = bit(RopeScaling::yarn), kLlama3 = bit(RopeScaling::llama3),
                   kLinear = bit(RopeScaling::linear), kDynamic = bit(RopeScaling::dynamic),
                   kLong = bit(RopeScaling::longrope), kNone = bit(RopeScaling::none),
                   kAny = kYarn | kLlama3 | kLinear | kDynamic | kLong | kNone,
                   kOriginal = kYarn | kLlama3 | kLong;  // those that ask original_max_position_embeddings

// A key of rope_parameters. Types that do not compute with it: it may say nothing to them (`idle`), or have its neutral
// value; otherwise the folder contradicts itself.
struct Key {
  const char* name;
  unsigned computes, idle = 0;
  std::optional<double> neutral = {};
  double S::*number = nullptr;
  std::optional<double> S::*optional = nullptr;
  std::vector<double> S::*list = nullptr;
  bool positive = true;
  unsigned required = 0;
};

const std::vector<Key>& keys() {
  static const std::vector<Key> all = {
      {.name = "factor",
       .computes = kLinear | kDynamic | kYarn | kLlama3 | kLong,
       .neutral = 1,
       .number = &S::factor,
       .required = kLinear | kDynamic | kYarn | kLlama3},
      {.name = "beta_fast", .computes = kYarn, .number = &S::beta_fast},
      {.name = "beta_slow", .computes = kYarn, .number = &S::beta_slow},
      {.name = "original_max_position_embeddings", .computes = kOriginal, .idle = kNone | kLinear | kDynamic},
      {.name = "mscale", .computes = kYarn, .optional = &S::mscale, .positive = false},
      {.name = "mscale_all_dim", .computes = kYarn, .optional = &S::mscale_all_dim, .positive = false},
      {.name = "attention_factor", .computes = kYarn | kLong, .neutral = 1, .optional = &S::attention_factor},
      {.name = "low_freq_factor", .computes = kLlama3, .number = &S::low_freq_factor, .required = kLlama3},
      {.name = "high_freq_factor", .computes = kLlama3, .number = &S::high_freq_factor, .required = kLlama3},
      {.name = "short_factor", .computes = kLong, .list = &S::short_factor, .required = kLong},
      {.name = "long_factor", .computes = kLong, .list = &S::long_factor, .required = kLong},
      {.name = "truncate", .computes = kYarn, .idle = kAny},
      // YaRN's first code (github.com/jquesnelle/yarn) had these two; no class of transformers reads them.
      {.name = "attn_factor", .computes = 0, .neutral = 1},
      {.name = "extrapolation_factor", .computes = 0, .neutral = 1},
      {.name = "finetuned", .computes = 0, .idle = kAny},
      // Positions of images; those of text are the same in all sections.
      {.name = "mrope_section", .computes = 0, .idle = kAny},
      {.name = "mrope_interleaved", .computes = 0, .idle = kAny},
  };
  return all;
}

// One thing a config says of the rotation, and where it stands.
struct Said {
  std::string path;
  const json::value* value = nullptr;
};
using Sayings = std::map<std::string, Said, std::less<>>;

Status say(Sayings& all, const std::string& name, const std::string& path, const json::value& value,
           std::string_view file) {
  const auto [it, fresh] = all.try_emplace(name, Said{path, &value});
  if (!fresh && !same_value(*it->second.value, value))
    return disagreement(file, it->second.path, *it->second.value, path, value);
  return {};
}

// rope_parameters, rope_scaling and what stands beside them, as one. "type" is the old name of "rope_type".
Result<Sayings> collect(ConfigReader& reader) {
  Sayings all;
  for (const char* object : {"rope_parameters", "rope_scaling"}) {
    const json::value* v = reader.given(object);
    if (!v) continue;
    if (!v->is_object())
      return config_error(reader.file(), fmt::format("\"{}\" is neither null nor an object.", object));
    for (const auto& [key, value] : v->as_object()) {
      if (value.is_null()) continue;
      const std::string name(key.data(), key.size());
      if (auto s =
              say(all, name == "type" ? "rope_type" : name, std::string(object) + "." + name, value, reader.file());
          !s)
        return s.error();
    }
  }
  for (const char* name : {"rope_theta", "partial_rotary_factor"})
    if (const json::value* v = reader.given(name))
      if (auto s = say(all, name, name, *v, reader.file()); !s) return s.error();
  return all;
}

Result<RopeScaling> type_of(const Sayings& all, std::string_view file) {
  const auto it = all.find("rope_type");
  if (it == all.end()) return RopeScaling::none;
  const json::value& v = *it->second.value;
  std::string names;
  for (const Type& type : kTypes) {
    if (v.is_string() && v.as_string() == type.name) return type.scaling;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", type.name);
  }
  return wrong_value(file, it->second.path, v, "one of the types this program knows: " + names);
}

// Far from what any model has; no frequency is beyond f32.
Status read_list(const Said& said, std::vector<double>& list, std::string_view file) {
  if (!said.value->is_array()) return wrong_value(file, said.path, *said.value, "a list of numbers");
  for (const json::value& item : said.value->as_array()) {
    const auto n = as_number(item);
    if (!n || *n < 1e-6 || *n > 1e12)
      return wrong_value(file, fmt::format("{}[{}]", said.path, list.size()), item, "a number from 1e-6 to 1e12");
    list.push_back(*n);
  }
  return {};
}

Status read_key(const Key& key, const Said& said, const Said& type_said, RopeScaling type, S& s,
                std::string_view file) {
  if (!(key.computes & bit(type))) {
    const auto n = as_number(*said.value);
    if ((key.idle & bit(type)) || (n && key.neutral && *n == *key.neutral)) return {};
    return config_error(
        file,
        key.computes == 0
            ? fmt::format("\"{}\" = {} is not {}, the only value this program knows.", said.path, shown(*said.value),
                          key.neutral.value_or(0))
            : fmt::format("\"{}\" = {} says nothing to {}: it belongs to another type.", said.path, shown(*said.value),
                          type_said.value ? fmt::format("\"{}\" = {}", type_said.path, shown(*type_said.value))
                                          : "a rotation without \"rope_type\""));
  }
  if (std::string_view(key.name) == "truncate") {
    if (!said.value->is_bool()) return wrong_value(file, said.path, *said.value, "true or false");
    s.truncate = said.value->as_bool();
    return {};
  }
  if (std::string_view(key.name) == "original_max_position_embeddings") {
    s.original_max_position_embeddings = as_integer(*said.value).value_or(0);
    if (s.original_max_position_embeddings > 0) return {};
    return wrong_value(file, said.path, *said.value, "a positive integer");
  }
  if (key.list) return read_list(said, s.*key.list, file);
  const auto n = as_number(*said.value);
  if (!n) return wrong_value(file, said.path, *said.value, "a number");
  if (key.positive && *n <= 0) return wrong_value(file, said.path, *said.value, "positive");
  if (key.number) s.*key.number = *n;
  if (key.optional) s.*key.optional = *n;
  return {};
}

// A factor of null in yarn: the context by the length trained on.
bool null_factor(ConfigReader& reader) {
  for (const char* object : {"rope_parameters", "rope_scaling"})
    if (const json::value* v = reader.given(object))
      if (const json::value* factor = v->as_object().if_contains("factor"); factor && factor->is_null()) return true;
  return false;
}

// What the attention factor is made of: ln(factor) / ln(the length trained on).
Status check_longrope(const Sayings& all, const S& s, std::string_view file) {
  if (s.type != RopeScaling::longrope || s.attention_factor || s.factor <= 1 || s.original_max_position_embeddings > 1)
    return {};
  const auto it = all.find("original_max_position_embeddings");
  return config_error(file, fmt::format("\"{}\" = {} gives no attention factor to \"{}\" = {}: it has to be above 1.",
                                        it == all.end() ? "max_position_embeddings" : it->second.path,
                                        s.original_max_position_embeddings, all.at("rope_type").path,
                                        shown(*all.at("rope_type").value)));
}

Status check_scaling(const Sayings& all, const S& s, ConfigReader& reader) {
  const Said& type = all.at("rope_type");
  for (const Key& key : keys()) {
    if (!(key.required & bit(s.type)) || all.contains(key.name)) continue;
    if (s.type == RopeScaling::yarn && null_factor(reader)) continue;
    const std::string object = type.path.substr(0, type.path.find('.'));
    return config_error(reader.file(), fmt::format("\"{}.{}\" is missing, which \"{}\" = {} needs.", object, key.name,
                                                   type.path, shown(*type.value)));
  }
  if (s.type == RopeScaling::llama3 && s.high_freq_factor <= s.low_freq_factor)
    return config_error(reader.file(),
                        fmt::format("\"{}\" = {} is not above \"{}\" = {}.", all.at("high_freq_factor").path,
                                    s.high_freq_factor, all.at("low_freq_factor").path, s.low_freq_factor));
  return {};
}

}  // namespace

int64_t RopeScalingConfig::context(int64_t max_position_embeddings) const {
  constexpr double kMost = 1e9;
  if (type != RopeScaling::dynamic || factor <= 1) return max_position_embeddings;
  return static_cast<int64_t>(std::min(kMost, std::floor(factor * static_cast<double>(max_position_embeddings))));
}

int64_t RopeScalingConfig::same_up_to(int64_t max_position_embeddings) const {
  if (type == RopeScaling::longrope) return original_max_position_embeddings;
  return type == RopeScaling::dynamic ? max_position_embeddings : INT64_MAX;
}

Result<RopeSetting> read_rope(ConfigReader& reader, int64_t max_position_embeddings) {
  RopeSetting r;
  const std::string_view file = reader.file();
  auto collected = collect(reader);
  if (!collected) return collected.error();
  const Sayings& all = *collected;
  const auto type = type_of(all, file);
  if (!type) return type.error();
  Sayings scaled = all;
  // Phi-3 and others keep the length trained on outside.
  if (const json::value* v = reader.given("original_max_position_embeddings"); v && (bit(*type) & kOriginal))
    if (auto s = say(scaled, "original_max_position_embeddings", "original_max_position_embeddings", *v, file); !s)
      return s.error();
  S s;
  s.type = *type;
  const auto type_said = all.contains("rope_type") ? all.at("rope_type") : Said{};
  for (const auto& [name, said] : scaled) {
    if (name == "rope_type") continue;
    if (name == "rope_theta" || name == "partial_rotary_factor") {
      const auto n = as_number(*said.value);
      const bool theta = name == "rope_theta";
      // The bounds of the families' rope_theta; of a head at most all is rotated.
      if (!n || *n < (theta ? 1.0001 : 1e-6) || *n > (theta ? 1e12 : 1))
        return wrong_value(file, said.path, *said.value, theta ? "a number from 1.0001 to 1e12" : "a share up to 1");
      if (theta) r.theta = *n;
      if (!theta) r.partial_rotary_factor = *n;
      continue;
    }
    const auto key = std::find_if(keys().begin(), keys().end(), [&n = name](const Key& k) { return n == k.name; });
    if (key == keys().end())
      return config_error(file, fmt::format("\"{}\" is not a field this program knows.", said.path));
    if (auto status = read_key(*key, said, type_said, *type, s, file); !status) return status.error();
  }
  if (r.partial_rotary_factor.value_or(0) == 1) r.partial_rotary_factor.reset();
  if (r.partial_rotary_factor && !reader.config_class().partial_rotation) {
    const Said& said = all.at("partial_rotary_factor");
    if (*type != RopeScaling::none)
      return config_error(file, fmt::format("\"{}\" = {} with \"{}\" = {}: {} does not rotate a part of each head.",
                                            said.path, shown(*said.value), type_said.path, shown(*type_said.value),
                                            reader.config_class().architecture));
    reader.read_over(said.path, *said.value);
    r.partial_rotary_factor.reset();
  }
  if (!all.contains("rope_theta"))
    if (const json::value* v = reader.config_class().defaults.if_contains("rope_theta")) r.theta = *as_number(*v);
  if (*type == RopeScaling::none) return r;
  if (auto status = check_scaling(scaled, s, reader); !status) return status.error();
  const bool computes_original = bit(*type) & kOriginal;
  if (s.original_max_position_embeddings == 0 && computes_original)
    s.original_max_position_embeddings = max_position_embeddings;
  if (!scaled.contains("factor"))
    s.factor = static_cast<double>(max_position_embeddings) / static_cast<double>(s.original_max_position_embeddings);
  if (auto status = check_longrope(scaled, s, file); !status) return status.error();
  r.scaling = s;
  return r;
}

Status check_factors(ConfigReader& reader, const RopeSetting& rope, int64_t rotated) {
  if (!rope.scaling || rope.scaling->type != RopeScaling::longrope) return {};
  for (const Key& key : keys()) {
    if (!key.list) continue;
    const auto size = static_cast<int64_t>(((*rope.scaling).*key.list).size());
    if (size == rotated / 2) continue;
    for (const char* object : {"rope_parameters", "rope_scaling"})
      if (const json::value* v = reader.given(object); v && v->as_object().contains(key.name))
        return config_error(reader.file(), fmt::format("\"{}.{}\" has {} numbers, but {} columns that are rotated "
                                                       "have {} pairs.",
                                                       object, key.name, size, rotated, rotated / 2));
  }
  return {};
}

Result<int64_t> rotated_width(const std::optional<double>& share, int64_t width, std::string_view file) {
  if (!share) return width;
  const auto rotated = static_cast<int64_t>(static_cast<double>(width) * *share);
  if (rotated >= 2 && rotated % 2 == 0 && rotated <= width) return rotated;
  return config_error(
      file, fmt::format("\"partial_rotary_factor\" = {} rotates {} columns of a head of {}, which is {}.", *share,
                        rotated, width, rotated < 2 ? "no pair" : "odd"));
}

ops::RopeConfig rope_config(int64_t width, double theta, const std::optional<RopeScalingConfig>& scaling,
                            int64_t max_position_embeddings) {
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
  r.original_context = static_cast<double>(
      scaling->type == RopeScaling::dynamic ? max_position_embeddings : scaling->original_max_position_embeddings);
  // transformers: cos and sin take the ratio only when both are given and non-zero;
  // the softmax scale m(mscale_all_dim)^2.
  r.has_mscale = scaling->mscale.value_or(0) != 0 && scaling->mscale_all_dim.value_or(0) != 0;
  r.mscale = scaling->mscale.value_or(0);
  r.mscale_all_dim = scaling->mscale_all_dim.value_or(0);
  r.attention_factor = scaling->attention_factor;
  r.short_factor = scaling->short_factor;
  r.long_factor = scaling->long_factor;
  r.truncate = scaling->truncate;
  return r;
}

json::object to_json(const RopeScalingConfig& s) {
  json::object o;
  const auto* type = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& t) { return t.scaling == s.type; });
  o["type"] = type->name;
  for (const Key& key : keys()) {
    if (!(key.computes & bit(s.type))) continue;
    if (key.number) o[key.name] = s.*key.number;
    if (key.list) o[key.name] = json::value_from(s.*key.list);
    if (key.optional && s.*key.optional) o[key.name] = *(s.*key.optional);
    if (std::string_view(key.name) == "original_max_position_embeddings")
      o[key.name] = s.original_max_position_embeddings;
    if (std::string_view(key.name) == "truncate" && !s.truncate) o[key.name] = false;
  }
  return o;
}

}  // namespace jamsu::models

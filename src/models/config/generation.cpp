#include "models/config/generation.h"

#include <filesystem>

#include "base/files.h"
#include "formats/strict_json.h"
#include "models/config/reader.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

// Leaves `to` where the field is missing or null.
Status read_number(const json::object& o, const char* name, double low, double high, double& to,
                   const std::string& file) {
  const json::value* v = o.if_contains(name);
  if (!v || v->is_null()) return {};
  const auto number = as_number(*v);
  if (!number || !(*number >= low && *number <= high))
    return wrong_value(file, name, *v, fmt::format("a number from {} to {}", low, high));
  to = *number;
  return {};
}

Status read_sampling(const json::object& o, GenerationConfig& s, const std::string& file) {
  s.temperature = 1;
  double top_k = 50;
  for (const Status& status :
       {read_number(o, "temperature", 0, 100, s.temperature, file), read_number(o, "top_k", 0, 1e9, top_k, file),
        read_number(o, "top_p", 1e-9, 1, s.top_p, file), read_number(o, "min_p", 0, 1, s.min_p, file),
        read_number(o, "repetition_penalty", 1e-3, 1e3, s.repetition_penalty, file)})
    if (!status) return status;
  s.top_k = static_cast<int64_t>(top_k);
  return {};
}

}  // namespace

Result<GenerationConfig> load_generation_config(const std::string& folder, int64_t vocab) {
  const std::string file = folder + "/generation_config.json";
  GenerationConfig config;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return config;
  const auto text = read_file(file);
  if (!text) return text.error();
  const auto value = formats::parse_strict_json(*text, file);
  if (!value) return value.error();
  if (!value->is_object()) return Error{file + ": is no JSON object."};
  const json::object& o = value->get_object();
  if (const json::value* eos = o.if_contains("eos_token_id"); eos && !eos->is_null()) {
    auto ids = read_eos(*eos, file);
    if (!ids) return ids.error();
    if (auto s = check_ids(-1, *ids, vocab, file); !s) return s.error();
    config.eos = std::move(*ids);
  }
  if (const json::value* sample = o.if_contains("do_sample"); sample && !sample->is_null()) {
    if (!sample->is_bool()) return wrong_value(file, "do_sample", *sample, "true or false");
    if (sample->get_bool())
      if (auto s = read_sampling(o, config, file); !s) return s.error();
  }
  return config;
}

}  // namespace jamsu::models

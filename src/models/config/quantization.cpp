#include "models/config/quantization.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;

struct Setting {
  const char* name;
  json::value legal;
  bool required;
};

}  // namespace

Status check_quantization(ConfigReader& reader) {
  static const std::vector<Setting> settings = {{"quant_method", "fp8", true},
                                                {"weight_block_size", json::array{128, 128}, true},
                                                {"fmt", "e4m3", false},
                                                {"activation_scheme", "dynamic", false}};
  const json::value* v = reader.given("quantization_config");
  if (!v) return {};
  if (!v->is_object()) return wrong_value(reader.file(), "quantization_config", *v, "an object or null");
  const json::object& o = v->as_object();
  if (o.empty()) return {};
  for (const Setting& setting : settings) {
    const std::string path = fmt::format("quantization_config.{}", setting.name);
    const json::value* said = o.if_contains(setting.name);
    if (!said || said->is_null()) {
      if (!setting.required) continue;
      return config_error(reader.file(), fmt::format("\"{}\" is missing: this program knows FP8 in blocks of 128 x 128 "
                                                     "alone. Take a folder in bf16, or one in such blocks.",
                                                     path));
    }
    if (*said != setting.legal)
      return wrong_value(
          reader.file(), path, *said,
          fmt::format("{}, the only one this program knows: take a folder in bf16, or in FP8 with blocks "
                      "of 128 x 128",
                      json::serialize(setting.legal)));
  }
  return {};
}

}  // namespace jamsu::models

// libFuzzer: any bytes as config.json. What is accepted must be usable: counted, written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "formats/strict_json.h"
#include "models/deepseek_v3_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace jamsu;
  const auto json = formats::parse_strict_json({reinterpret_cast<const char*>(data), size}, "config.json");
  if (!json || !json->is_object()) return 0;
  const auto config = models::parse_deepseek_v3(json->as_object(), "config.json");
  if (!config) {
    if (config.error().message.rfind("config.json: ", 0) != 0) std::abort();
    return 0;
  }
  if (models::count_parameters(*config).total <= 0) std::abort();
  const auto again = models::parse_deepseek_v3(models::to_json(*config, "bfloat16"), "again");
  if (!again || again->hidden_size != config->hidden_size || again->q_lora_rank != config->q_lora_rank) std::abort();
  return 0;
}

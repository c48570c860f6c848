// libFuzzer: any bytes as config.json, read by the parser of each architecture. What is accepted must be usable: a
// small one is built, a DeepSeek-V3 written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "formats/strict_json.h"
#include "models/config/deepseek_v3.h"
#include "models/config/llama.h"
#include "models/config/minimax.h"
#include "models/open.h"

namespace {

using namespace jamsu;
using models::LlamaKind;
using models::MiniMaxKind;

// The config where it was accepted; an error must name the file.
template <class Config>
const Config* accepted(const Result<Config>& config) {
  if (!config && !config.error().message.starts_with("config.json: ")) std::abort();
  return config ? &*config : nullptr;
}

// Layers times experts: what building takes memory for.
void build(boost::json::object json, std::string_view architecture, int64_t size) {
  if (size > 64) return;
  json["architectures"] = {architecture};
  json.erase("model_type");
  const auto model = models::create_model(json, {}, ops::Numerics::bf16, "config.json");
  if (!model || (*model)->info().parameters.total <= 0 || (*model)->parameters().all().empty()) std::abort();
  if ((*model)->state_layout(models::CachePolicy::expanded).bytes_for(1) <= 0) std::abort();
}

void check(const models::DeepseekV3Config& c, const boost::json::object& json) {
  build(json, architecture_name(c.kind), c.num_hidden_layers * c.n_routed_experts);
  if (c.kind != models::DeepseekKind::v3) return;
  const auto again = models::parse_deepseek_v3(models::to_json(c, "bfloat16"), "again");
  if (!again || again->hidden_size != c.hidden_size || again->q_lora_rank != c.q_lora_rank) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = formats::parse_strict_json({reinterpret_cast<const char*>(data), size}, "config.json");
  if (!json || !json->is_object()) return 0;
  const auto& object = json->as_object();
  for (const auto parse : {models::parse_deepseek_v3, models::parse_deepseek_v2}) {
    const auto config = parse(object, "config.json");
    if (const auto* c = accepted(config)) check(*c, object);
  }
  for (const LlamaKind kind :
       {LlamaKind::llama, LlamaKind::qwen2, LlamaKind::qwen3, LlamaKind::qwen3_moe, LlamaKind::hyperclovax}) {
    const auto config = models::parse_llama(kind, object, "config.json");
    if (const auto* c = accepted(config))
      build(object, architecture_name(kind), c->num_hidden_layers * (1 + c->num_experts));
  }
  for (const MiniMaxKind kind : {MiniMaxKind::text01, MiniMaxKind::m2}) {
    const auto config = models::parse_minimax(kind, object, "config.json");
    if (const auto* c = accepted(config))
      build(object, kind == MiniMaxKind::m2 ? "MiniMaxM2ForCausalLM" : "MiniMaxForCausalLM",
            c->num_hidden_layers * c->num_local_experts);
  }
  return 0;
}

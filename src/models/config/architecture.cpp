#include "models/config/architecture.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

namespace jamsu::models {
namespace {

namespace json = boost::json;

struct ModelType {
  std::string_view name, architecture;
};
// transformers 5.24, models/auto/modeling_auto.py; kimi_k2 is DeepSeek's class by its own config.json.
constexpr std::array<ModelType, 10> kModelTypes = {{{"deepseek_v2", "DeepseekV2ForCausalLM"},
                                                    {"deepseek_v3", "DeepseekV3ForCausalLM"},
                                                    {"kimi_k2", "DeepseekV3ForCausalLM"},
                                                    {"llama", "LlamaForCausalLM"},
                                                    {"qwen2", "Qwen2ForCausalLM"},
                                                    {"qwen3", "Qwen3ForCausalLM"},
                                                    {"qwen3_moe", "Qwen3MoeForCausalLM"},
                                                    {"hyperclovax", "HyperCLOVAXForCausalLM"},
                                                    {"minimax", "MiniMaxForCausalLM"},
                                                    {"minimax_m2", "MiniMaxM2ForCausalLM"}}};

const ModelType* type_named(std::string_view name) {
  for (const ModelType& t : kModelTypes)
    if (t.name == name) return &t;
  return nullptr;
}

bool known(std::string_view architecture) {
  for (const ModelType& t : kModelTypes)
    if (t.architecture == architecture) return true;
  return false;
}

}  // namespace

Result<std::string> architecture_of(const json::object& config, std::string_view file) {
  const auto there = [&](const char* name) -> const json::value* {
    const json::value* v = config.if_contains(name);
    return v && !v->is_null() ? v : nullptr;
  };
  const json::value *names = there("architectures"), *type = there("model_type");
  const ModelType* by_type = type && type->is_string() ? type_named(type->as_string()) : nullptr;
  if (!names) {
    if (by_type) return std::string(by_type->architecture);
    return Error{
        fmt::format("{}: \"architectures\" is missing, and \"model_type\" names none that this version knows.", file)};
  }
  if (!names->is_array() || names->as_array().size() != 1 || !names->as_array()[0].is_string())
    return Error{fmt::format("{}: \"architectures\" is not a list of one name.", file)};
  const std::string name(names->as_array()[0].as_string());
  if (by_type && known(name) && by_type->architecture != name)
    return Error{
        fmt::format("{}: \"architectures\" = [\"{}\"] and \"model_type\" = \"{}\", which is {}, say different "
                    "things: make them agree.",
                    file, name, by_type->name, by_type->architecture)};
  return name;
}

}  // namespace jamsu::models

#include "models/config/deepseek_v3.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

namespace jamsu::models {
namespace {

namespace json = boost::json;
using C = DeepseekV3Config;

constexpr double kHuge = 1e9;

const std::vector<ConfigField<C>>& fields() {
  static const std::vector<ConfigField<C>> table = {
      {"vocab_size", "tokens", "rows of the embedding and of the head", &C::vocab_size, 1, 4e6, true},
      {"hidden_size", "values", "width of the residual stream", &C::hidden_size, 1, 1e6, true},
      {"intermediate_size", "values", "width of the dense layers' MLP", &C::intermediate_size, 1, 1e7, true},
      {"moe_intermediate_size", "values", "width of one expert's MLP", &C::moe_intermediate_size, 1, 1e7, true},
      {"num_hidden_layers", "layers", "decoder layers, MTP not counted", &C::num_hidden_layers, 1, 10000, true},
      {"num_attention_heads", "heads", "query heads", &C::num_attention_heads, 1, 65536, true},
      {"num_key_value_heads", "heads", "equal to num_attention_heads in MLA", &C::num_key_value_heads, 1, 65536, false},
      {"q_lora_rank", "values", "rank of the query's latent; null: a plain q_proj", &C::q_lora_rank, 1, 1e6, false},
      {"kv_lora_rank", "values", "rank of the keys' and values' latent", &C::kv_lora_rank, 1, 1e6, true},
      {"qk_nope_head_dim", "values", "part of a query/key head without rotation", &C::qk_nope_head_dim, 1, 512, true},
      {"qk_rope_head_dim", "values", "rotated part of a query/key head, even", &C::qk_rope_head_dim, 2, 512, true},
      {"v_head_dim", "values", "width of a value head", &C::v_head_dim, 1, 1024, true},
      {"n_routed_experts", "experts", "routed experts per MoE layer", &C::n_routed_experts, 1, 65536, true},
      {"n_shared_experts", "experts", "shared experts, as one MLP of that many widths", &C::n_shared_experts, 0, 1024,
       false},
      {"num_experts_per_tok", "experts", "routed experts a token uses", &C::num_experts_per_tok, 1, 65536, true},
      {"n_group", "groups", "groups of experts", &C::n_group, 1, 65536, false},
      {"topk_group", "groups", "groups a token may use", &C::topk_group, 1, 65536, false},
      {"first_k_dense_replace", "layers", "leading layers with a dense MLP", &C::first_k_dense_replace, 0, 10000,
       false},
      {"num_nextn_predict_layers", "modules", "multi-token prediction modules (0 or 1)", &C::num_nextn_predict_layers,
       0, 1, false},
      {"max_position_embeddings", "tokens", "context length", &C::max_position_embeddings, 1, kHuge, true},
      {"routed_scaling_factor", "", "factor on the routed experts' weights", &C::routed_scaling_factor, 1e-6, 1e6,
       false},
      {"rope_theta", "", "base of the rotation's frequencies", &C::rope_theta, 1.0001, 1e12, false},
      {"rms_norm_eps", "", "epsilon of the layer norms (the latent norms keep 1e-6)", &C::rms_norm_eps, 0, 1, false},
      {"norm_topk_prob", "", "divide the chosen experts' weights by their sum", &C::norm_topk_prob, 0, 1, false},
      {"bos_token_id", "id", "first token of a text", &C::bos_token_id, 0, kHuge, false},
  };
  return table;
}

const std::vector<FixedField>& fixed_fields(DeepseekKind kind) {
  static const std::vector<FixedField> v3 = {
      {"attention_bias", false},      {"hidden_act", "silu"}, {"scoring_func", "sigmoid"}, {"topk_method", "noaux_tc"},
      {"tie_word_embeddings", false}, {"moe_layer_freq", 1},  {"rope_interleave", true},   {"mlp_bias", false}};
  static const std::vector<FixedField> v2 = {{"attention_bias", false},      {"hidden_act", "silu"},
                                             {"scoring_func", "softmax"},    {"num_nextn_predict_layers", 0},
                                             {"tie_word_embeddings", false}, {"moe_layer_freq", 1},
                                             {"rope_interleave", true},      {"mlp_bias", false}};
  return kind == DeepseekKind::v2 ? v2 : v3;
}

// Known fields that do not touch the forward, beside those of every architecture.
bool ignored(std::string_view name) {
  static const std::set<std::string, std::less<>> names = {
      "ep_size",          "aux_loss_alpha",        "seq_aux",       "head_dim",
      "qk_head_dim",      "num_experts_per_token", "n_shared_head", "pad_head_dim_to_multiple_of",
      "num_local_experts"};
  return never_matters(name) || names.contains(name);
}

// What must hold between fields.
Status check(const C& c, std::string_view file) {
  const auto divides = [&](int64_t a, const char* a_name, int64_t b, const char* b_name) -> Status {
    if (b % a != 0)
      return config_error(file, fmt::format("\"{}\" = {} does not divide \"{}\" = {}.", a_name, a, b_name, b));
    return {};
  };
  const auto at_most = [&](int64_t a, const char* a_name, int64_t b, const char* b_name) -> Status {
    if (a > b) return config_error(file, fmt::format("\"{}\" = {} is larger than \"{}\" = {}.", a_name, a, b_name, b));
    return {};
  };
  if (auto s = divides(c.n_group, "n_group", c.n_routed_experts, "n_routed_experts"); !s) return s;
  if (auto s = at_most(c.topk_group, "topk_group", c.n_group, "n_group"); !s) return s;
  if (auto s = at_most(c.num_experts_per_tok, "num_experts_per_tok", c.n_routed_experts / c.n_group * c.topk_group,
                       "experts in topk_group groups");
      !s)
    return s;
  if (auto s = at_most(c.first_k_dense_replace, "first_k_dense_replace", c.num_hidden_layers, "num_hidden_layers"); !s)
    return s;
  if (auto s = check_experts(c.num_hidden_layers, c.n_routed_experts, "n_routed_experts", file); !s) return s;
  if (c.qk_rope_head_dim % 2)
    return config_error(file, fmt::format("\"qk_rope_head_dim\" = {} is odd.", c.qk_rope_head_dim));
  if (c.num_key_value_heads != c.num_attention_heads)
    return config_error(file,
                        fmt::format("\"num_key_value_heads\" = {} differs from \"num_attention_heads\" = {}: MLA has a "
                                    "key head for each query head.",
                                    c.num_key_value_heads, c.num_attention_heads));
  return check_ids(c.bos_token_id, c.eos_token_ids, c.vocab_size, file);
}

}  // namespace

std::vector<FieldDoc> deepseek_v3_fields() {
  return docs_of(fields());
}

namespace {

Result<C> parse(DeepseekKind kind, const json::object& object, std::string_view file) {
  C c;
  c.kind = kind;
  c.limit_groups = kind == DeepseekKind::v3;
  for (const auto& [key, value] : object) {
    const std::string_view name(key.data(), key.size());
    const auto known = read_known(fields(), fixed_fields(kind), name, value, c, file);
    if (!known) return known.error();
    const auto shared = read_shared(name, value, {"yarn"}, c, file);
    if (!shared) return shared.error();
    if (*known || *shared) continue;
    if (name == "topk_method" && kind == DeepseekKind::v2) {
      c.limit_groups = value == "group_limited_greedy";
      if (!c.limit_groups && value != "greedy")
        return wrong_value(file, name, value, "\"greedy\" or \"group_limited_greedy\"");
    } else if (!ignored(name)) {
      return config_error(
          file, fmt::format("\"{}\" is not a field this program knows for {}.", name, architecture_name(kind)));
    }
  }
  if (auto s = check_required(fields(), object, file); !s) return s.error();
  if (!object.contains("num_key_value_heads")) c.num_key_value_heads = c.num_attention_heads;
  if (auto s = check(c, file); !s) return s.error();
  return c;
}

}  // namespace

Result<DeepseekV3Config> parse_deepseek_v3(const json::object& object, std::string_view file) {
  return parse(DeepseekKind::v3, object, file);
}

Result<DeepseekV3Config> parse_deepseek_v2(const json::object& object, std::string_view file) {
  return parse(DeepseekKind::v2, object, file);
}

std::string_view architecture_name(DeepseekKind kind) {
  return kind == DeepseekKind::v2 ? "DeepseekV2ForCausalLM" : "DeepseekV3ForCausalLM";
}

json::object to_json(const C& c, std::string_view torch_dtype) {
  json::object o;
  o["architectures"] = json::array{"DeepseekV3ForCausalLM"};
  o["model_type"] = "deepseek_v3";
  for (const FixedField& f : fixed_fields(c.kind))
    if (std::string_view(f.name) != "mlp_bias") o[f.name] = f.value;
  for (const ConfigField<C>& f : fields()) {
    if (const auto* i = std::get_if<int64_t C::*>(&f.member)) o[f.name] = c.**i;
    if (const auto* d = std::get_if<double C::*>(&f.member)) o[f.name] = c.**d;
    if (const auto* b = std::get_if<bool C::*>(&f.member)) o[f.name] = c.**b;
    if (const auto* n = std::get_if<std::optional<int64_t> C::*>(&f.member)) {
      if ((c.**n).has_value())
        o[f.name] = *(c.**n);
      else
        o[f.name] = nullptr;
    }
  }
  if (c.eos_token_ids.size() == 1)
    o["eos_token_id"] = c.eos_token_ids[0];
  else
    o["eos_token_id"] = json::value_from(c.eos_token_ids);
  if (c.rope_scaling) {
    json::object y{{"type", "yarn"},
                   {"factor", c.rope_scaling->factor},
                   {"beta_fast", c.rope_scaling->beta_fast},
                   {"beta_slow", c.rope_scaling->beta_slow},
                   {"original_max_position_embeddings", c.rope_scaling->original_max_position_embeddings}};
    if (c.rope_scaling->mscale) y["mscale"] = *c.rope_scaling->mscale;
    if (c.rope_scaling->mscale_all_dim) y["mscale_all_dim"] = *c.rope_scaling->mscale_all_dim;
    o["rope_scaling"] = y;
  } else {
    o["rope_scaling"] = nullptr;
  }
  o["torch_dtype"] = torch_dtype;
  return o;
}

ops::RopeConfig DeepseekV3Config::rope() const {
  return rope_config(qk_rope_head_dim, rope_theta, rope_scaling);
}

MlaShape DeepseekV3Config::attention() const {
  // (nope + rope)^-1/2 times YaRN's m^2: an f64 product rounded once.
  const double scale = 1.0 / std::sqrt(static_cast<double>(qk_head_dim())) * ops::Rope(rope()).softmax_factor;
  return {.hidden = hidden_size,
          .heads = num_attention_heads,
          .q_rank = q_lora_rank.value_or(0),
          .kv_rank = kv_lora_rank,
          .nope = qk_nope_head_dim,
          .rope = qk_rope_head_dim,
          .v = v_head_dim,
          .scale = static_cast<float>(scale)};
}

MoeShape DeepseekV3Config::moe() const {
  const bool v3 = kind == DeepseekKind::v3;
  return {.hidden = hidden_size,
          .width = moe_intermediate_size,
          .shared_width = moe_intermediate_size * n_shared_experts,
          .correction_bias = v3,
          .router = {.score = v3 ? ops::RouterScore::sigmoid : ops::RouterScore::softmax,
                     .group_score = v3 ? ops::GroupScore::sum_of_two_best : ops::GroupScore::best,
                     .experts = n_routed_experts,
                     .top_k = num_experts_per_tok,
                     .groups = limit_groups ? n_group : 1,
                     .keep_groups = limit_groups ? topk_group : 1,
                     .normalize = v3 && norm_topk_prob,
                     .scaling = static_cast<float>(routed_scaling_factor)}};
}

}  // namespace jamsu::models

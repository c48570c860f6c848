#include "models/config/minimax.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace jamsu::models {
namespace {

namespace json = boost::json;
using C = MiniMaxConfig;
using Fields = std::vector<ConfigField<C>>;

constexpr double kHuge = 1e9;

Fields make_fields(MiniMaxKind kind) {
  Fields f = {
      {"vocab_size", "tokens", "rows of the embedding and of the head", &C::vocab_size, 1, 4e6, true},
      {"hidden_size", "values", "width of the residual stream", &C::hidden_size, 1, 1e6, true},
      {"intermediate_size", "values", "width of one expert", &C::intermediate_size, 1, 1e7, true},
      {"num_hidden_layers", "layers", "decoder layers", &C::num_hidden_layers, 1, 10000, true},
      {"num_attention_heads", "heads", "query heads", &C::num_attention_heads, 1, 65536, true},
      {"num_key_value_heads", "heads", "key and value heads", &C::num_key_value_heads, 1, 65536, true},
      {"head_dim", "values", "width of a head; missing: hidden_size / num_attention_heads", &C::head_dim, 2, 1024,
       false},
      {"rotary_dim", "values", "rotated part of a head; missing: all of it", &C::rotary_dim, 2, 1024, false},
      {"num_local_experts", "experts", "routed experts per layer", &C::num_local_experts, 1, 65536, true},
      {"num_experts_per_tok", "experts", "experts a token uses", &C::num_experts_per_tok, 1, 65536, true},
      {"max_position_embeddings", "tokens", "context length", &C::max_position_embeddings, 1, kHuge, true},
      {"rope_theta", "", "base of the rotation's frequencies", &C::rope_theta, 1.0001, 1e12, false},
      {"rms_norm_eps", "", "epsilon of the layer norms", &C::rms_norm_eps, 0, 1, false},
      {"tie_word_embeddings", "", "the head multiplies with the embedding", &C::tie_word_embeddings, 0, 1, false},
  };
  if (kind == MiniMaxKind::text01) {
    const auto factor = [&](const char* name, const char* help, double C::*member) {
      f.push_back({name, "", help, member, -1e6, 1e6, true});
    };
    factor("full_attn_alpha_factor", "factor on the normed input of full attention", &C::full_attn_alpha_factor);
    factor("full_attn_beta_factor", "factor on what full attention adds", &C::full_attn_beta_factor);
    factor("linear_attn_alpha_factor", "factor on the normed input of lightning attention",
           &C::linear_attn_alpha_factor);
    factor("linear_attn_beta_factor", "factor on what lightning attention adds", &C::linear_attn_beta_factor);
    factor("mlp_alpha_factor", "factor on the normed input of the experts", &C::mlp_alpha_factor);
    factor("mlp_beta_factor", "factor on what the experts add", &C::mlp_beta_factor);
  }
  return f;
}

const Fields& fields(MiniMaxKind kind) {
  static const Fields text01 = make_fields(MiniMaxKind::text01), m2 = make_fields(MiniMaxKind::m2);
  return kind == MiniMaxKind::text01 ? text01 : m2;
}

const std::vector<FixedField>& fixed_fields(MiniMaxKind kind) {
  static const std::vector<FixedField> text01 = {{"hidden_act", "silu"}, {"sliding_window", nullptr}};
  static const std::vector<FixedField> m2 = {{"hidden_act", "silu"},
                                             {"sliding_window", nullptr},
                                             {"scoring_func", "sigmoid"},
                                             {"use_qk_norm", true},
                                             {"qk_norm_type", "per_layer"},
                                             {"use_routing_bias", true},
                                             {"shared_intermediate_size", 0},
                                             {"layernorm_full_attention_beta", 1.0},
                                             {"layernorm_linear_attention_beta", 1.0},
                                             {"layernorm_mlp_beta", 1.0}};
  return kind == MiniMaxKind::text01 ? text01 : m2;
}

// Known fields that do not touch the forward. block_size is how many rows transformers computes at once; M2's MTP
// modules are not part of its published weights.
bool ignored(std::string_view name) {
  static const std::set<std::string, std::less<>> names = {
      "block_size",           "router_jitter_noise", "use_mtp",
      "num_mtp_modules",      "shared_moe_mode",     "mtp_transformer_layers",
      "mlp_intermediate_size"};
  return never_matters(name) || names.contains(name);
}

// Text-01's layer_types.
Status read_layer_types(const json::value& value, C& c, std::string_view file) {
  constexpr const char* kExpected = "a list of \"linear_attention\" and \"full_attention\"";
  if (!value.is_array()) return wrong_value(file, "layer_types", value, kExpected);
  for (const json::value& type : value.as_array()) {
    if (type != "linear_attention" && type != "full_attention")
      return wrong_value(file, "layer_types", value, kExpected);
    c.linear.push_back(type == "linear_attention");
  }
  return {};
}

// M2's attn_type_list: 1 is full attention.
Status check_attention_types(const json::value& value, std::string_view file) {
  const auto full = [](const json::value& type) { return type == 1 || type == "full_attention"; };
  if (!value.is_array() || !std::all_of(value.as_array().begin(), value.as_array().end(), full))
    return wrong_value(file, "attn_type_list", value, "a list of full attention layers (1)");
  return {};
}

// What must hold between fields.
Status check(const C& c, std::string_view file) {
  const auto bad = [&](const std::string& text) { return config_error(file, text); };
  if (!c.head_dim && c.hidden_size % c.num_attention_heads != 0)
    return bad(
        fmt::format("\"num_attention_heads\" = {} does not divide \"hidden_size\" = {}, and \"head_dim\" is "
                    "missing.",
                    c.num_attention_heads, c.hidden_size));
  if (c.rotated() % 2 != 0 || c.rotated() > c.head_width())
    return bad(fmt::format("\"rotary_dim\" = {} is {}.", c.rotated(),
                           c.rotated() % 2 ? "odd" : fmt::format("larger than the head of {}", c.head_width())));
  if (c.num_attention_heads % c.num_key_value_heads != 0)
    return bad(fmt::format("\"num_key_value_heads\" = {} does not divide \"num_attention_heads\" = {}.",
                           c.num_key_value_heads, c.num_attention_heads));
  if (c.num_experts_per_tok > c.num_local_experts)
    return bad(fmt::format("\"num_experts_per_tok\" = {} is larger than \"num_local_experts\" = {}.",
                           c.num_experts_per_tok, c.num_local_experts));
  if (auto s = check_experts(c.num_hidden_layers, c.num_local_experts, "num_local_experts", file); !s) return s;
  if (c.kind == MiniMaxKind::text01 && static_cast<int64_t>(c.linear.size()) != c.num_hidden_layers)
    return bad(fmt::format("\"layer_types\" names {} of {} layers (\"num_hidden_layers\").", c.linear.size(),
                           c.num_hidden_layers));
  return check_ids(c.bos_token_id, c.eos_token_ids, c.vocab_size, file);
}

// A field that is neither a plain one nor ignored; false: unknown.
Result<bool> read_other(std::string_view name, const json::value& value, C& c, std::string_view file) {
  const auto done = [](const Status& s) -> Result<bool> {
    if (!s) return s.error();
    return true;
  };
  const bool m2 = c.kind == MiniMaxKind::m2;
  if (name == "layer_types" && !m2) return done(read_layer_types(value, c, file));
  if ((name == "attn_type_list" || name == "layer_types") && m2) return done(check_attention_types(value, file));
  if (name == "bos_token_id") {
    if (value.is_null()) return true;
    const auto id = as_integer(value);
    if (!id || *id < 0) return wrong_value(file, name, value, "a token id or null");
    c.bos_token_id = *id;
    return true;
  }
  return ignored(name);
}

}  // namespace

GqaShape MiniMaxConfig::attention() const {
  return {.hidden = hidden_size,
          .heads = num_attention_heads,
          .key_heads = num_key_value_heads,
          .width = head_width(),
          .bias = false,
          .norm = kind == MiniMaxKind::m2 ? QkNorm::all : QkNorm::none,
          .eps = static_cast<float>(rms_norm_eps),
          .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_width())))};
}

LightningShape MiniMaxConfig::lightning(int64_t layer) const {
  return {.hidden = hidden_size,
          .heads = num_attention_heads,
          .width = head_width(),
          .layer = layer,
          .layers = num_hidden_layers};
}

MoeShape MiniMaxConfig::moe() const {
  const bool m2 = kind == MiniMaxKind::m2;
  return {.hidden = hidden_size,
          .width = intermediate_size,
          .shared_width = 0,
          .correction_bias = m2,
          .mixtral_names = true,
          .router = {.score = m2 ? ops::RouterScore::sigmoid : ops::RouterScore::softmax,
                     .group_score = ops::GroupScore::best,
                     .experts = num_local_experts,
                     .top_k = num_experts_per_tok,
                     .groups = 1,
                     .keep_groups = 1,
                     .normalize = true,
                     .scaling = 1.0f}};
}

Result<MiniMaxConfig> parse_minimax(MiniMaxKind kind, const json::object& object, std::string_view file) {
  C c;
  c.kind = kind;
  for (const auto& [key, value] : object) {
    const std::string_view name(key.data(), key.size());
    const auto known = read_known(fields(kind), fixed_fields(kind), name, value, c, file);
    if (!known) return known.error();
    const auto shared = read_shared(name, value, {}, c, file);
    if (!shared) return shared.error();
    if (*known || *shared) continue;
    const auto other = read_other(name, value, c, file);
    if (!other) return other.error();
    if (!*other) return config_error(file, fmt::format("\"{}\" is not a field this program knows for MiniMax.", name));
  }
  if (auto s = check_required(fields(kind), object, file); !s) return s.error();
  if (auto s = check(c, file); !s) return s.error();
  return c;
}

}  // namespace jamsu::models

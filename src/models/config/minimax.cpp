#include "models/config/minimax.h"

#include <algorithm>
#include <cmath>

#include "models/config/activation.h"
#include "models/config/quantization.h"

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
    f.push_back({"sliding_window", "tokens", "what a query of full attention sees; missing: all", &C::sliding_window, 1,
                 kHuge, false});
    const auto factor = [&](const char* name, const char* help, double C::*member) {
      f.push_back({name, "", help, member, -1e6, 1e6, false});
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

// The classes of transformers 5.24. Without a default: what tensors are shaped by.
const ConfigClass& class_of(MiniMaxKind kind) {
  static const ConfigClass text01 = {.architecture = "MiniMaxForCausalLM",
                                     .source = "models/minimax/configuration_minimax.py",
                                     .defaults = {{"num_experts_per_tok", 2},
                                                  {"max_position_embeddings", 131072},
                                                  {"rope_theta", 1e6},
                                                  {"rms_norm_eps", 1e-5},
                                                  {"tie_word_embeddings", false},
                                                  {"full_attn_alpha_factor", 1},
                                                  {"full_attn_beta_factor", 1},
                                                  {"linear_attn_alpha_factor", 1},
                                                  {"linear_attn_beta_factor", 1},
                                                  {"mlp_alpha_factor", 1},
                                                  {"mlp_beta_factor", 1},
                                                  {"bos_token_id", 1},
                                                  {"eos_token_id", 2}},
                                     .null_is_value = {"head_dim", "bos_token_id", "eos_token_id"},
                                     .fixed = {},
                                     .aliases = {{"num_local_experts", "num_experts"}}};
  static const ConfigClass m2 = {.architecture = "MiniMaxM2ForCausalLM",
                                 .source = "models/minimax_m2/configuration_minimax_m2.py",
                                 .defaults = {{"head_dim", 128},
                                              {"num_experts_per_tok", 8},
                                              {"max_position_embeddings", 196608},
                                              {"rope_theta", 5e6},
                                              {"rms_norm_eps", 1e-6},
                                              {"tie_word_embeddings", false},
                                              {"bos_token_id", 200034},
                                              {"eos_token_id", 200020}},
                                 .null_is_value = {"head_dim", "bos_token_id", "eos_token_id"},
                                 .fixed = {{"scoring_func", {"sigmoid"}},
                                           {"use_qk_norm", {true}},
                                           {"qk_norm_type", {"per_layer"}},
                                           {"use_routing_bias", {true}},
                                           {"layernorm_full_attention_beta", {1.0}},
                                           {"layernorm_linear_attention_beta", {1.0}},
                                           {"layernorm_mlp_beta", {1.0}}},
                                 .aliases = {{"num_local_experts", "num_experts"}},
                                 .partial_rotation = true};
  return kind == MiniMaxKind::text01 ? text01 : m2;
}

// Text-01's layer_types; missing: every second layer, the first among them, has full attention (MiniMaxConfig).
Status read_layer_types(ConfigReader& reader, C& c) {
  constexpr const char* kExpected = "a list of \"linear_attention\" and \"full_attention\"";
  const json::value* value = reader.given("layer_types");
  if (!value) {
    for (int64_t i = 0; i < c.num_hidden_layers; ++i) c.linear.push_back(i % 2 != 0);
    return {};
  }
  if (!value->is_array()) return wrong_value(reader.file(), "layer_types", *value, kExpected);
  for (const json::value& type : value->as_array()) {
    if (type != "linear_attention" && type != "full_attention")
      return wrong_value(reader.file(), "layer_types", *value, kExpected);
    c.linear.push_back(type == "linear_attention");
  }
  return {};
}

// M2's attn_type_list: 1 is full attention.
Status check_attention_types(ConfigReader& reader) {
  const auto full = [](const json::value& type) { return type == 1 || type == "full_attention"; };
  for (const char* name : {"attn_type_list", "layer_types"})
    if (const json::value* v = reader.given(name))
      if (!v->is_array() || !std::all_of(v->as_array().begin(), v->as_array().end(), full))
        return wrong_value(reader.file(), name, *v, "a list of full attention layers (1)");
  return {};
}

// rotary_dim (columns) and partial_rotary_factor (their share) are one thing.
Status read_rotation(ConfigReader& reader, C& c) {
  const auto rope = read_rope(reader, c.max_position_embeddings);
  if (!rope) return rope.error();
  c.rope_theta = rope->theta;
  c.rope_scaling = rope->scaling;
  if (!rope->partial_rotary_factor) return check_factors(reader, *rope, c.rotated());
  const auto rotated = rotated_width(rope->partial_rotary_factor, c.head_width(), reader.file());
  if (!rotated) return rotated.error();
  if (c.rotary_dim && *c.rotary_dim != *rotated)
    return disagreement(reader.file(), "rotary_dim", *c.rotary_dim, "partial_rotary_factor",
                        *rope->partial_rotary_factor);
  c.rotary_dim = *rotated;
  return check_factors(reader, *rope, *rotated);
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
  return check_experts(c.num_hidden_layers, c.num_local_experts, "num_local_experts", file);
}

Status check_layers(const C& c, std::string_view file) {
  if (c.kind == MiniMaxKind::m2 || static_cast<int64_t>(c.linear.size()) == c.num_hidden_layers) return {};
  return config_error(file, fmt::format("\"layer_types\" names {} of {} layers (\"num_hidden_layers\").",
                                        c.linear.size(), c.num_hidden_layers));
}

// What is no row of the table.
Status read_rest(ConfigReader& reader, C& c) {
  const auto ids = read_token_ids(reader, c.vocab_size);
  if (!ids) return ids.error();
  c.bos_token_id = ids->bos;
  c.eos_token_ids = ids->eos;
  const auto activation = read_activation(reader);
  if (!activation) return activation.error();
  c.activation = *activation;
  if (auto s = read_rotation(reader, c); !s) return s;
  if (auto s = check_quantization(reader); !s) return s;
  return c.kind == MiniMaxKind::text01 ? read_layer_types(reader, c) : check_attention_types(reader);
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
          .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_width()))),
          .window = sliding_window.value_or(kernels::kNoWindow)};
}

LightningShape MiniMaxConfig::lightning(int64_t layer) const {
  return {.hidden = hidden_size,
          .heads = num_attention_heads,
          .width = head_width(),
          .layer = layer,
          .layers = num_hidden_layers,
          .activation = activation};
}

MoeShape MiniMaxConfig::moe() const {
  const bool m2 = kind == MiniMaxKind::m2;
  return {.hidden = hidden_size,
          .width = intermediate_size,
          .shared_width = 0,
          .correction_bias = m2,
          .activation = activation,
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
  auto reader = ConfigReader::open(object, class_of(kind), file);
  if (!reader) return reader.error();
  if (auto s = reader->read(fields(kind), c); !s) return s.error();
  if (auto s = check(c, file); !s) return s.error();
  if (auto s = read_rest(*reader, c); !s) return s.error();
  if (auto s = check_layers(c, file); !s) return s.error();
  auto read_over = reader->finish();
  if (!read_over) return read_over.error();
  c.read_over = std::move(*read_over);
  return c;
}

}  // namespace jamsu::models

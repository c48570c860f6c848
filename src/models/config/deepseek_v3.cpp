#include "models/config/deepseek_v3.h"

#include <fmt/format.h>

#include <cmath>

#include "base/near_names.h"
#include "models/config/activation.h"
#include "models/config/quantization.h"

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
      {"bos_token_id", "id", "first token of a text", &C::bos_token_id, 0, kHuge, false, -1},
  };
  return table;
}

// V2 has no module for multi-token prediction.
const std::vector<ConfigField<C>>& v2_fields() {
  static const std::vector<ConfigField<C>> table = [] {
    std::vector<ConfigField<C>> all = fields();
    std::erase_if(all, [](const ConfigField<C>& f) { return std::string_view(f.name) == "num_nextn_predict_layers"; });
    return all;
  }();
  return table;
}

// Beside those: what published configs say and a recipe need not.
const std::vector<ConfigField<C>>& further_fields(DeepseekKind kind) {
  using Fields = std::vector<ConfigField<C>>;
  static const Fields v3 = {
      {"attention_bias", "", "biases on the latents' and the output projection", &C::attention_bias, 0, 1, false},
      {"rope_interleave", "", "rotated pairs are neighbours", &C::rope_interleave, 0, 1, false},
      {"tie_word_embeddings", "", "the head multiplies with the embedding", &C::tie_word_embeddings, 0, 1, false}};
  static const Fields v2 = {v3[0], v3[2], {"mlp_bias", "", "biases of the MLPs", &C::mlp_bias, 0, 1, false}};
  return kind == DeepseekKind::v2 ? v2 : v3;
}

const ConfigClass& class_of(DeepseekKind kind) {
  static const ConfigClass v3 = {
      .architecture = "DeepseekV3ForCausalLM",
      .source = "models/deepseek_v3/configuration_deepseek_v3.py",
      .defaults = {{"q_lora_rank", 1536},
                   {"n_shared_experts", 1},
                   {"num_experts_per_tok", 8},
                   {"n_group", 8},
                   {"topk_group", 4},
                   {"first_k_dense_replace", 3},
                   {"num_nextn_predict_layers", 1},
                   {"max_position_embeddings", 4096},
                   {"routed_scaling_factor", 2.5},
                   {"rope_theta", 10000.0},
                   {"rms_norm_eps", 1e-6},
                   {"norm_topk_prob", true},
                   {"attention_bias", false},
                   {"rope_interleave", true},
                   {"tie_word_embeddings", false},
                   {"bos_token_id", 0},
                   {"eos_token_id", 1}},
      .null_is_value = {"q_lora_rank", "bos_token_id", "eos_token_id"},
      .fixed = {{"scoring_func", {"sigmoid"}}, {"topk_method", {"noaux_tc"}}, {"moe_layer_freq", {1}}},
      .aliases = {{"n_routed_experts", "num_local_experts"}, {"num_nextn_predict_layers", "num_mtp_layers"}}};
  static const ConfigClass v2 = {
      .architecture = "DeepseekV2ForCausalLM",
      .source = "models/deepseek_v2/configuration_deepseek_v2.py",
      .defaults = {{"q_lora_rank", 1536},
                   {"n_shared_experts", 2},
                   {"topk_method", "greedy"},
                   {"first_k_dense_replace", 0},
                   {"max_position_embeddings", 2048},
                   {"routed_scaling_factor", 1.0},
                   {"rope_theta", 10000.0},
                   {"rms_norm_eps", 1e-6},
                   {"attention_bias", false},
                   {"mlp_bias", false},
                   {"tie_word_embeddings", false},
                   {"bos_token_id", 1},
                   {"eos_token_id", 2}},
      .null_is_value = {"q_lora_rank", "bos_token_id", "eos_token_id"},
      .fixed = {{"scoring_func", {"softmax"}},
                {"moe_layer_freq", {1}},
                {"rope_interleave", {true}},
                {"num_nextn_predict_layers", {0}}},
      .aliases = {{"n_routed_experts", "num_experts"}, {"n_routed_experts", "num_local_experts"}}};
  return kind == DeepseekKind::v2 ? v2 : v3;
}

// "Off", as C's members begin.
const ConfigClass& recipe_class() {
  static const ConfigClass recipe = [] {
    ConfigClass c = class_of(DeepseekKind::v3);
    c.defaults = json::object{{"bos_token_id", 0}};
    return c;
  }();
  return recipe;
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

// What is no row of a table: ids, the rotation, quantization, V2's way to choose experts.
Status read_rest(ConfigReader& reader, C& c) {
  const auto ids = read_token_ids(reader, c.vocab_size);
  if (!ids) return ids.error();
  c.bos_token_id = ids->bos;
  c.eos_token_ids = ids->eos;
  const auto activation = read_activation(reader);
  if (!activation) return activation.error();
  c.activation = *activation;
  const auto rope = read_rope(reader, c.max_position_embeddings);
  if (!rope) return rope.error();
  if (auto s = check_factors(reader, *rope, c.qk_rope_head_dim); !s) return s;
  c.rope_theta = rope->theta;
  c.rope_scaling = rope->scaling;
  if (auto s = check_quantization(reader); !s) return s;
  if (c.kind == DeepseekKind::v3) return {};
  const json::value& method = *reader.value("topk_method");
  c.limit_groups = method == "group_limited_greedy";
  if (!c.limit_groups && method != "greedy")
    return wrong_value(reader.file(), "topk_method", method, "\"greedy\" or \"group_limited_greedy\"");
  return {};
}

Result<C> parse(DeepseekKind kind, const ConfigClass& of, const json::object& object, std::string_view file) {
  C c;
  c.kind = kind;
  auto reader = ConfigReader::open(object, of, file);
  if (!reader) return reader.error();
  if (auto s = reader->read(kind == DeepseekKind::v3 ? fields() : v2_fields(), c); !s) return s.error();
  if (auto s = reader->read(further_fields(kind), c); !s) return s.error();
  if (c.num_key_value_heads == 0) c.num_key_value_heads = c.num_attention_heads;
  if (auto s = read_rest(*reader, c); !s) return s.error();
  // transformers 5 sets both from the widths above, whatever a file says.
  for (const char* derived : {"head_dim", "qk_head_dim"}) reader->given(derived);
  auto read_over = reader->finish();
  if (!read_over) return read_over.error();
  c.read_over = std::move(*read_over);
  if (auto s = check(c, file); !s) return s.error();
  return c;
}

}  // namespace

Result<DeepseekV3Config> parse_deepseek_v3(const json::object& object, std::string_view file) {
  return parse(DeepseekKind::v3, class_of(DeepseekKind::v3), object, file);
}

Result<DeepseekV3Config> parse_deepseek_v2(const json::object& object, std::string_view file) {
  return parse(DeepseekKind::v2, class_of(DeepseekKind::v2), object, file);
}

namespace {

// Names before values: what is misspelled is missing under its right name too. They are those that are read over when
// everything else is there.
Status check_names(const json::object& object, std::string_view file) {
  C smallest;
  smallest.vocab_size = smallest.qk_rope_head_dim = smallest.qk_nope_head_dim = smallest.v_head_dim = 2;
  for (int64_t C::*one : {&C::hidden_size, &C::intermediate_size, &C::moe_intermediate_size, &C::num_hidden_layers,
                          &C::num_attention_heads, &C::num_key_value_heads, &C::kv_lora_rank, &C::n_routed_experts,
                          &C::num_experts_per_tok, &C::n_group, &C::topk_group, &C::max_position_embeddings})
    smallest.*one = 1;
  json::object all = to_json(smallest, "bfloat16");
  for (const auto& [name, value] : object)
    if (!all.contains(name)) all[name] = value;
  const auto c = parse(DeepseekKind::v3, recipe_class(), all, file);
  if (!c || c->read_over.empty()) return {};
  const std::string& first = c->read_over.front();  // `"name" = value`
  const std::string name = first.substr(1, first.find('"', 1) - 1);
  std::vector<std::string> known;
  for (const auto& f : fields()) known.emplace_back(f.name);
  const std::string meant = did_you_mean(name, known);
  return config_error(file, fmt::format("\"{}\" is not a field this program knows for {}{}", name,
                                        architecture_name(DeepseekKind::v3), meant.empty() ? "." : meant));
}

}  // namespace

Result<DeepseekV3Config> parse_recipe_model(const json::object& object, std::string_view file) {
  if (auto s = check_names(object, file); !s) return s.error();
  return parse(DeepseekKind::v3, recipe_class(), object, file);
}

namespace {

json::value fixed_value(std::string_view name) {
  for (const FixedField& f : class_of(DeepseekKind::v3).fixed)
    if (name == f.name) return f.values.front();
  return nullptr;
}

}  // namespace

std::string_view architecture_name(DeepseekKind kind) {
  return kind == DeepseekKind::v2 ? "DeepseekV2ForCausalLM" : "DeepseekV3ForCausalLM";
}

json::object to_json(const C& c, std::string_view torch_dtype) {
  json::object o;
  o["architectures"] = json::array{"DeepseekV3ForCausalLM"};
  o["model_type"] = "deepseek_v3";
  o["attention_bias"] = c.attention_bias;
  o["hidden_act"] = activation_name(c.activation);
  for (const char* name : {"scoring_func", "topk_method"}) o[name] = fixed_value(name);
  o["tie_word_embeddings"] = c.tie_word_embeddings;
  o["moe_layer_freq"] = fixed_value("moe_layer_freq");
  o["rope_interleave"] = c.rope_interleave;
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
  if (c.bos_token_id < 0) o["bos_token_id"] = nullptr;
  o["rope_scaling"] = c.rope_scaling ? json::value(to_json(*c.rope_scaling)) : json::value(nullptr);
  o["torch_dtype"] = torch_dtype;
  return o;
}

ops::RopeConfig DeepseekV3Config::rope() const {
  return rope_config(qk_rope_head_dim, rope_theta, rope_scaling, max_position_embeddings);
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
          .bias = attention_bias,
          .layout = rope_interleave ? kernels::RopeLayout::interleaved : kernels::RopeLayout::half,
          .scale = static_cast<float>(scale)};
}

MoeShape DeepseekV3Config::moe() const {
  const bool v3 = kind == DeepseekKind::v3;
  return {.hidden = hidden_size,
          .width = moe_intermediate_size,
          .shared_width = moe_intermediate_size * n_shared_experts,
          .shared_bias = mlp_bias,
          .correction_bias = v3,
          .activation = activation,
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

#include "models/config/llama.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/config/activation.h"
#include "models/config/quantization.h"

namespace jamsu::models {
namespace {

namespace json = boost::json;
using C = LlamaConfig;
using Fields = std::vector<ConfigField<C>>;

constexpr double kHuge = 1e9;

struct Kind {
  LlamaKind kind;
  const char* architecture;
};
constexpr std::array<Kind, 5> kKinds = {{{LlamaKind::llama, "LlamaForCausalLM"},
                                         {LlamaKind::qwen2, "Qwen2ForCausalLM"},
                                         {LlamaKind::qwen3, "Qwen3ForCausalLM"},
                                         {LlamaKind::qwen3_moe, "Qwen3MoeForCausalLM"},
                                         {LlamaKind::hyperclovax, "HyperCLOVAXForCausalLM"}}};

bool is_qwen(LlamaKind kind) {
  return kind == LlamaKind::qwen2 || kind == LlamaKind::qwen3 || kind == LlamaKind::qwen3_moe;
}

Fields make_fields(LlamaKind kind) {
  Fields f = {
      {"vocab_size", "tokens", "rows of the embedding and of the head", &C::vocab_size, 1, 4e6, true},
      {"hidden_size", "values", "width of the residual stream", &C::hidden_size, 1, 1e6, true},
      {"intermediate_size", "values", "width of the MLP", &C::intermediate_size, 1, 1e7, true},
      {"num_hidden_layers", "layers", "decoder layers", &C::num_hidden_layers, 1, 10000, true},
      {"num_attention_heads", "heads", "query heads", &C::num_attention_heads, 1, 65536, true},
      {"num_key_value_heads", "heads", "key and value heads; missing: as many as query heads", &C::num_key_value_heads,
       1, 65536, false},  // 0: null
      {"head_dim", "values", "width of a head; missing: hidden_size / num_attention_heads", &C::head_dim, 2, 1024,
       false},
      {"max_position_embeddings", "tokens", "context length", &C::max_position_embeddings, 1, kHuge, true},
      {"rope_theta", "", "base of the rotation's frequencies", &C::rope_theta, 1.0001, 1e12, false},
      {"rms_norm_eps", "", "epsilon of the norms", &C::rms_norm_eps, 0, 1, false},
      {"tie_word_embeddings", "", "the head multiplies with the embedding", &C::tie_word_embeddings, 0, 1, false},
  };
  const auto flag = [&](const char* name, const char* help, bool C::*member) {
    f.push_back({name, "", help, member, 0, 1, false});
  };
  if (kind != LlamaKind::qwen2)
    flag("attention_bias", "biases of queries, keys, values and output", &C::attention_bias);
  if (kind == LlamaKind::llama || kind == LlamaKind::hyperclovax) flag("mlp_bias", "biases of the MLP", &C::mlp_bias);
  if (is_qwen(kind)) {
    f.push_back({"use_sliding_window", "", "some layers see a window alone", &C::use_sliding_window, 0, 1, false});
    f.push_back({"sliding_window", "tokens", "what a query of such a layer sees, its own included", &C::sliding_window,
                 1, kHuge, false});
    f.push_back({"max_window_layers", "layers", "the first ones, which see everything", &C::max_window_layers, 0, kHuge,
                 false});
  }
  if (kind == LlamaKind::qwen3_moe) {
    f.push_back({"num_experts", "experts", "routed experts per MoE layer", &C::num_experts, 1, 65536, true});
    f.push_back({"num_experts_per_tok", "experts", "experts a token uses", &C::num_experts_per_tok, 1, 65536, true});
    f.push_back({"moe_intermediate_size", "values", "width of one expert", &C::moe_intermediate_size, 1, 1e7, true});
    f.push_back({"decoder_sparse_step", "layers", "every so many layers one is a mixture of experts",
                 &C::decoder_sparse_step, 1, 10000, false});
    f.push_back(
        {"norm_topk_prob", "", "divide the chosen experts' weights by their sum", &C::norm_topk_prob, 0, 1, false});
  }
  if (kind == LlamaKind::hyperclovax) {
    f.push_back({"embedding_multiplier", "", "factor on the embedding", &C::embedding_multiplier, 1e-6, 1e6, false});
    f.push_back(
        {"residual_multiplier", "", "factor on what a sub-layer adds", &C::residual_multiplier, 1e-6, 1e6, false});
    f.push_back({"logits_scaling", "", "factor on the logits", &C::logits_scaling, 1e-6, 1e6, false});
    f.push_back({"use_post_norm", "", "norms behind attention and MLP too", &C::use_post_norm, 0, 1, false});
  }
  return f;
}

const Fields& fields(LlamaKind kind) {
  static const std::array<Fields, kKinds.size()> all = [] {
    std::array<Fields, kKinds.size()> tables;
    for (const Kind& k : kKinds) tables[static_cast<size_t>(k.kind)] = make_fields(k.kind);
    return tables;
  }();
  return all[static_cast<size_t>(kind)];
}

// The classes of transformers 5.24. Without a default: what tensors are shaped by.
const ConfigClass& class_of(LlamaKind kind) {
  using json::object;
  static const FixedField kQkNorm = {"use_qk_norm", {true}};
  static const object decoder = {{"rope_theta", 10000.0}, {"rms_norm_eps", 1e-6}, {"tie_word_embeddings", false}};
  static const auto with = [](std::initializer_list<std::pair<const char*, json::value>> more) {
    object all = decoder;
    for (const auto& [name, value] : more) all[name] = value;
    return all;
  };
  static const ConfigClass
      llama = {.architecture = "LlamaForCausalLM",
               .source = "models/llama/configuration_llama.py",
               .defaults = with({{"max_position_embeddings", 2048},
                                 {"num_key_value_heads", nullptr},
                                 {"attention_bias", false},
                                 {"mlp_bias", false},
                                 {"bos_token_id", 1},
                                 {"eos_token_id", 2}}),
               .null_is_value = {"num_key_value_heads", "head_dim", "bos_token_id", "eos_token_id"},
               .fixed = {},
               .aliases = {}},
      qwen2 = {.architecture = "Qwen2ForCausalLM",
               .source = "models/qwen2/configuration_qwen2.py",
               .defaults = with({{"max_position_embeddings", 32768},
                                 {"num_key_value_heads", 32},
                                 {"use_sliding_window", false},
                                 {"sliding_window", 4096},
                                 {"max_window_layers", 28}}),
               .null_is_value = {"num_key_value_heads", "head_dim", "sliding_window", "bos_token_id", "eos_token_id"},
               // Biases of queries, keys and values are the class's own; it asks no field.
               .fixed = {{"attention_bias", {true, false}}, {"qkv_bias", {true}}},
               .aliases = {}},
      qwen3 = {.architecture = "Qwen3ForCausalLM",
               .source = "models/qwen3/configuration_qwen3.py",
               .defaults = with({{"max_position_embeddings", 32768},
                                 {"num_key_value_heads", 32},
                                 {"head_dim", 128},
                                 {"attention_bias", false},
                                 {"use_sliding_window", false},
                                 {"sliding_window", 4096},
                                 {"max_window_layers", 28}}),
               .null_is_value = {"num_key_value_heads", "sliding_window", "bos_token_id", "eos_token_id"},
               .fixed = {kQkNorm},
               .aliases = {}},
      qwen3_moe = {.architecture = "Qwen3MoeForCausalLM",
                   .source = "models/qwen3_moe/configuration_qwen3_moe.py",
                   .defaults = with({{"max_position_embeddings", 32768},
                                     {"num_key_value_heads", 4},
                                     {"attention_bias", false},
                                     {"use_sliding_window", false},
                                     {"sliding_window", 4096},
                                     {"num_experts_per_tok", 8},
                                     {"decoder_sparse_step", 1},
                                     {"norm_topk_prob", false}}),
                   .null_is_value = {"head_dim", "sliding_window", "bos_token_id", "eos_token_id"},
                   .fixed = {kQkNorm},
                   .aliases = {{"num_experts", "num_local_experts"}}},
      hyperclovax = {.architecture = "HyperCLOVAXForCausalLM",
                     .source = "models/hyperclovax/configuration_hyperclovax.py",
                     .defaults = with({{"max_position_embeddings", 2048},
                                       {"num_key_value_heads", nullptr},
                                       {"attention_bias", false},
                                       {"mlp_bias", false},
                                       {"embedding_multiplier", 1.0},
                                       {"residual_multiplier", 1.0},
                                       {"logits_scaling", 1.0},
                                       {"use_post_norm", true},
                                       {"bos_token_id", 1},
                                       {"eos_token_id", 2}}),
                     .null_is_value = {"num_key_value_heads", "head_dim", "bos_token_id", "eos_token_id"},
                     .fixed = {},
                     .aliases = {}};
  switch (kind) {
    case LlamaKind::qwen2:
      return qwen2;
    case LlamaKind::qwen3:
      return qwen3;
    case LlamaKind::qwen3_moe:
      return qwen3_moe;
    case LlamaKind::hyperclovax:
      return hyperclovax;
    case LlamaKind::llama:
      break;
  }
  return llama;
}

// Null: none, as where it is missing.
Status read_mlp_only_layers(ConfigReader& reader, C& c) {
  const json::value* given = reader.given("mlp_only_layers");
  if (!given) return {};
  const json::value& value = *given;
  const std::string_view file = reader.file();
  if (!value.is_array()) return wrong_value(file, "mlp_only_layers", value, "a list of layers");
  for (const json::value& item : value.as_array()) {
    const auto layer = as_integer(item);
    if (!layer || *layer < 0) return wrong_value(file, "mlp_only_layers", value, "a list of layers");
    c.mlp_only_layers.push_back(*layer);
  }
  return {};
}

// layer_types (transformers 5): whether each layer slides.
Result<std::vector<bool>> read_layer_types(const json::value& value, std::string_view file) {
  const auto bad = [&] {
    return wrong_value(file, "layer_types", value,
                       "a list of \"full_attention\" and \"sliding_attention\", the kinds this program knows here");
  };
  if (!value.is_array()) return bad();
  std::vector<bool> sliding;
  for (const json::value& type : value.as_array()) {
    if (type != "full_attention" && type != "sliding_attention") return bad();
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

// Which layers slide: those that layer_types names or, without it, those from max_window_layers on (Qwen2Config). Of a
// Qwen3-MoE all do: its class asks neither field.
Status set_windows(ConfigReader& reader, C& c) {
  const auto bad = [&](const std::string& text) { return config_error(reader.file(), text); };
  const auto layers = static_cast<size_t>(c.num_hidden_layers);
  std::optional<std::vector<bool>> layer_types;
  if (const json::value* v = reader.given("layer_types")) {
    auto types = read_layer_types(*v, reader.file());
    if (!types) return types.error();
    layer_types = std::move(*types);
    if (layer_types->size() != layers)
      return bad(
          fmt::format("\"layer_types\" names {} of {} layers (\"num_hidden_layers\").", layer_types->size(), layers));
  }
  const bool named = layer_types && std::find(layer_types->begin(), layer_types->end(), true) != layer_types->end();
  if (!c.use_sliding_window || !c.sliding_window) {
    if (!named) return {};
    return bad(c.use_sliding_window
                   ? "\"sliding_window\" is null, but \"layer_types\" has \"sliding_attention\"."
                   : "\"layer_types\" has \"sliding_attention\", but \"use_sliding_window\" is not true.");
  }
  c.sliding.assign(layers, true);
  if (c.kind == LlamaKind::qwen3_moe) return {};
  for (size_t i = 0; i < layers && static_cast<int64_t>(i) < c.max_window_layers; ++i) c.sliding[i] = false;
  if (layer_types) c.sliding = *layer_types;
  return {};
}

// attention_multiplier: null is the width of a head ^ -1/2.
Status read_attention_multiplier(ConfigReader& reader, C& c) {
  const json::value* v = reader.given("attention_multiplier");
  if (!v) return {};
  c.attention_multiplier = as_number(*v);
  if (c.attention_multiplier && *c.attention_multiplier > 0) return {};
  return wrong_value(reader.file(), "attention_multiplier", *v, "a positive number");
}

// What must hold between heads and widths.
Status check_shape(const C& c, std::string_view file) {
  const auto bad = [&](const std::string& text) { return config_error(file, text); };
  if (!c.head_dim && c.hidden_size % c.num_attention_heads != 0)
    return bad(
        fmt::format("\"num_attention_heads\" = {} does not divide \"hidden_size\" = {}, and \"head_dim\" is "
                    "missing.",
                    c.num_attention_heads, c.hidden_size));
  if (c.head_width() % 2 != 0 || c.head_width() > 1024)
    return bad(fmt::format("\"head_dim\" = {} is {}.", c.head_width(), c.head_width() % 2 ? "odd" : "above 1024"));
  if (c.num_attention_heads % c.num_key_value_heads != 0)
    return bad(fmt::format("\"num_key_value_heads\" = {} does not divide \"num_attention_heads\" = {}.",
                           c.num_key_value_heads, c.num_attention_heads));
  return {};
}

Status check_experts_of(const C& c, std::string_view file) {
  const auto bad = [&](const std::string& text) { return config_error(file, text); };
  if (c.num_experts_per_tok > c.num_experts)
    return bad(fmt::format("\"num_experts_per_tok\" = {} is larger than \"num_experts\" = {}.", c.num_experts_per_tok,
                           c.num_experts));
  if (auto s = check_experts(c.num_hidden_layers, c.num_experts, "num_experts", file); !s) return s;
  for (const int64_t layer : c.mlp_only_layers)
    if (layer >= c.num_hidden_layers)
      return bad(fmt::format("\"mlp_only_layers\" names layer {} of {}.", layer, c.num_hidden_layers));
  return {};
}

}  // namespace

std::string_view architecture_name(LlamaKind kind) {
  for (const Kind& k : kKinds)
    if (k.kind == kind) return k.architecture;
  return "";
}

std::optional<LlamaKind> llama_kind(std::string_view architecture) {
  for (const Kind& k : kKinds)
    if (architecture == k.architecture) return k.kind;
  return std::nullopt;
}

bool LlamaConfig::is_moe_layer(int64_t layer) const {
  return num_experts > 0 && (layer + 1) % decoder_sparse_step == 0 &&
         std::find(mlp_only_layers.begin(), mlp_only_layers.end(), layer) == mlp_only_layers.end();
}

int64_t LlamaConfig::window(int64_t layer) const {
  return !sliding.empty() && sliding[static_cast<size_t>(layer)] ? *sliding_window : kernels::kNoWindow;
}

GqaShape LlamaConfig::attention(int64_t layer) const {
  const double scale = attention_multiplier.value_or(1.0 / std::sqrt(static_cast<double>(head_width())));
  return {.hidden = hidden_size,
          .heads = num_attention_heads,
          .key_heads = num_key_value_heads,
          .width = head_width(),
          .bias = kind == LlamaKind::qwen2 || attention_bias,
          .out_bias = attention_bias,
          .norm = kind == LlamaKind::qwen3 || kind == LlamaKind::qwen3_moe ? QkNorm::head : QkNorm::none,
          .eps = static_cast<float>(rms_norm_eps),
          .scale = static_cast<float>(scale),
          .window = window(layer)};
}

MoeShape LlamaConfig::moe() const {
  return {.hidden = hidden_size,
          .width = moe_intermediate_size,
          .shared_width = 0,
          .correction_bias = false,
          .activation = activation,
          .router = {.score = ops::RouterScore::softmax,
                     .group_score = ops::GroupScore::best,
                     .experts = num_experts,
                     .top_k = num_experts_per_tok,
                     .groups = 1,
                     .keep_groups = 1,
                     .normalize = norm_topk_prob,
                     .scaling = 1.0f}};
}

namespace {

// What is no row of the table.
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
  if (auto s = check_factors(reader, *rope, c.head_width()); !s) return s;
  c.rope_theta = rope->theta;
  c.rope_scaling = rope->scaling;
  if (auto s = check_quantization(reader); !s) return s;
  if (c.kind == LlamaKind::hyperclovax)
    if (auto s = read_attention_multiplier(reader, c); !s) return s;
  if (c.kind == LlamaKind::qwen3_moe)
    if (auto s = read_mlp_only_layers(reader, c); !s) return s;
  return is_qwen(c.kind) ? set_windows(reader, c) : Status{};
}

}  // namespace

Result<LlamaConfig> parse_llama(LlamaKind kind, const json::object& object, std::string_view file) {
  C c;
  c.kind = kind;
  auto reader = ConfigReader::open(object, class_of(kind), file);
  if (!reader) return reader.error();
  if (auto s = reader->read(fields(kind), c); !s) return s.error();
  if (c.num_key_value_heads == 0) c.num_key_value_heads = c.num_attention_heads;
  if (auto s = check_shape(c, file); !s) return s.error();
  if (auto s = read_rest(*reader, c); !s) return s.error();
  auto read_over = reader->finish();
  if (!read_over) return read_over.error();
  c.read_over = std::move(*read_over);
  if (auto s = check_experts_of(c, file); !s) return s.error();
  return c;
}

}  // namespace jamsu::models

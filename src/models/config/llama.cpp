#include "models/config/llama.h"

#include <algorithm>
#include <array>
#include <cmath>

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
       1, 65536, false},
      {"head_dim", "values", "width of a head; missing: hidden_size / num_attention_heads", &C::head_dim, 2, 1024,
       false},
      {"max_position_embeddings", "tokens", "context length", &C::max_position_embeddings, 1, kHuge, true},
      {"rope_theta", "", "base of the rotation's frequencies", &C::rope_theta, 1.0001, 1e12, false},
      {"rms_norm_eps", "", "epsilon of the norms", &C::rms_norm_eps, 0, 1, false},
      {"tie_word_embeddings", "", "the head multiplies with the embedding", &C::tie_word_embeddings, 0, 1, false},
      {"bos_token_id", "id", "first token of a text", &C::bos_token_id, 0, kHuge, false},
  };
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

const std::vector<FixedField>& fixed_fields(LlamaKind kind) {
  static const std::vector<FixedField> qwen = {{"hidden_act", "silu"}, {"attention_bias", false}, {"mlp_bias", false}};
  static const std::vector<FixedField> others = {
      {"hidden_act", "silu"}, {"attention_bias", false}, {"mlp_bias", false}, {"use_sliding_window", false}};
  return is_qwen(kind) ? qwen : others;
}

// Known fields that do not touch the forward, beside those of every architecture.
bool ignored(LlamaKind kind, std::string_view name) {
  if (never_matters(name) || (is_qwen(kind) && name == "use_mrope")) return true;
  return name == "summary_first_dropout" || name == "end_token_id";
}

Status read_mlp_only_layers(const json::value& value, C& c, std::string_view file) {
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

// Which layers slide: those that layer_types names, or those from max_window_layers on. transformers 5.23 reads neither
// for Qwen3-MoE, where all slide.
Status set_windows(const std::optional<std::vector<bool>>& layer_types, C& c, std::string_view file) {
  const auto bad = [&](const std::string& text) { return config_error(file, text); };
  const auto layers = static_cast<size_t>(c.num_hidden_layers);
  if (layer_types && layer_types->size() != layers)
    return bad(
        fmt::format("\"layer_types\" names {} of {} layers (\"num_hidden_layers\").", layer_types->size(), layers));
  if (!c.use_sliding_window) {
    if (layer_types && std::find(layer_types->begin(), layer_types->end(), true) != layer_types->end())
      return bad("\"layer_types\" has \"sliding_attention\", but \"use_sliding_window\" is not true.");
    return {};
  }
  if (!c.sliding_window) return bad("\"sliding_window\" is missing or null, but \"use_sliding_window\" is true.");
  std::optional<int64_t> first = c.max_window_layers;
  if (c.kind == LlamaKind::qwen3_moe) {
    if (first.value_or(0) != 0)
      return bad(fmt::format("\"max_window_layers\" = {}, but with \"use_sliding_window\" all layers of a {} slide.",
                             *first, architecture_name(c.kind)));
    first = 0;
  }
  if (!first && !layer_types)
    return bad("\"max_window_layers\" is missing, and \"layer_types\" too, but \"use_sliding_window\" is true.");
  std::vector<bool> sliding(layers, true);
  for (size_t i = 0; i < layers && static_cast<int64_t>(i) < first.value_or(0); ++i) sliding[i] = false;
  if (layer_types && first && *layer_types != sliding)
    return bad(
        fmt::format("\"layer_types\" contradicts \"max_window_layers\" = {}: the layers from there on slide.", *first));
  c.sliding = layer_types.value_or(sliding);
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
  if (c.head_width() % 2 != 0 || c.head_width() > 1024)
    return bad(fmt::format("\"head_dim\" = {} is {}.", c.head_width(), c.head_width() % 2 ? "odd" : "above 1024"));
  if (c.num_attention_heads % c.num_key_value_heads != 0)
    return bad(fmt::format("\"num_key_value_heads\" = {} does not divide \"num_attention_heads\" = {}.",
                           c.num_key_value_heads, c.num_attention_heads));
  if (c.num_experts_per_tok > c.num_experts)
    return bad(fmt::format("\"num_experts_per_tok\" = {} is larger than \"num_experts\" = {}.", c.num_experts_per_tok,
                           c.num_experts));
  if (auto s = check_experts(c.num_hidden_layers, c.num_experts, "num_experts", file); !s) return s;
  for (const int64_t layer : c.mlp_only_layers)
    if (layer >= c.num_hidden_layers)
      return bad(fmt::format("\"mlp_only_layers\" names layer {} of {}.", layer, c.num_hidden_layers));
  return check_ids(c.bos_token_id, c.eos_token_ids, c.vocab_size, file);
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
          .bias = kind == LlamaKind::qwen2,
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
          .router = {.score = ops::RouterScore::softmax,
                     .group_score = ops::GroupScore::best,
                     .experts = num_experts,
                     .top_k = num_experts_per_tok,
                     .groups = 1,
                     .keep_groups = 1,
                     .normalize = norm_topk_prob,
                     .scaling = 1.0f}};
}

Result<LlamaConfig> parse_llama(LlamaKind kind, const json::object& object, std::string_view file) {
  C c;
  c.kind = kind;
  std::optional<std::vector<bool>> layer_types;
  for (const auto& [key, value] : object) {
    const std::string_view name(key.data(), key.size());
    const auto known = read_known(fields(kind), fixed_fields(kind), name, value, c, file);
    if (!known) return known.error();
    const auto shared = read_shared(name, value, {"yarn", "llama3", "linear"}, c, file);
    if (!shared) return shared.error();
    if (*known || *shared) continue;
    Status status;
    if (name == "attention_multiplier" && kind == LlamaKind::hyperclovax) {
      c.attention_multiplier = as_number(value);
      if (!value.is_null() && (!c.attention_multiplier || *c.attention_multiplier <= 0))
        status = wrong_value(file, name, value, "a positive number");
    } else if (name == "mlp_only_layers" && kind == LlamaKind::qwen3_moe) {
      status = read_mlp_only_layers(value, c, file);
    } else if (name == "layer_types") {
      auto types = read_layer_types(value, file);
      if (!types) return types.error();
      layer_types = std::move(*types);
    } else if (!ignored(kind, name)) {
      status = config_error(
          file, fmt::format("\"{}\" is not a field this program knows for {}.", name, architecture_name(kind)));
    }
    if (!status) return status.error();
  }
  if (auto s = check_required(fields(kind), object, file); !s) return s.error();
  if (!object.contains("num_key_value_heads")) c.num_key_value_heads = c.num_attention_heads;
  if (auto s = check(c, file); !s) return s.error();
  if (auto s = set_windows(layer_types, c, file); !s) return s.error();
  return c;
}

}  // namespace jamsu::models

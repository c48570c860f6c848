#include "train/recipe.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/files.h"
#include "train/recipe_fields.h"

// toml++ 3.3 answers some malformed input (`a = #`) with assert(): made an exception that parse() catches.
namespace jamsu::train {
struct TomlAssertion {};
[[noreturn]] inline void toml_assertion() {
  throw TomlAssertion{};
}
}  // namespace jamsu::train
#undef NDEBUG
#define TOML_ASSERT(condition) (static_cast<bool>(condition) ? static_cast<void>(0) : ::jamsu::train::toml_assertion())
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

namespace jamsu::train {
namespace {

namespace json = boost::json;

// Reads tables; keeps the first error, and where every field stands.
class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  Error at(uint32_t line, const std::string& text) const {
    return Error{line > 0 ? fmt::format("recipe {}:{}: {}.", name_, line, text)
                          : fmt::format("recipe {}: {}.", name_, text)};
  }
  // At the line of a field, or of its section where the field is not written.
  Error at_field(const std::string& field, const std::string& text) const {
    for (std::string f = field;; f.resize(f.rfind('.'))) {
      if (const auto it = lines_.find(f); it != lines_.end()) return at(it->second, text);
      if (f.find('.') == std::string::npos) return at(0, text);
    }
  }
  bool written(const std::string& field) const { return lines_.contains(field); }
  void note(const std::string& field, const toml::node& node) { lines_[field] = node.source().begin.line; }

  template <class S>
  Status read(const toml::table& table, const std::string& section, const std::vector<RecipeField<S>>& fields, S& out) {
    return read_table(table, section, "", fields, out);
  }

 private:
  template <class S>
  Status read_table(const toml::table& table, const std::string& section, const std::string& prefix,
                    const std::vector<RecipeField<S>>& fields, S& out) {
    for (const auto& [key, node] : table) {
      const std::string name = prefix + std::string(key.str());
      const RecipeField<S>* field = nullptr;
      bool is_group = false;
      for (const auto& f : fields) {
        if (name == f.name) field = &f;
        is_group |= std::string_view(f.name).starts_with(name + ".");
      }
      note(section + "." + name, node);
      if (field) {
        if (auto s = read_value(*field, section + "." + name, node, out); !s) return s;
      } else if (is_group && node.is_table()) {
        if (auto s = read_table(*node.as_table(), section, name + ".", fields, out); !s) return s;
      } else if (is_group) {
        return at(key.source().begin.line, fmt::format("{}.{} is no table", section, name));
      } else if (!(section == "data" && name == "files")) {
        return at(key.source().begin.line, fmt::format("{}.{} is not a field of a recipe", section, name));
      }
    }
    return {};
  }

  template <class S>
  Status read_value(const RecipeField<S>& f, const std::string& full, const toml::node& node, S& out) const {
    Status status;
    const uint32_t line = node.source().begin.line;
    with_member(out, f.member,
                [&](auto& member) { status = assign(f.low, f.high, f.choices, full, line, node, member); });
    return status;
  }

  static std::string shown(const toml::node& node) {
    std::ostringstream text;
    node.visit([&](const auto& value) { text << value; });
    return text.str();
  }

  Status in_range(double value, double low, double high, const std::string& full, uint32_t line,
                  const toml::node& node) const {
    if (value >= low && value <= high) return {};
    return at(line, fmt::format("{} = {} is not between {:g} and {:g}", full, shown(node), low, high));
  }

  Status assign(double low, double high, const char*, const std::string& full, uint32_t line, const toml::node& node,
                int64_t& out) const {
    // 60e6 is a whole number too.
    const auto whole = node.value_exact<int64_t>();
    const auto real = node.value_exact<double>();
    if (!whole && !(real && std::floor(*real) == *real && std::abs(*real) < 9e15))
      return at(line, fmt::format("{} = {} is not a whole number", full, shown(node)));
    out = whole ? *whole : static_cast<int64_t>(*real);
    return in_range(static_cast<double>(out), low, high, full, line, node);
  }
  Status assign(double low, double high, const char*, const std::string& full, uint32_t line, const toml::node& node,
                double& out) const {
    const auto whole = node.value_exact<int64_t>();
    const auto real = node.value_exact<double>();
    if (!whole && !(real && std::isfinite(*real)))
      return at(line, fmt::format("{} = {} is not a number", full, shown(node)));
    out = whole ? static_cast<double>(*whole) : *real;
    return in_range(out, low, high, full, line, node);
  }
  Status assign(double, double, const char*, const std::string& full, uint32_t line, const toml::node& node,
                bool& out) const {
    const auto value = node.value_exact<bool>();
    if (!value) return at(line, fmt::format("{} = {} is not true or false", full, shown(node)));
    out = *value;
    return {};
  }
  Status assign(double, double, const char* choices, const std::string& full, uint32_t line, const toml::node& node,
                std::string& out) const {
    const auto value = node.value_exact<std::string>();
    if (!value) return at(line, fmt::format("{} = {} is not a string", full, shown(node)));
    if (choices && ("|" + std::string(choices) + "|").find("|" + *value + "|") == std::string::npos)
      return at(line, fmt::format("{} = \"{}\" is none of {}", full, *value, choices));
    out = *value;
    return {};
  }

  std::string name_;
  std::map<std::string, uint32_t> lines_;
};

// toml -> JSON, for the config's own parser.
json::value to_json_value(const toml::node& node) {
  if (const auto* t = node.as_table()) {
    json::object o;
    for (const auto& [key, value] : *t) o[std::string_view(key.str())] = to_json_value(value);
    return o;
  }
  if (const auto* a = node.as_array()) {
    json::array list;
    for (const auto& value : *a) list.push_back(to_json_value(value));
    return list;
  }
  if (const auto v = node.value_exact<int64_t>()) return *v;
  if (const auto v = node.value_exact<double>()) return *v;
  if (const auto v = node.value_exact<bool>()) return *v;
  if (const auto v = node.value_exact<std::string>()) return json::string(*v);
  return nullptr;  // dates; refused by the field's own check
}

Status read_model(const toml::table& table, Reader& reader, models::DeepseekV3Config& model) {
  for (const auto& [key, node] : table) reader.note("model." + std::string(key.str()), node);
  auto config = models::parse_deepseek_v3(to_json_value(table).as_object(), "");
  if (config) {
    model = *config;
    return {};
  }
  // `: "n_group" = 4 does not divide "n_routed_experts" = 18.` -> the line of n_group.
  std::string text = config.error().message.substr(2);
  if (text.ends_with('.')) text.pop_back();
  const size_t open = text.find('"'), close = text.find('"', open + 1);
  const std::string field = close == std::string::npos ? "" : text.substr(open + 1, close - open - 1);
  return reader.at_field("model." + field.substr(0, field.find('.')), "model: " + text);
}

Status check_data(const DataRecipe& d, const Reader& reader) {
  const int64_t sum = d.arithmetic + d.word_korean + d.word_english + d.misc + d.talk + d.repeat;
  if (sum != 100) return reader.at_field("data.mix", fmt::format("data.mix adds up to {} percent, not 100", sum));
  if (d.tasks_weight == 0 && d.files.empty())
    return reader.at_field("data.tasks_weight",
                           "data.tasks_weight = 0 and no [[data.files]]: there is nothing to train on");
  return {};
}

// What must hold between the fields of a stage.
Status check_stage(const std::string& section, StageRecipe& s, const models::DeepseekV3Config& model,
                   const Reader& reader) {
  const auto bad = [&](const char* field, const std::string& text) {
    return reader.at_field(section + "." + field, section + "." + text);
  };
  if (!reader.written(section + ".tokens")) return bad("tokens", "tokens is missing (length of the stage)");
  const auto multiple = [&](const char* field, int64_t value, const char* of, int64_t unit) -> Status {
    if (value % unit) return bad(field, fmt::format("{} = {} is not a multiple of {} = {}", field, value, of, unit));
    return {};
  };
  if (auto r = multiple("batch_tokens", s.batch_tokens, "context", s.context); !r) return r;
  if (auto r = multiple("micro_batch_tokens", s.micro_batch_tokens, "context", s.context); !r) return r;
  if (auto r = multiple("batch_tokens", s.batch_tokens, "micro_batch_tokens", s.micro_batch_tokens); !r) return r;
  if (s.batch_tokens / s.micro_batch_tokens % s.gradient_slots)
    return bad("gradient_slots", fmt::format("gradient_slots = {} does not divide the {} micro-batches of a step",
                                             s.gradient_slots, s.batch_tokens / s.micro_batch_tokens));
  if (s.context > model.max_position_embeddings)
    return bad("context", fmt::format("context = {} is larger than model.max_position_embeddings = {}", s.context,
                                      model.max_position_embeddings));
  const auto unused = [&](const char* field, bool used) -> Status {
    if (!used && reader.written(section + ".learning_rate." + field))
      return bad((std::string("learning_rate.") + field).c_str(),
                 fmt::format("learning_rate.{} has no use with schedule = \"{}\"", field, s.schedule));
    return {};
  };
  const bool wsd = s.schedule == "wsd" || s.schedule == "wsd_sqrt", v3 = s.schedule == "v3";
  if (auto r = unused("decay_fraction", wsd); !r) return r;
  if (auto r = unused("floor_ratio", !v3 && s.schedule != "constant"); !r) return r;
  for (const char* field : {"v3_constant", "v3_cosine", "v3_mid", "v3_mid_ratio", "v3_last_ratio"})
    if (auto r = unused(field, v3); !r) return r;
  if (auto r = s.learning_rate().check(); !r) return bad("learning_rate", "learning_rate: " + r.error().message);
  if (model.num_nextn_predict_layers == 0) {
    if (s.mtp_lambda > 0 && reader.written(section + ".mtp_lambda"))
      return bad("mtp_lambda", fmt::format("mtp_lambda = {} where model.num_nextn_predict_layers = 0", s.mtp_lambda));
    s.mtp_lambda = 0;
  }
  return {};
}

Status read_stage(const toml::table& root, const char* section, const StageRecipe& defaults,
                  const models::DeepseekV3Config& model, Reader& reader, std::optional<StageRecipe>& out) {
  const toml::node* node = root.get(section);
  if (!node) return {};
  if (!node->is_table()) return reader.at(node->source().begin.line, fmt::format("{} is no table", section));
  StageRecipe stage = defaults;
  if (auto s = reader.read(*node->as_table(), section, stage_fields(), stage); !s) return s;
  if (auto s = check_stage(section, stage, model, reader); !s) return s;
  out = stage;
  return {};
}

Status read_files(const toml::table& data, Reader& reader, std::vector<DataFile>& files) {
  const toml::node* node = data.get("files");
  if (!node) return {};
  const toml::array* list = node->as_array();
  if (!list || !list->is_homogeneous(toml::node_type::table))
    return reader.at(node->source().begin.line, "data.files is no list of tables ([[data.files]])");
  for (const toml::node& entry : *list) {
    DataFile file;
    if (auto s = reader.read(*entry.as_table(), "data.files", file_fields(), file); !s) return s;
    const bool text = file.path.ends_with(".txt"), lines = file.path.ends_with(".jsonl");
    if (!text && !lines)
      return reader.at(entry.source().begin.line,
                       fmt::format("data.files.path = \"{}\" is neither a .txt nor a .jsonl file", file.path));
    if (lines && file.split != "none")
      return reader.at(
          entry.source().begin.line,
          fmt::format("data.files.split = \"{}\" has no use with a .jsonl file: each line is a document", file.split));
    files.push_back(std::move(file));
  }
  return {};
}

const toml::table* table_of(const toml::table& root, const char* section) {
  const toml::node* node = root.get(section);
  return node ? node->as_table() : nullptr;
}

}  // namespace

Schedule StageRecipe::learning_rate() const {
  const auto kind = schedule_from_name(schedule);
  JAMSU_CHECK(kind.ok());
  const int64_t total = total_steps();
  const auto part = [&](double fraction) {
    return static_cast<int64_t>(std::floor(fraction * static_cast<double>(total) + 0.5));
  };
  const int64_t warmup = (warmup_tokens + batch_tokens - 1) / batch_tokens;
  return {.kind = *kind,
          .peak = peak,
          .floor = *kind == ScheduleKind::constant || *kind == ScheduleKind::v3 ? 0 : peak * floor_ratio,
          .warmup = warmup,
          .total = total,
          .decay = part(decay_fraction),
          .constant_until = part(v3_constant),
          .cosine_steps = part(v3_cosine),
          .mid_steps = part(v3_mid),
          .mid = peak * v3_mid_ratio,
          .last = peak * v3_last_ratio};
}

StepOptions StageRecipe::step_options(int64_t step) const {
  StepOptions o;
  o.losses.mtp_lambda = mtp_lambda;
  o.losses.balance_alpha = balance_alpha;
  o.optimizer = optimizer;
  o.optimizer.muon = matrices == "muon";
  o.learning_rate = learning_rate().rate(step);
  o.bias_gamma = bias_gamma;
  o.gradient_slots = gradient_slots;
  return o;
}

DataOptions StageRecipe::data_options(int64_t data_seed) const {
  return {.context = context,
          .rows = batch_tokens / context,
          .document_mask = document_mask,
          .seed = static_cast<uint64_t>(data_seed)};
}

Result<Recipe> parse_recipe(std::string_view text, const std::string& file) {
  Recipe recipe;
  recipe.name = std::filesystem::path(file).filename().string();
  recipe.folder = parent_folder(file);
  recipe.text = text;
  Reader reader(recipe.name);
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& e) {
    std::string what(e.description());
    if (what.ends_with('.')) what.pop_back();
    return reader.at(e.source().begin.line, what);
  } catch (const TomlAssertion&) {
    return reader.at(0, "is not TOML: a value is missing");
  }
  static const std::set<std::string_view> kSections = {"model", "tokenizer", "data", "pretrain", "sft"};
  for (const auto& [key, node] : root) {
    if (!kSections.contains(key.str()))
      return reader.at(
          key.source().begin.line,
          fmt::format("[{}] is not a section of a recipe (model, tokenizer, data, pretrain, sft)", key.str()));
    if (!node.is_table()) return reader.at(node.source().begin.line, fmt::format("{} is no table", key.str()));
    reader.note(std::string(key.str()), node);
  }
  const toml::table* model = table_of(root, "model");
  if (!model) return reader.at(0, "[model] is missing");
  if (auto s = read_model(*model, reader, recipe.model); !s) return s.error();
  if (const toml::table* t = table_of(root, "tokenizer"))
    if (auto s = reader.read(*t, "tokenizer", tokenizer_fields(), recipe.tokenizer); !s) return s.error();
  if (const toml::table* t = table_of(root, "data")) {
    if (auto s = reader.read(*t, "data", data_fields(), recipe.data); !s) return s.error();
    if (auto s = read_files(*t, reader, recipe.data.files); !s) return s.error();
  }
  if (auto s = check_data(recipe.data, reader); !s) return s.error();
  if (auto s = read_stage(root, "pretrain", pretrain_defaults(), recipe.model, reader, recipe.pretrain); !s)
    return s.error();
  if (auto s = read_stage(root, "sft", sft_defaults(), recipe.model, reader, recipe.sft); !s) return s.error();
  if (!recipe.pretrain && !recipe.sft) return reader.at(0, "neither [pretrain] nor [sft] is there: nothing to do");
  return recipe;
}

Result<Recipe> load_recipe(const std::string& path) {
  auto text = read_file(path, 1 << 20);
  if (!text) return Error{"recipe " + text.error().message};
  return parse_recipe(*text, path);
}

}  // namespace jamsu::train

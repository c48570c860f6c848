// The tables, what they document, and the effective recipe as text.
#include "train/recipe_fields.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "models/config/deepseek_v3.h"

namespace jamsu::train {

const std::vector<RecipeField<DataRecipe>>& data_fields() {
  using D = DataRecipe;
  static const std::vector<RecipeField<D>> table = {
      {"seed", "", "of the generated tasks and of the order of all data", &D::seed, 0, 1e18},
      {"tasks_weight", "documents", "generated tasks among the data, against the weights of [[data.files]]; 0: none",
       &D::tasks_weight, 0, 1e6},
      {"mix.arithmetic", "percent", "integer arithmetic (kind A)", &D::arithmetic, 0, 100},
      {"mix.word_korean", "percent", "Korean word problems (kind B)", &D::word_korean, 0, 100},
      {"mix.word_english", "percent", "English word problems (kind B)", &D::word_english, 0, 100},
      {"mix.misc", "percent", "equations, units, calendar, sorting, sequences ... (kind C)", &D::misc, 0, 100},
      {"mix.talk", "percent", "short talk (kind D)", &D::talk, 0, 100},
      {"mix.follow", "percent", "questions about the answer before them (kind E)", &D::follow, 0, 100},
      {"mix.repeat", "percent", "sentences without a sense to say again: teaches to read", &D::repeat, 0, 100},
      {"validation.file", "", "a file that is not trained on, whose loss is measured; relative to the recipe's folder",
       &D::validation_file},
      {"validation.percent", "percent",
       "of the documents of [[data.files]] that are kept from training instead, chosen by a hash and the seed",
       &D::validation_percent, 0, 50},
      {"validation.tokens", "tokens", "at most so many of what is kept are read each time", &D::validation_tokens, 2,
       1e12},
  };
  return table;
}

const std::vector<RecipeField<DataFile>>& file_fields() {
  using F = DataFile;
  static const std::vector<RecipeField<F>> table = {
      {"path", "",
       ".txt, or .jsonl with text, prompt + completion or messages; relative to the recipe's folder; * in the name: "
       "all such files (shards)",
       &F::path},
      {"weight", "documents", "documents of this file, against tasks_weight and the other files", &F::weight, 1, 1e6},
      {"split", "", ".txt: the whole file is one document, or blank lines part documents", &F::split, 0, 0,
       "none|blank_lines"},
      {"adapt_messages", "",
       "messages that the chat template leaves out or writes as a list are given to it in a form that it writes: a "
       "developer's as the system's, a function's as a tool's, parts as one text; else they are an error",
       &F::adapt_messages},
  };
  return table;
}

const std::vector<RecipeField<TokenizerRecipe>>& tokenizer_fields() {
  using T = TokenizerRecipe;
  static const std::vector<RecipeField<T>> table = {
      {"file", "",
       "a tokenizer.json, relative to the recipe's folder; empty: trained from this recipe's data, your files first",
       &T::file},
      {"train_samples", "documents", "generated problems that train it, where the data hold them", &T::train_samples,
       100, 1e8},
  };
  return table;
}

const std::vector<RecipeField<StageRecipe>>& stage_fields() {
  using S = StageRecipe;
  using A = OptimizerOptions;
  static const std::vector<RecipeField<S>> table = {
      {"tokens", "tokens", "length of the stage, padding included; rounded up to whole steps", &S::tokens, 1, 1e15},
      {"epochs", "epochs", "instead of tokens: how often the files are read (of several: the one that takes longest)",
       &S::epochs, 1e-6, 1e6},
      {"batch_tokens", "tokens", "a step, padding included: rows x context", &S::batch_tokens, 2, 1e9},
      {"micro_batch_tokens", "tokens", "computed at once; part of the result's bits (docs/numerics.md section 3)",
       &S::micro_batch_tokens, 2, 1e9},
      {"context", "tokens", "a data row; samples are never cut to fit", &S::context, 2, 1e7},
      {"document_mask", "", "documents of a row do not see each other", &S::document_mask},
      {"loss_on", "", "all tokens, or the assistant's only", &S::loss_on, 0, 0, "all|reply"},
      {"retry_percent", "percent",
       "generated samples with a wrong step, the retry mark and its correction (arXiv:2408.16293)", &S::retry_percent,
       0, 100},
      {"turns", "questions",
       "most in one generated sample, as a chat has them; of an SFT sample the last reply is learned", &S::turns, 1,
       64},
      {"learning_rate.peak", "", "highest learning rate", &S::peak, 0, 10},
      {"learning_rate.warmup_tokens", "tokens", "linear warm-up", &S::warmup_tokens, 0, 1e15},
      {"learning_rate.schedule", "", "after the warm-up", &S::schedule, 0, 0, "constant|linear|cosine|wsd|wsd_sqrt|v3"},
      {"learning_rate.floor_ratio", "of peak", "last rate of linear, cosine, wsd and wsd_sqrt", &S::floor_ratio, 0, 1},
      {"learning_rate.decay_fraction", "of tokens", "length of the decay of wsd and wsd_sqrt", &S::decay_fraction, 0,
       1},
      {"learning_rate.v3_constant", "of tokens", "v3: until the end of the constant phase", &S::v3_constant, 0, 1},
      {"learning_rate.v3_cosine", "of tokens", "v3: length of the cosine", &S::v3_cosine, 0, 1},
      {"learning_rate.v3_mid", "of tokens", "v3: length of the second constant phase", &S::v3_mid, 0, 1},
      {"learning_rate.v3_mid_ratio", "of peak", "v3: its rate", &S::v3_mid_ratio, 0, 1},
      {"learning_rate.v3_last_ratio", "of peak", "v3: rate of the last phase", &S::v3_last_ratio, 0, 1},
      {"optimizer.matrices", "", "for the matrices of layers; embedding, head and norms are always AdamW's",
       &S::matrices, 0, 0, "adamw|muon"},
      {"optimizer.momentum", "", "Muon: decay of the momentum", &A::momentum, 0, 0.999999},
      {"optimizer.beta1", "", "AdamW: decay of the first moment", &A::beta1, 0, 0.999999},
      {"optimizer.beta2", "", "AdamW: decay of the second moment", &A::beta2, 0, 0.999999},
      {"optimizer.eps", "", "AdamW: added to the root", &A::eps, 1e-30, 1},
      {"optimizer.weight_decay", "", "AdamW: on every 2-D tensor but the embedding", &A::weight_decay, 0, 10},
      {"optimizer.clip", "", "largest gradient norm", &A::max_norm, 1e-6, 1e12},
      {"mtp_lambda", "", "weight of the multi-token prediction loss", &S::mtp_lambda, 0, 10},
      {"balance_alpha", "", "weight of the sequence-wise balance loss", &S::balance_alpha, 0, 10},
      {"bias_gamma", "", "step of the correction biases; 0: they stay", &S::bias_gamma, 0, 1},
      {"gradient_slots", "", "parts of the global batch accumulated apart (docs/numerics.md section 3)",
       &S::gradient_slots, 1, 65536},
      {"seed", "", "of the first weights", &S::seed, 0, 1e18},
      {"init_scale", "", "deviation of a first matrix x sqrt(its inputs)", &S::init_scale, 1e-6, 100},
      {"embedding_std", "", "deviation of the first embedding and head", &S::embedding_std, 1e-6, 100},
      {"checkpoint_every_steps", "steps", "a checkpoint each so many steps, and at the end", &S::checkpoint_every_steps,
       1, 1e9},
      {"keep", "checkpoints", "the newest so many stay", &S::keep, 1, 1e6},
      {"validate_every_steps", "steps", "the validation's loss each so many steps, and at the end; 0: only there",
       &S::validate_every_steps, 0, 1e9},
      {"sample_every_steps", "steps", "three sample replies each so many steps, and at the end; 0: none",
       &S::sample_every_steps, 0, 1e9},
  };
  return table;
}

StageRecipe pretrain_defaults() {
  StageRecipe s;
  s.retry_percent = 40;
  return s;
}
StageRecipe sft_defaults() {
  StageRecipe s;
  s.loss_on = "reply";
  s.peak = 2e-4;
  s.schedule = "linear";
  return s;
}

std::string toml_text(int64_t value) {
  return fmt::format("{}", value);
}
std::string toml_text(double value) {
  return fmt::format("{}", value);
}
std::string toml_text(bool value) {
  return value ? "true" : "false";
}
std::string toml_text(const std::string& value) {
  return boost::json::serialize(boost::json::string(value));
}

namespace {

using Reasons = std::map<std::string, std::string>;

template <class S>
std::string type_of(const RecipeField<S>& f) {
  if (f.choices) return "choice";
  static constexpr const char* kTypes[] = {"integer", "number", "bool", "string", "number"};
  return kTypes[f.member.index()];
}

template <class S>
std::string range_of(const RecipeField<S>& f) {
  if (f.choices) return f.choices;
  if (f.low == f.high) return "";
  return fmt::format("{:g} to {:g}", f.low, f.high);
}

template <class S>
void add_docs(const char* section, const std::vector<RecipeField<S>>& fields, const S& defaults,
              std::vector<RecipeFieldDoc>& docs) {
  for (const auto& f : fields) {
    RecipeFieldDoc doc{section, f.name, type_of(f), "", f.unit, range_of(f), f.help};
    with_member(defaults, f.member, [&](const auto& value) { doc.default_value = toml_text(value); });
    docs.push_back(std::move(doc));
  }
}

template <class S>
void print(const char* heading, const std::vector<RecipeField<S>>& fields, const S& section, const Reasons& reasons,
           std::string& out) {
  out += fmt::format("\n{}\n", heading);
  const std::string_view name = std::string_view(heading).substr(0, std::string_view(heading).find(']'));
  for (const auto& f : fields) {
    const auto why = reasons.find(fmt::format("{}.{}", name.substr(name.rfind('[') + 1), f.name));
    if (why != reasons.end()) out += fmt::format("# {}\n", why->second);
    std::string value;
    with_member(section, f.member, [&](const auto& v) { value = toml_text(v); });
    std::string note = f.help;
    if (*f.unit) note += fmt::format(" [{}]", f.unit);
    if (const std::string range = range_of(f); !range.empty()) note += fmt::format(" ({})", range);
    out += fmt::format("{:<44}  # {}\n", fmt::format("{} = {}", f.name, value), note);
  }
}

// Whether a stage has a use for the field; of the two lengths it is the one that is given.
bool stage_uses(const StageRecipe& stage, std::string_view field) {
  const std::string& schedule = stage.schedule;
  if (field == "tokens") return stage.epochs == 0;
  if (field == "epochs") return stage.epochs > 0;
  if (field.find("learning_rate.v3_") == 0) return schedule == "v3";
  if (field == "learning_rate.decay_fraction") return schedule == "wsd" || schedule == "wsd_sqrt";
  if (field == "learning_rate.floor_ratio") return schedule != "v3" && schedule != "constant";
  return true;
}

void print_stage(const char* heading, const StageRecipe& stage, const Reasons& reasons, std::string& out) {
  std::vector<RecipeField<StageRecipe>> fields;
  for (const auto& f : stage_fields())
    if (stage_uses(stage, f.name)) fields.push_back(f);
  print(heading, fields, stage, reasons, out);
}

// Integers stay integers; TOML has no null: a field that is null is left out.
std::string model_value(const boost::json::value& v) {
  if (v.is_double()) return toml_text(v.get_double());
  if (v.is_object()) {
    std::string text = "{ ";
    for (const auto& [key, value] : v.get_object())
      text += fmt::format("{}{} = {}", text.size() > 2 ? ", " : "", std::string_view(key), model_value(value));
    return text + " }";
  }
  return boost::json::serialize(v);
}

}  // namespace

std::vector<RecipeFieldDoc> recipe_field_docs() {
  std::vector<RecipeFieldDoc> docs;
  for (const auto& f : models::deepseek_v3_fields())
    docs.push_back({"model", f.name, f.type, f.required ? "(required)" : "", f.unit, "", f.help});
  add_docs("data", data_fields(), DataRecipe{}, docs);
  add_docs("data.files", file_fields(), DataFile{}, docs);
  add_docs("tokenizer", tokenizer_fields(), TokenizerRecipe{}, docs);
  add_docs("pretrain", stage_fields(), pretrain_defaults(), docs);
  add_docs("sft", stage_fields(), sft_defaults(), docs);
  return docs;
}

namespace {

std::string explain_model(const boost::json::object& model, const Reasons& reasons) {
  std::string out = "\n[model]  # DeepSeek-V3 (arXiv:2412.19437), official names\n";
  if (const auto why = reasons.find("model"); why != reasons.end()) out += fmt::format("# {}\n", why->second);
  for (const auto& f : models::deepseek_v3_fields()) {
    const auto& v = model.at(f.name);
    if (v.is_null()) continue;
    out += fmt::format("{:<44}  # {}{}\n", fmt::format("{} = {}", f.name, model_value(v)), f.help,
                       f.unit.empty() ? "" : fmt::format(" [{}]", f.unit));
  }
  const auto& eos = model.at("eos_token_id");
  if (!eos.is_array() || !eos.as_array().empty()) out += fmt::format("eos_token_id = {}\n", model_value(eos));
  if (const auto& f = model.at("hidden_act"); f != "silu") out += fmt::format("hidden_act = {}\n", model_value(f));
  if (!model.at("rope_scaling").is_null())
    out += fmt::format("rope_scaling = {}\n", model_value(model.at("rope_scaling")));
  return out;
}

}  // namespace

std::string explain(const Recipe& recipe) {
  const Reasons& why = recipe.reasons;
  std::string out = fmt::format("# The effective recipe of {}, defaults included.\n", recipe.name);
  if (const auto whole = why.find(""); whole != why.end()) out = fmt::format("# {}\n", whole->second);
  if (!recipe.model.empty()) out += explain_model(recipe.model, why);
  print("[tokenizer]", tokenizer_fields(), recipe.tokenizer, why, out);
  print("[data]", data_fields(), recipe.data, why, out);
  for (const DataFile& f : recipe.data.files) print("[[data.files]]", file_fields(), f, why, out);
  if (recipe.pretrain) print_stage("[pretrain]", *recipe.pretrain, why, out);
  if (recipe.sft) print_stage("[sft]", *recipe.sft, why, out);
  return out;
}

}  // namespace jamsu::train

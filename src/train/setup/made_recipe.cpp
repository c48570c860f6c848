#include "train/setup/made_recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "base/check.h"
#include "models/config/deepseek_v3.h"
#include "models/open.h"
#include "train/file_source.h"
#include "train/recipe_fields.h"
#include "train/setup/start.h"
#include "train/setup/validation.h"
#include "train/task_source.h"
#include "unicode/text_file.h"

namespace jamsu::train {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr double kBytesPerToken = 3;     // of a vocabulary of 2,048 (docs/LOG.md), before there is a tokenizer
constexpr int64_t kProblemTokens = 150;  // of a generated problem, about
constexpr int64_t kMixedProblems = 32;   // that a model is asked to know whether it knows them
constexpr double kKnown = 0.7;           // nats a token of their replies: half of them are foretold

int64_t power_of_two_from(int64_t value) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(value, 1))));
}
int64_t power_of_two_to(int64_t value) {
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::max<int64_t>(value, 1))));
}
// 1, 2 or 5 times a power of ten, not above `value`.
int64_t round_down(int64_t value) {
  int64_t best = 1;
  for (int64_t power = 1; power <= value; power *= 10)
    for (const int64_t factor : {1, 2, 5})
      if (factor * power <= value) best = std::max(best, factor * power);
  return best;
}
// As people write rates: two digits.
double two_digits(double value) {
  return std::stod(fmt::format("{:.1e}", value));
}

// The shape of recipes/own-text.toml: DeepSeek-V3 scaled down, 3.15M parameters.
json::object small_model() {
  const auto config = models::parse_deepseek_v3({{"vocab_size", 2048},
                                                 {"hidden_size", 128},
                                                 {"num_hidden_layers", 6},
                                                 {"first_k_dense_replace", 1},
                                                 {"intermediate_size", 384},
                                                 {"num_attention_heads", 4},
                                                 {"q_lora_rank", 64},
                                                 {"kv_lora_rank", 64},
                                                 {"qk_nope_head_dim", 32},
                                                 {"qk_rope_head_dim", 16},
                                                 {"v_head_dim", 32},
                                                 {"n_routed_experts", 16},
                                                 {"moe_intermediate_size", 64},
                                                 {"num_experts_per_tok", 4},
                                                 {"n_group", 4},
                                                 {"topk_group", 2},
                                                 {"n_shared_experts", 1},
                                                 {"routed_scaling_factor", 2.5},
                                                 {"norm_topk_prob", true},
                                                 {"rope_theta", 10000.0},
                                                 {"rms_norm_eps", 1e-6},
                                                 {"num_nextn_predict_layers", 0},
                                                 {"max_position_embeddings", 1024}},
                                                "");
  JAMSU_CHECK(config.ok());
  return models::to_json(*config, "bfloat16");
}

// What all choices are made from.
struct Totals {
  int64_t documents = 0, tokens = 0, longest_sample = 0, samples = 0;
};
Totals totals_of(const std::vector<FileFacts>& files) {
  Totals t;
  for (const FileFacts& f : files) {
    t.documents += static_cast<int64_t>(f.texts.size() + f.samples.size());
    t.samples += static_cast<int64_t>(f.samples.size());
    t.tokens = std::accumulate(f.texts.begin(), f.texts.end(), t.tokens);
    t.tokens = std::accumulate(f.samples.begin(), f.samples.end(), t.tokens);
    for (const int64_t s : f.samples) t.longest_sample = std::max(t.longest_sample, s);
  }
  return t;
}
// Documents that training sees: running text in pieces that share a token.
int64_t pieces_of(const FileFacts& file, int64_t context) {
  auto pieces = static_cast<int64_t>(file.samples.size());
  for (const int64_t length : file.texts) pieces += length <= context ? 1 : (length - 1 + context - 2) / (context - 1);
  return pieces;
}

// One recipe while its fields are chosen.
class Maker {
 public:
  Maker(Stage stage, const std::vector<FileFacts>& files, const ModelFacts& model)
      : files_(files), model_(model), all_(totals_of(files)), sft_(stage == Stage::sft), name_(stage_name(stage)) {
    stage_ = sft_ ? sft_defaults() : pretrain_defaults();
  }

  Recipe make() {
    recipe_.reasons[""] = fmt::format(
        "Made for {} file{}: {} document{}, {}{} tokens; {}. It may be changed and used as any recipe.", files_.size(),
        files_.size() == 1 ? "" : "s", all_.documents, all_.documents == 1 ? "" : "s",
        model_.folder.empty() ? "about " : "", all_.tokens,
        model_.folder.empty()
            ? std::string("a new model")
            : fmt::format("{} ({:.3g}M parameters)", model_.folder, static_cast<double>(model_.parameters) / 1e6));
    if (model_.folder.empty()) {
      recipe_.model = small_model();
      recipe_.reasons["model"] =
          "the shape of recipes/own-text.toml, 3.15M parameters: minutes to an hour on two cores";
      why_outside("tokenizer.file", "made from your files, whose text it needs the fewest tokens for");
    }
    choose_rows();
    choose_data();
    choose_length();
    choose_rate();
    choose_looks();
    (sft_ ? recipe_.sft : recipe_.pretrain) = stage_;
    return recipe_;
  }

 private:
  void why(const std::string& field, std::string reason) { recipe_.reasons[name_ + "." + field] = std::move(reason); }
  void why_outside(const std::string& field, std::string reason) { recipe_.reasons[field] = std::move(reason); }
  bool large() const { return model_.parameters > 100'000'000; }

  void choose_rows() {
    const int64_t usual = model_.folder.empty() ? 512 : all_.samples > 0 && !mixes() ? 256 : 1024;
    const int64_t wanted = std::max(usual, power_of_two_from(all_.longest_sample));
    stage_.context = std::min(wanted, model_.context);
    why("context", all_.longest_sample > usual
                       ? fmt::format("the longest sample has {} tokens, and the model reads {}", all_.longest_sample,
                                     model_.context)
                       : fmt::format("enough for a row of short documents or a stretch of text; the model reads {}",
                                     model_.context));
    int64_t documents = 0;  // as training counts them
    for (const FileFacts& f : files_) documents += pieces_of(f, stage_.context);
    per_epoch_ = all_.tokens + (mixes() ? documents * kProblemTokens : 0);
    const int64_t most = model_.folder.empty() || model_.trained_here ? (sft_ ? 4096 : 2048) : 8192;
    const int64_t batch = std::clamp(power_of_two_to(per_epoch_ / 8), std::min(stage_.context, most), most);
    const int64_t rows = std::max<int64_t>(batch / stage_.context, 1);
    stage_.batch_tokens = rows * stage_.context;
    why("batch_tokens", fmt::format("an eighth of the data's {} tokens, between one row and {}", per_epoch_, most));
    const int64_t at_once = large() ? 2048 : 4096;
    int64_t micro_rows = std::clamp<int64_t>(at_once / stage_.context, 1, rows);
    while (rows % micro_rows) --micro_rows;
    stage_.micro_batch_tokens = micro_rows * stage_.context;
    why("micro_batch_tokens", large() ? "less memory for a large model's activations" : "what the caches like");
  }

  bool mixes() const { return sft_ && model_.knows_problems; }

  void choose_data() {
    DataRecipe& d = recipe_.data;
    int64_t common = 0, sum = 0, largest = 1;
    std::vector<int64_t> pieces;
    for (const FileFacts& f : files_) {
      pieces.push_back(std::max<int64_t>(pieces_of(f, stage_.context), 1));
      common = std::gcd(common, pieces.back());
      largest = std::max(largest, pieces.back());
    }
    const int64_t most = largest / common;
    for (size_t i = 0; i < files_.size(); ++i) {
      const int64_t share = pieces[i] / common;
      const double part = static_cast<double>(share) / std::max(1.0, static_cast<double>(most) / 1e6);
      d.files.push_back({files_[i].path, std::max<int64_t>(static_cast<int64_t>(part), 1), "none"});
      sum += d.files.back().weight;
    }
    if (files_.size() > 1)
      why_outside("data.files.weight", "by what the files hold, so that all are read equally often");
    d.tasks_weight = mixes() ? std::min<int64_t>(sum, 1'000'000) : 0;
    why_outside("data.tasks_weight",
                mixes()
                    ? "this model answers generated problems: one goes with each of your documents, so that it does "
                      "not forget them"
                    : "your files alone");
    if (mixes()) {
      d.arithmetic = 20, d.word_korean = 20, d.word_english = 20, d.misc = 23, d.talk = 9, d.follow = 8;
      stage_.turns = 4;
      why("turns", "as the problems came in chats when the model learned them");
    }
    const int64_t units = std::accumulate(pieces.begin(), pieces.end(), int64_t{0});
    d.validation_percent = units < 10 ? 0 : units < 200 ? 10 : 5;
    why_outside("data.validation.percent",
                units < 10 ? fmt::format("{} document(s) are too few to keep one from training", units)
                           : fmt::format("of {} documents{}: shows whether the model learns or only remembers", units,
                                         all_.samples == 0 ? " (rows that the text is cut into)" : ""));
  }

  void choose_length() {
    const auto per_epoch = static_cast<double>(std::max<int64_t>(per_epoch_, 1));
    const double batch = static_cast<double>(stage_.batch_tokens);
    if (model_.folder.empty()) {
      stage_.epochs = std::clamp(std::round(4e6 / per_epoch), 1.0, 24.0);
      why("epochs", "4M tokens in all, but no text more than 24 times");
    } else if (sft_) {
      stage_.epochs = std::clamp(std::ceil(100 * batch / per_epoch), 3.0, 40.0);
      why("epochs", "100 steps, but at least 3 and at most 40 passes");
    } else {
      stage_.epochs = std::clamp(std::round(3e6 / per_epoch), 1.0, 4.0);
      why("epochs", "3M tokens in all, between 1 and 4 passes");
    }
    tokens_ = per_epoch * stage_.epochs;
    steps_ = std::max<int64_t>(static_cast<int64_t>(std::ceil(tokens_ / batch)), 1);
  }

  void choose_rate() {
    const bool ours = model_.folder.empty() || model_.trained_here;
    stage_.matrices = ours ? "muon" : "adamw";
    why("optimizer.matrices",
        ours ? "models of this program learn faster with it (docs/LOG.md)" : "what published models were trained with");
    if (model_.folder.empty()) {
      stage_.peak = 3e-3;
      why("learning_rate.peak", "as recipes/own-text.toml");
    } else if (ours) {
      stage_.peak = sft_ ? 1e-3 : 1.5e-3;
      why("learning_rate.peak", "as recipes/nano.toml and nano_more.toml go on from a trained model");
    } else {
      stage_.peak = two_digits(
          std::clamp(2e-5 * std::sqrt(1e9 / static_cast<double>(std::max<int64_t>(model_.parameters, 1))), 1e-5, 3e-4));
      why("learning_rate.peak",
          fmt::format("2e-5 for 1,000M parameters, more by the root for fewer: this model has {:.3g}M",
                      static_cast<double>(model_.parameters) / 1e6));
    }
    stage_.schedule = model_.folder.empty() ? "wsd" : "linear";
    stage_.decay_fraction = 0.5;
    stage_.floor_ratio = model_.folder.empty() ? 0 : 0.02;
    stage_.warmup_tokens = std::max<int64_t>(steps_ / 20, 1) * stage_.batch_tokens;
    if (steps_ < 4) stage_.warmup_tokens = 0;
    why("learning_rate.warmup_tokens", "a twentieth of the run");
    if (!model_.folder.empty()) {
      stage_.bias_gamma = 0;
      why("bias_gamma", "the load of a trained model's experts is balanced already");
    }
    if (model_.folder.empty()) stage_.mtp_lambda = 0;
    if (!sft_) stage_.retry_percent = 0;
  }

  void choose_looks() {
    stage_.validate_every_steps = round_down(std::clamp<int64_t>(steps_ / 10, 1, 500));
    stage_.sample_every_steps = round_down(std::clamp<int64_t>(steps_ / 4, 1, 1000));
    stage_.checkpoint_every_steps = round_down(std::clamp<int64_t>(steps_ / 5, 20, 500));
    stage_.keep = large() ? 2 : 3;
    const auto of = [&](const char* times) { return fmt::format("about {} in about {} steps", times, steps_); };
    why("validate_every_steps", of("ten times"));
    why("sample_every_steps", of("four times"));
    why("checkpoint_every_steps", of("five times"));
    if (large()) why("keep", fmt::format("one takes {:.1f} GB", static_cast<double>(model_.parameters) * 12e-9));
  }

  const std::vector<FileFacts>& files_;
  const ModelFacts& model_;
  const Totals all_;
  const bool sft_;
  const std::string name_;
  Recipe recipe_;
  StageRecipe stage_;
  int64_t per_epoch_ = 0, steps_ = 0;
  double tokens_ = 0;
};

// Facts of a file; without a tokenizer (a new model) they are guessed from its bytes.
Result<FileFacts> facts_of(const std::string& path, const tokenizer::Tokenizer* tokenizer,
                           const FileSourceOptions& options) {
  FileFacts facts{fs::absolute(path).lexically_normal().string(), {}, {}};
  if (!tokenizer) {
    const auto shards = shards_of(path);
    if (!shards) return shards.error();
    for (const std::string& shard : *shards) {
      const auto text = unicode::read_text_file(shard, int64_t{4} << 30);
      if (!text) return text.error();
      facts.texts.push_back(1 + static_cast<int64_t>(static_cast<double>(text->size()) / kBytesPerToken));
    }
    return facts;
  }
  const auto source = open_data_file(path, *tokenizer, options);
  if (!source) return source.error();
  uint64_t last = 0;
  for (uint64_t i = 0; i < (*source)->size(); ++i) {
    const auto d = (*source)->at(i);
    if (!d) return d.error();
    const auto tokens = static_cast<int64_t>(d->ids.size());
    const uint64_t number = (*source)->document_of(i);
    if (i > 0 && number == last)
      facts.texts.back() += tokens - 1;
    else
      (d->may_cut ? facts.texts : facts.samples).push_back(tokens);
    last = number;
  }
  return facts;
}

// The model's loss on replies to generated problems says whether it learned them.
Result<bool> knows_problems(const StageOptions& o, const tokenizer::Tokenizer& tokenizer,
                            const std::optional<text::ChatFormat>& format, ops::Runtime& runtime) {
  const auto problems =
      TaskSource::create(tokenizer, {.mix = {}, .generator = {}, .format = format, .learn_prompt = false});
  if (!problems) return false;  // its tokenizer lacks their marks
  std::vector<SelectedSource::Place> places;
  for (uint64_t i = 0; i < kMixedProblems; ++i) places.emplace_back(*problems, i);
  const auto batches = validation_batches(SelectedSource(std::move(places)), 4096, 1'000'000);
  if (!batches) return batches.error();
  const ThreadPool::Turn turn = runtime.turn();
  const auto opened = models::open_model(o.from, ops::Packs::forward, runtime.context());
  if (!opened) return opened.error();
  double loss = 0;
  for (const MicroBatch& b : *batches)
    loss += static_cast<double>(evaluate_micro_batch(*opened->model, b, runtime.context()).ce_sum);
  return loss / static_cast<double>(count(*batches).labels) < kKnown;
}

}  // namespace

Result<Recipe> made_recipe(Stage stage, const std::vector<FileFacts>& files, const ModelFacts& model) {
  const Totals all = totals_of(files);
  if (all.documents == 0) return Error{"the files hold no document to learn from"};
  if (stage == Stage::sft && all.samples == 0)
    return Error{fmt::format("{}: holds running text and no conversation; jamsu pretrain learns from such files",
                             files.front().path)};
  return Maker(stage, files, model).make();
}

Result<Recipe> recipe_of_files(const std::vector<std::string>& files, const StageOptions& o, ops::Runtime& runtime) {
  ModelFacts model{.folder = o.from, .parameters = 3'150'000, .context = 1024, .trained_here = o.from.empty()};
  std::optional<tokenizer::Tokenizer> tokenizer;
  std::optional<text::ChatFormat> format;
  if (!o.from.empty()) {
    const auto config = models::read_config(o.from);
    if (!config) return config.error();
    const auto described = models::describe_model(o.from, runtime.context().numerics);
    if (!described) return described.error();
    auto loaded = tokenizer::Tokenizer::load(o.tokenizer.empty() ? o.from : o.tokenizer);
    if (!loaded) return loaded.error();
    tokenizer = std::move(*loaded);
    auto its_format = format_of(o, *tokenizer);
    if (!its_format) return its_format.error();
    format = std::move(*its_format);
    model.parameters = described->model->info().parameters.total;
    model.context = described->model->info().context;
    model.trained_here = config->contains("jamsu_numerics_version");
    if (o.stage == Stage::sft && model.trained_here) {
      const auto known = knows_problems(o, *tokenizer, format, runtime);
      if (!known) return known.error();
      model.knows_problems = *known;
    }
  }
  std::vector<FileFacts> facts;
  for (const std::string& file : files) {
    auto f = facts_of(file, tokenizer ? &*tokenizer : nullptr,
                      {.context = model.context, .format = format, .learn_all = o.stage == Stage::pretrain});
    if (!f) return f.error();
    facts.push_back(std::move(*f));
  }
  const auto made = made_recipe(o.stage, facts, model);
  if (!made) return made.error();
  auto read = parse_recipe(explain(*made), o.folder + "/recipe.toml");
  if (!read) return read.error();
  read->name = fs::path(files.front()).filename().string();
  read->reasons = made->reasons;
  return read;
}

}  // namespace jamsu::train

#include "train/stage.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/files.h"
#include "base/sha256.h"
#include "formats/safetensors.h"
#include "models/open.h"
#include "text/chat_template.h"
#include "text/prompt.h"
#include "train/export.h"
#include "train/metrics.h"
#include "train/sources.h"
#include "train/tokenizer.h"
#include "unicode/text_file.h"

namespace jamsu::train {
namespace {

namespace fs = std::filesystem;

// What a run leaves to look at: metrics.jsonl, TensorBoard events, and at its end the loss curve.
class Metrics {
 public:
  static Result<Metrics> open(const std::string& folder, int64_t after_step) {
    auto log = MetricsLog::open(folder + "/metrics.jsonl", after_step);
    if (!log) return log.error();
    auto events = EventFile::create(folder, wall_seconds());
    if (!events) return events.error();
    return Metrics(folder, std::move(*log), std::move(*events));
  }
  // A full disk is said by the next checkpoint, which stops the run; metrics alone do not.
  void step(const StepReport& r, const RunCounters& c) {
    const MetricPoint point{r.step,
                            wall_seconds(),
                            {{"loss", r.ce},
                             {"mtp", r.mtp},
                             {"balance", r.balance},
                             {"gradient_norm", r.gradient_norm},
                             {"learning_rate", r.learning_rate},
                             {"tokens", static_cast<double>(c.tokens)},
                             {"load_max_over_mean", r.load_max_over_mean},
                             {"dead_experts", static_cast<double>(r.dead_experts)}}};
    (void)log_.write(point).ok();
    (void)events_.write(point).ok();
  }
  Status draw(const std::string& title) const {
    const auto points = read_metrics(folder_ + "/metrics.jsonl");
    if (!points) return points.error();
    return write_file(folder_ + "/loss.svg", loss_curve_svg(*points, {.title = title, .values = {"loss", "mtp"}}));
  }

 private:
  Metrics(std::string folder, MetricsLog log, EventFile events)
      : folder_(std::move(folder)), log_(std::move(log)), events_(std::move(events)) {}
  std::string folder_;
  MetricsLog log_;
  EventFile events_;
};

Status make_folder(const StageOptions& o) {
  const fs::path checkpoints = fs::path(o.folder) / "checkpoints";
  std::error_code error;
  if (o.restart) fs::remove_all(checkpoints, error);
  if (!o.resume && fs::exists(checkpoints, error) && !fs::is_empty(checkpoints, error))
    return Error{fmt::format(
        "{}: holds checkpoints of an earlier run; continue it with --resume, or begin anew with --restart", o.folder)};
  fs::create_directories(o.folder, error);
  if (error) return Error{fmt::format("{}: cannot be made: {}", o.folder, error.message())};
  return {};
}

// Without one of its own the recipe's data makes the tokenizer; it stays in the run's folder for a resume.
Result<tokenizer::Tokenizer> tokenizer_of(const Recipe& recipe, const StageOptions& o) {
  const std::string path = !o.tokenizer.empty()             ? o.tokenizer
                           : !o.from.empty()                ? o.from
                           : !recipe.tokenizer.file.empty() ? (fs::path(recipe.folder) / recipe.tokenizer.file).string()
                                                            : std::string();
  if (!path.empty()) return tokenizer::Tokenizer::load(path);
  const std::string own = o.folder + "/tokenizer.json";
  if (o.resume && fs::exists(own)) return tokenizer::Tokenizer::load(own);
  auto made = make_tokenizer(recipe.data, recipe.tokenizer.train_samples, {},
                             recipe.model.at("vocab_size").to_number<int64_t>());
  if (made)
    if (auto status = made->save(own); !status) return status.error();
  return made;
}

// What a stage begins with.
struct Start {
  std::shared_ptr<models::Model> model;
  boost::json::object config;                   // that it was created from
  std::string chat_template;                    // its text; empty: the folder has none
  std::optional<text::ChatFormat> format;       // empty: the built-in one
  std::optional<formats::Safetensors> weights;  // of the folder; empty: from the seed
  std::map<std::string, std::string> beside;    // files of the folder that go along
};

// From nothing: [model] of the recipe.
Result<Start> start_of_recipe(const Recipe& recipe, const tokenizer::Tokenizer& tokenizer, ops::Numerics numerics) {
  auto config = with_tokenizer(recipe.model, tokenizer);
  if (!config) return config.error();
  auto model = models::create_model(*config, numerics, "recipe " + recipe.name);
  if (!model) return model.error();
  return Start{.model = *model,
               .config = std::move(*config),
               .chat_template = std::string(text::kChatTemplate),
               .format = {},
               .weights = {},
               .beside = {}};
}

// The folder's chat template, where it has one. The built-in one stays built in.
Status take_template(const std::string& folder, const tokenizer::Tokenizer& tokenizer, Start& start) {
  const auto jinja = start.beside.find("chat_template.jinja"), config = start.beside.find("tokenizer_config.json");
  const bool has_one = jinja != start.beside.end() || fs::exists(folder + "/chat_template.json") ||
                       (config != start.beside.end() && config->second.find("\"chat_template\"") != std::string::npos);
  if (!has_one) {
    if (text::PromptBuilder::create(tokenizer).ok()) start.chat_template = text::kChatTemplate;
    return {};
  }
  if (jinja != start.beside.end() && jinja->second == text::kChatTemplate) {
    start.chat_template = text::kChatTemplate;
    return {};
  }
  auto format = text::ChatFormat::load(folder);
  if (!format) return format.error();
  start.format = std::move(*format);
  if (jinja != start.beside.end()) start.chat_template = jinja->second;
  return {};
}

// The folder's model, with what stands beside it.
Result<Start> start_of_folder(const Recipe& recipe, const StageOptions& o, const StageRecipe& stage,
                              const tokenizer::Tokenizer& tokenizer, ops::Numerics numerics, const StageHooks& hooks) {
  const std::string file = o.from + "/config.json";
  auto config = models::read_config(o.from);
  if (!config) return config.error();
  auto weights = formats::Safetensors::open_folder(o.from);
  if (!weights) return weights.error();
  const models::NamedTensors tensors = models::named_tensors(*weights);
  const auto model = models::create_model(*config, tensors, numerics, file);
  if (!model) return model.error();
  if (auto s = models::check_trainable(**model, tensors, models::files_of(*weights)); !s) return s.error();
  const auto note = check_model(recipe, *config, file);
  if (!note) return note.error();
  if (!note->empty() && hooks.on_message) hooks.on_message(*note);
  const models::ModelInfo& info = (*model)->info();
  if (tokenizer.vocab_size() > info.vocab)
    return Error{fmt::format("{} has {} tokens where \"vocab_size\" of {} is {}",
                             o.tokenizer.empty() ? o.from + "/tokenizer.json" : o.tokenizer, tokenizer.vocab_size(),
                             file, info.vocab)};
  if (stage.context > info.context)
    return Error{fmt::format("recipe {}: {}.context = {} is larger than \"max_position_embeddings\" of {}, which is {}",
                             recipe.name, stage_name(o.stage), stage.context, file, info.context)};
  auto beside = files_beside(o.from);
  if (!beside) return beside.error();
  // Of another tokenizer; but where nothing else has the template, tokenizer_config.json stays.
  if (!o.tokenizer.empty())
    for (const std::string_view name : kTokenizerFiles)
      if (name != "tokenizer_config.json" || beside->contains("chat_template.jinja")) beside->erase(std::string(name));
  Start start{.model = *model,
              .config = std::move(*config),
              .chat_template = {},
              .format = {},
              .weights = std::move(*weights),
              .beside = std::move(*beside)};
  if (auto s = take_template(o.from, tokenizer, start); !s) return s.error();
  return start;
}

// A template that the user names goes before every other.
Status take_named_template(const StageOptions& o, Start& start) {
  if (o.chat_template.empty()) return {};
  const auto text = unicode::read_text_file(o.chat_template);
  if (!text) return text.error();
  text::ChatFormat::Tokens tokens = text::ChatFormat::own_tokens();
  if (start.format)
    for (auto& [name, token] : tokens) token = start.format->token(name);
  auto read = text::ChatFormat::from_text(*text, o.chat_template, std::move(tokens));
  if (!read) return read.error();
  start.chat_template = *text;
  start.format = std::move(*read);
  return replace_chat_template(start.beside, *text);
}

RunHooks hooks_of_run(const StageHooks& hooks, const StageOptions& o, std::optional<Metrics>& metrics) {
  RunHooks run;
  run.on_start = [&](int64_t step, const RunCounters& c) -> Status {
    if (hooks.on_start) hooks.on_start(step, c);
    auto opened = Metrics::open(o.folder, o.resume ? step : -1);
    if (!opened) return opened.error();
    metrics.emplace(std::move(*opened));
    return {};
  };
  run.on_step = [&](const StepReport& r, const RunCounters& c) {
    if (hooks.on_step) hooks.on_step(r, c);
    metrics->step(r, c);
  };
  run.on_message = hooks.on_message;
  run.should_stop = hooks.should_stop;
  return run;
}

}  // namespace

std::string_view stage_name(Stage stage) {
  return stage == Stage::pretrain ? "pretrain" : "sft";
}

std::string model_folder(const std::string& run_folder) {
  return run_folder + "/model";
}

Result<StageRecipe> section_of(const Recipe& recipe, Stage stage) {
  const auto& section = stage == Stage::pretrain ? recipe.pretrain : recipe.sft;
  if (!section) return Error{fmt::format("recipe {}: no [{}] section", recipe.name, stage_name(stage))};
  return *section;
}

Result<RunResult> run_stage(const Recipe& recipe, const StageOptions& o, ops::Runtime& runtime,
                            const StageHooks& hooks) {
  const auto section = section_of(recipe, o.stage);
  if (!section) return section.error();
  const StageRecipe& s = *section;
  if (o.from.empty() && recipe.model.empty()) return Error{fmt::format("recipe {}: [model] is missing.", recipe.name)};
  if (auto made = make_folder(o); !made) return made.error();
  const auto tokenizer = tokenizer_of(recipe, o);
  if (!tokenizer) return tokenizer.error();
  const ops::Numerics numerics = runtime.context().numerics;
  auto start = o.from.empty() ? start_of_recipe(recipe, *tokenizer, numerics)
                              : start_of_folder(recipe, o, s, *tokenizer, numerics, hooks);
  if (!start) return start.error();
  Trainer trainer(*start->model, runtime, s.init_options());
  if (start->weights) {
    const formats::Safetensors& weights = *start->weights;
    const Status started = trainer.start_from(models::named_tensors(weights), weights.file_of({}));
    if (auto status = weights.intact(); !status) return status.error();
    if (!started) return started.error();
  }
  if (auto status = take_named_template(o, *start); !status) return status.error();
  const auto sources = open_sources(recipe, s, *tokenizer, start->format, hooks.on_message);
  if (!sources) return sources.error();

  RunPlan plan = plan_of(recipe, s);
  if (o.max_steps > 0) plan.steps = std::min(o.max_steps, plan.steps);
  plan.folder = o.folder + "/checkpoints";
  plan.decides = {{"number mode", numerics == ops::Numerics::f32 ? "f32" : "bf16"},
                  {"tokenizer", sha256_hex(tokenizer->to_json())}};
  if (hooks.on_ready)
    hooks.on_ready({start->model->info(), plan.steps,
                    start->model->info().training_flops(static_cast<double>(s.context) / 4, s.mtp_lambda != 0)});
  std::optional<Metrics> metrics;
  auto result = run(trainer, *sources, plan, o.resume, hooks_of_run(hooks, o, metrics));
  if (!result || result->end == RunEnd::stopped) return result;
  if (auto status = export_model(model_folder(o.folder), trainer, start->config, *tokenizer,
                                 {.chat_template = start->chat_template, .beside = std::move(start->beside)});
      !status)
    return status.error();
  if (auto status = metrics->draw(recipe.name + ", " + std::string(stage_name(o.stage))); !status && hooks.on_message)
    hooks.on_message(status.error().message);
  return result;
}

}  // namespace jamsu::train

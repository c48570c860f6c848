#include "train/stage.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/files.h"
#include "base/sha256.h"
#include "train/export.h"
#include "train/metrics.h"
#include "train/setup/run_folder.h"
#include "train/setup/stage_data.h"
#include "train/setup/start.h"
#include "train/tokenizer.h"

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
    MetricPoint point{r.step,
                      wall_seconds(),
                      {{"loss", r.ce},
                       {"mtp", r.mtp},
                       {"balance", r.balance},
                       {"gradient_norm", r.gradient_norm},
                       {"learning_rate", r.learning_rate},
                       {"tokens", static_cast<double>(c.tokens)},
                       {"load_max_over_mean", r.load_max_over_mean},
                       {"dead_experts", static_cast<double>(r.dead_experts)}}};
    if (r.validation) point.values.emplace_back("validation_loss", *r.validation);
    (void)log_.write(point).ok();
    (void)events_.write(point).ok();
  }
  Status draw(const std::string& title, bool with_mtp) const {
    const auto points = read_metrics(folder_ + "/metrics.jsonl");
    if (!points) return points.error();
    std::vector<std::string> values = {"loss", "validation_loss"};
    if (with_mtp) values.emplace_back("mtp");
    return write_file(folder_ + "/loss.svg", loss_curve_svg(*points, {.title = title, .values = std::move(values)}));
  }

 private:
  Metrics(std::string folder, MetricsLog log, EventFile events)
      : folder_(std::move(folder)), log_(std::move(log)), events_(std::move(events)) {}
  std::string folder_;
  MetricsLog log_;
  EventFile events_;
};

// The folder, locked, where the run may go on or begin.
Result<RunFolder> open_folder(const StageOptions& o, bool makes_tokenizer) {
  std::error_code error;
  const fs::path from = fs::weakly_canonical(o.from, error), folder = fs::weakly_canonical(o.folder, error);
  if (!o.from.empty() && from == folder / "model")
    return Error{
        fmt::format("{}: is what the run starts from and what it would write its model over; choose another "
                    "--folder",
                    o.from)};
  auto run = RunFolder::open(o.folder);
  if (!run) return run;
  if (!o.resume && !o.restart && holds_checkpoints(run->checkpoints()))
    return Error{fmt::format(
        "{}: holds checkpoints of an earlier run; continue it with --resume, or begin anew with --restart", o.folder)};
  if (!o.resume)
    if (auto s = run->may_begin(makes_tokenizer, o.write_recipe); !s) return s.error();
  return run;
}

// Where the tokenizer lies; empty: the recipe's data make it.
std::string tokenizer_path(const Recipe& recipe, const StageOptions& o) {
  if (!o.tokenizer.empty()) return o.tokenizer;
  if (!o.from.empty()) return o.from;
  if (!recipe.tokenizer.file.empty()) return (fs::path(recipe.folder) / recipe.tokenizer.file).string();
  const std::string own = o.folder + "/tokenizer.json";
  return o.resume && fs::exists(own) ? own : "";
}

// Made from the files, and from generated problems where they are trained on.
Result<tokenizer::Tokenizer> make_tokenizer(const Recipe& recipe) {
  auto texts = texts_of_files(recipe);
  if (!texts) return texts.error();
  return make_tokenizer(recipe.data, recipe.data.tasks_weight > 0 ? recipe.tokenizer.train_samples : 0,
                        std::move(*texts), recipe.model.at("vocab_size").to_number<int64_t>(), true);
}

// A run that is about to take its first step: from here on its folder changes.
Status begin(const Recipe& recipe, const StageOptions& o, const RunFolder& folder, const tokenizer::Tokenizer* made) {
  if (o.restart)
    if (auto s = folder.forget(); !s) return s;
  if (o.resume) return {};
  if (made)
    if (auto s = made->save(folder.path() + "/tokenizer.json"); !s) return s;
  return o.write_recipe ? write_file(folder.path() + "/recipe.toml", recipe.text) : Status();
}

RunHooks hooks_of_run(const StageHooks& hooks, std::function<Status()> begin_run, const StageOptions& o,
                      std::optional<Metrics>& metrics) {
  RunHooks run;
  run.on_start = [&, begin_run = std::move(begin_run)](int64_t step, const RunCounters& c) -> Status {
    if (auto s = begin_run(); !s) return s;
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
  run.on_sample = hooks.on_sample;
  run.on_message = hooks.on_message;
  run.should_stop = hooks.should_stop;
  return run;
}

// Of what is kept for validation; else of what is trained on, a user's file before generated problems.
Result<std::vector<SamplePrompt>> samples_of(const StageData& data, const StageRecipe& stage) {
  constexpr size_t kSamples = 3;
  if (stage.sample_every_steps == 0) return std::vector<SamplePrompt>();
  if (data.validation) return sample_prompts(*data.validation, kSamples);
  for (const WeightedSource& s : data.training)
    if (s.source->size() > 0) return sample_prompts(*s.source, kSamples);
  return sample_prompts(*data.training.front().source, kSamples);
}

uint64_t documents_of(const StageData& data) {
  uint64_t documents = 0;
  for (const WeightedSource& s : data.training) documents += s.source->size();
  return documents;
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

namespace {

// The model with its first weights, in a trainer.
Result<std::unique_ptr<Trainer>> first_weights(const Start& start, const StageRecipe& stage, ops::Runtime& runtime) {
  auto trainer = std::make_unique<Trainer>(*start.model, runtime, stage.init_options());
  if (start.weights) {
    const formats::Safetensors& weights = *start.weights;
    const Status started = trainer->start_from(models::named_tensors(weights), weights.file_of({}));
    if (auto status = weights.intact(); !status) return status.error();
    if (!started) return started.error();
  }
  return trainer;
}

}  // namespace

Result<RunResult> run_stage(const Recipe& recipe, const StageOptions& o, ops::Runtime& runtime,
                            const StageHooks& hooks) {
  const auto section = section_of(recipe, o.stage);
  if (!section) return section.error();
  if (o.from.empty() && recipe.model.empty()) return Error{fmt::format("recipe {}: [model] is missing.", recipe.name)};
  const std::string tokenizer_at = tokenizer_path(recipe, o);
  const auto folder = open_folder(o, tokenizer_at.empty());
  if (!folder) return folder.error();
  if (!folder->locked() && hooks.on_message)
    hooks.on_message(fmt::format("note   the file system of {} knows no locks: start no second run there", o.folder));
  const auto tokenizer = tokenizer_at.empty() ? make_tokenizer(recipe) : tokenizer::Tokenizer::load(tokenizer_at);
  if (!tokenizer) return tokenizer.error();
  const ops::Numerics numerics = runtime.context().numerics;
  auto start = o.from.empty() ? start_of_recipe(recipe, *tokenizer, numerics)
                              : start_of_folder(recipe, o, *section, *tokenizer, numerics, hooks);
  if (!start) return start.error();
  auto trainer = first_weights(*start, *section, runtime);
  if (!trainer) return trainer.error();
  if (auto status = take_named_template(o, *start); !status) return status.error();
  const auto data = open_stage_data(recipe, *section, *tokenizer, start->format, hooks.on_message);
  if (!data) return data.error();
  const auto stage = set_length(*section, data->training, recipe, stage_name(o.stage));
  if (!stage) return stage.error();
  auto samples = samples_of(*data, *stage);
  if (!samples) return samples.error();

  RunPlan plan = plan_of(recipe, *stage);
  if (o.max_steps > 0) plan.steps = std::min(o.max_steps, plan.steps);
  plan.folder = folder->checkpoints();
  plan.validation = data->validation;
  plan.decides = {{"number mode", numerics == ops::Numerics::f32 ? "f32" : "bf16"},
                  {"tokenizer", sha256_hex(tokenizer->to_json())}};
  const models::ModelInfo& info = start->model->info();
  const bool with_mtp = info.has_mtp && stage->mtp_lambda != 0;
  if (hooks.on_ready)
    hooks.on_ready({start->model, *tokenizer, *stage, plan.steps,
                    info.training_flops(static_cast<double>(stage->context) / 4, stage->mtp_lambda != 0),
                    std::move(*samples), documents_of(*data), data->validation ? data->validation->size() : 0});
  std::optional<Metrics> metrics;
  auto result = run(
      **trainer, data->training, plan, o.resume,
      hooks_of_run(
          hooks, [&] { return begin(recipe, o, *folder, tokenizer_at.empty() ? &*tokenizer : nullptr); }, o, metrics));
  if (metrics)
    if (auto status = metrics->draw(recipe.name + ", " + std::string(stage_name(o.stage)), with_mtp);
        !status && hooks.on_message)
      hooks.on_message(status.error().message);
  if (!result || result->end == RunEnd::stopped) return result;
  if (auto status = export_model(folder->model(), **trainer, start->config, *tokenizer,
                                 {.chat_template = start->chat_template, .beside = std::move(start->beside)});
      !status)
    return status.error();
  return result;
}

}  // namespace jamsu::train

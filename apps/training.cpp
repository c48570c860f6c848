#include "apps/training.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "apps/tokenizer.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/sha256.h"
#include "formats/safetensors.h"
#include "ledger/account.h"
#include "machine/measure.h"
#include "models/open.h"
#include "text/chat_template.h"
#include "train/export.h"
#include "train/metrics.h"
#include "train/recipe.h"
#include "train/run.h"
#include "train/sources.h"

namespace jamsu::apps {
namespace {

namespace fs = std::filesystem;

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) {
  interrupted = 1;
}

const char* stage_name(Stage stage) {
  return stage == Stage::pretrain ? "pretrain" : "sft";
}

// One updating line on a terminal, a line now and then elsewhere.
class Progress {
 public:
  struct Costs {
    double flops_per_token, peak;  // peak: measured flop/s
  };
  Progress(int64_t steps, const Costs& costs, ledger::Account& account)
      : steps_(steps), costs_(costs), account_(account) {}
  void step(const train::StepReport& r, const train::RunCounters& counters) {
    const double now = seconds();
    if (first_tokens_ < 0) {
      first_tokens_ = counters.tokens - r.counts.tokens;
      first_ = r.step - 1;
    }
    const double rate = static_cast<double>(counters.tokens - first_tokens_) / now;
    const double left = static_cast<double>(steps_ - r.step) * now / static_cast<double>(r.step - first_);
    const bool last = r.step == steps_;
    if (!terminal_ && !last && r.step != first_ + 1 && now - printed_ < 10.0) return;
    printed_ = now;
    std::string line = fmt::format("step {} / {}  loss {:.4f} (mtp {:.4f}, balance {:.3f})  {:.1f}k tok/s", r.step,
                                   steps_, r.ce, r.mtp, r.balance, rate / 1000);
    if (costs_.peak > 0) line += fmt::format("  {:.1f} % of peak", 100 * rate * costs_.flops_per_token / costs_.peak);
    line += fmt::format("  experts max {:.2f} x mean, {} dead  {}", r.load_max_over_mean, r.dead_experts,
                        last ? std::string("done") : fmt::format("{:.0f} min left", left / 60));
    if (const std::string price = account_.price(); !price.empty()) line += "  " + price;
    if (terminal_)
      fmt::print("\r\033[K{}{}", line, last ? "\n" : "");
    else
      fmt::print("{}\n", line);
    std::fflush(stdout);
  }
  void line(const std::string& text) {
    fmt::print("{}{}\n", terminal_ ? "\r\033[K" : "", text);
    std::fflush(stdout);
  }
  double seconds() const { return monotonic_seconds() - start_; }

 private:
  int64_t steps_;
  Costs costs_;
  ledger::Account& account_;
  int64_t first_ = 0, first_tokens_ = -1;
  double printed_ = 0;
  bool terminal_ = isatty(1) == 1;
  double start_ = monotonic_seconds();
};

// What a run leaves to look at: metrics.jsonl, TensorBoard events, and at its end the loss curve.
class Metrics {
 public:
  static Result<Metrics> open(const std::string& folder, int64_t after_step) {
    auto log = train::MetricsLog::open(folder + "/metrics.jsonl", after_step);
    if (!log) return log.error();
    auto events = train::EventFile::create(folder, wall_seconds());
    if (!events) return events.error();
    return Metrics(folder, std::move(*log), std::move(*events));
  }
  // A full disk is said by the next checkpoint, which stops the run; metrics alone do not.
  void step(const train::StepReport& r, const train::RunCounters& c) {
    const train::MetricPoint point{r.step,
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
    const auto points = train::read_metrics(folder_ + "/metrics.jsonl");
    if (!points) return points.error();
    return write_file(folder_ + "/loss.svg",
                      train::loss_curve_svg(*points, {.title = title, .values = {"loss", "mtp"}}));
  }

 private:
  Metrics(std::string folder, train::MetricsLog log, train::EventFile events)
      : folder_(std::move(folder)), log_(std::move(log)), events_(std::move(events)) {}
  std::string folder_;
  train::MetricsLog log_;
  train::EventFile events_;
};

}  // namespace

int run_training(Stage stage, const TrainingOptions& o, const Globals& globals) {
  const auto recipe = train::load_recipe(o.recipe);
  if (!recipe) return fail(recipe.error());
  if (o.explain) {
    fmt::print("{}", train::explain(*recipe));
    return 0;
  }
  const auto& chosen = stage == Stage::pretrain ? recipe->pretrain : recipe->sft;
  if (!chosen) return fail(fmt::format("recipe {}: no [{}] section", recipe->name, stage_name(stage)));
  const train::StageRecipe& s = *chosen;
  const auto run_folder = [&](Stage which) {
    return (fs::path(globals.places.home) / "runs" / (fs::path(o.recipe).stem().string() + "-" + stage_name(which)))
        .string();
  };
  const std::string folder = o.folder.empty() ? run_folder(stage) : o.folder;
  const std::string start =
      stage == Stage::sft ? (o.from.empty() ? run_folder(Stage::pretrain) + "/model" : o.from) : o.from;
  // From here on whatever becomes of the run stands in the ledger.
  ledger::Account account(globals.places.home, {.kind = stage_name(stage), .model = folder, .note = recipe->name}, say);
  std::error_code error;
  if (o.restart) fs::remove_all(fs::path(folder) / "checkpoints", error);
  if (!o.resume && fs::exists(fs::path(folder) / "checkpoints", error) &&
      !fs::is_empty(fs::path(folder) / "checkpoints", error))
    return fail(fmt::format(
        "{}: holds checkpoints of an earlier run; continue it with --resume, or begin anew with --restart", folder));
  fs::create_directories(folder, error);
  if (error) return fail(fmt::format("{}: cannot be made: {}", folder, error.message()));

  const std::string tokenizer_path = !o.tokenizer.empty() ? o.tokenizer
                                     : !start.empty()     ? start
                                     : !recipe->tokenizer.file.empty()
                                         ? (fs::path(recipe->folder) / recipe->tokenizer.file).string()
                                         : std::string();
  // Without one of its own the recipe's data makes the tokenizer; it stays in the run's folder for a resume.
  const std::string own = folder + "/tokenizer.json";
  const auto tokenizer = [&]() -> Result<tokenizer::Tokenizer> {
    if (!tokenizer_path.empty()) return tokenizer::Tokenizer::load(tokenizer_path);
    if (o.resume && fs::exists(own)) return tokenizer::Tokenizer::load(own);
    auto made = make_tokenizer(recipe->data, recipe->tokenizer.train_samples, {}, recipe->model.vocab_size);
    if (made)
      if (auto status = made->save(own); !status) return status.error();
    return made;
  }();
  if (!tokenizer) return fail(tokenizer.error());
  const auto config = train::with_tokenizer(recipe->model, *tokenizer);
  if (!config) return fail(config.error());

  ops::Runtime runtime(globals.thread_count(), globals.chosen_isa(), globals.numerics());
  models::DeepseekV3 model(*config, globals.numerics());
  train::Trainer trainer(model, runtime, s.init_options());
  if (!start.empty()) {
    const auto weights = formats::Safetensors::open_folder(start);
    if (!weights) return fail(weights.error());
    const Status started = trainer.start_from(weights->views(), weights->file_of({}));
    if (auto status = weights->intact(); !status) return fail(status.error());
    if (!started) return fail(started.error());
  }
  std::string chat_template(text::kChatTemplate);
  std::optional<text::ChatFormat> format;
  if (!o.chat_template.empty()) {
    const auto text = read_file(o.chat_template);
    if (!text) return fail(text.error());
    auto read = text::ChatFormat::from_text(*text, o.chat_template);
    if (!read) return fail(read.error());
    chat_template = *text;
    format = std::move(*read);
  }
  auto sources = train::open_sources(*recipe, s, *tokenizer, format);
  if (!sources) return fail(sources.error());

  train::RunPlan plan = train::plan_of(*recipe, s);
  if (o.max_steps > 0) plan.steps = std::min(o.max_steps, plan.steps);
  plan.folder = folder + "/checkpoints";
  plan.decides = {{"number mode", globals.f32 ? "f32" : "bf16"}, {"tokenizer", sha256_hex(tokenizer->to_json())}};
  const models::ParameterCount& count = model.info().parameters;
  fmt::print("model  DeepseekV3, {:.2f}M parameters ({:.2f}M active), MTP {:.2f}M, {}, {} on {} thread(s)\n",
             static_cast<double>(count.total) / 1e6, static_cast<double>(count.active) / 1e6,
             static_cast<double>(count.mtp) / 1e6, globals.f32 ? "f32" : "bf16",
             kernels::isa_name(runtime.context().kernels.isa), globals.thread_count());
  fmt::print("run    {}  {} steps of {} tokens, a checkpoint every {}\n", folder, plan.steps, s.batch_tokens,
             s.checkpoint_every_steps);
  std::fflush(stdout);

  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const double flops_per_token = model.info().training_flops(static_cast<double>(s.context) / 4, s.mtp_lambda != 0);
  const auto peak =
      machine::measure_peak(machine::peak_isa(globals.chosen_isa(), globals.f32), runtime.context().pool, 5);
  Progress progress(plan.steps, {flops_per_token, peak.median}, account);
  std::optional<Metrics> metrics;
  int64_t tokens_before = 0;  // of earlier processes, which have their own rows in the ledger
  train::RunHooks hooks;
  hooks.on_start = [&](int64_t step, const train::RunCounters& c) -> Status {
    tokens_before = c.tokens;
    if (step > 0) progress.line(fmt::format("resume from step {}, {} tokens", step, c.tokens));
    auto opened = Metrics::open(folder, o.resume ? step : -1);
    if (!opened) return opened.error();
    metrics.emplace(std::move(*opened));
    return {};
  };
  hooks.on_step = [&](const train::StepReport& r, const train::RunCounters& c) {
    progress.step(r, c);
    metrics->step(r, c);
    const int64_t tokens = c.tokens - tokens_before;
    account.count(tokens, flops_per_token * static_cast<double>(tokens));
  };
  hooks.on_message = [&](const std::string& message) { progress.line(message); };
  hooks.should_stop = [] { return interrupted != 0; };
  const auto result = train::run(trainer, *sources, plan, o.resume, hooks);
  if (!result) return fail(result.error());
  if (result->end == train::RunEnd::stopped) {
    account.finish(ledger::Ending::interrupted);
    progress.line(
        fmt::format("saved step {}. Continue with: jamsu {} {} --resume", result->step, stage_name(stage), o.recipe));
    return 130;
  }
  if (auto status =
          train::export_model(folder + "/model", trainer, *config, *tokenizer, {.chat_template = chat_template});
      !status)
    return fail(status.error());
  if (auto status = metrics->draw(recipe->name + std::string(", ") + stage_name(stage)); !status)
    progress.line(status.error().message);
  account.finish(ledger::Ending::finished);
  progress.line(
      fmt::format("model  {}/model   {} tokens in {:.0f} s", folder, result->counters.tokens, progress.seconds()));
  if (result->counters.samples_skipped > 0)
    progress.line(
        fmt::format("note   {} samples longer than the context were left out", result->counters.samples_skipped));
  return 0;
}

namespace {

void add_verb(Verb& app, Globals& globals, Stage stage, const char* name, const char* help, const char* example) {
  auto options = std::make_shared<TrainingOptions>();
  auto* verb = app.add_subcommand(name, help);
  verb->add_option("recipe", options->recipe, "recipe (TOML)")->required();
  verb->add_option("--folder", options->folder,
                   "of the run: checkpoints, metrics, the model (default: $JAMSU_HOME/runs/RECIPE-STAGE)");
  verb->add_option("--from", options->from, "start from the weights of this model folder");
  verb->add_option("--tokenizer", options->tokenizer, "tokenizer.json to use instead of the recipe's");
  verb->add_option("--chat-template", options->chat_template,
                   "chat_template.jinja to train with, which goes into the model's folder (default: the built-in)");
  verb->add_flag("--resume", options->resume, "continue from the newest whole checkpoint");
  verb->add_flag("--restart", options->restart,
                 "delete the checkpoints of an earlier run in the folder and begin anew");
  verb->add_flag("--explain", options->explain, "print the effective recipe with every field explained, and stop");
  verb->add_option("--max-steps", options->max_steps, "stop after so many steps")->range(int64_t{1}, int64_t{1} << 40);
  verb->footer(example);
  verb->callback([options, &globals, stage] { globals.exit_code = run_training(stage, *options, globals); });
}

}  // namespace

void add_pretrain(Verb& app, Globals& globals) {
  add_verb(app, globals, Stage::pretrain, "pretrain", "train a model from nothing, by a recipe",
           "Example: jamsu pretrain recipes/nano.toml");
}
void add_sft(Verb& app, Globals& globals) {
  add_verb(app, globals, Stage::sft, "sft", "supervised fine-tuning of a model, by a recipe",
           "Example: jamsu sft recipes/nano.toml --from runs/nano-pretrain/model");
}

}  // namespace jamsu::apps
